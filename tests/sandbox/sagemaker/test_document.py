"""docs/sandbox-operations.md is what the code and the tests say, and every operation is proved."""

from abtest.sandbox.sagemaker import document


def test_every_operation_has_a_round_trip_and_a_failing_case() -> None:
    assert document.unproved() == []


def test_the_page_is_fresh() -> None:
    command = "python -m abtest.sandbox.sagemaker.document"
    assert document.PAGE.read_text() == document.page(), f"the page is stale: run {command}"


def test_every_operation_has_its_section() -> None:
    page = document.page()
    assert all(f"## {name}\n" in page for name in document.implemented())
