"""The slow suites have a budget each, which together leave `make test` its 25 minutes on 2 cores."""

import pytest

from tests import budgets
from tests.conftest import ROOT

WHOLE_SECONDS, CHECK_SECONDS = 25 * 60, 2 * 60


def test_every_slow_file_has_a_budget() -> None:
    paths = [path for path in (ROOT / "tests").rglob("test_*.py") if "mark.slow" in path.read_text()]
    files = [str(path.relative_to(ROOT)) for path in paths if path.name != "test_budgets.py"]
    assert {budgets.suite(file) for file in files} == set(budgets.BUDGETS)


def test_the_budgets_of_two_workers_fit() -> None:
    assert sum(budgets.BUDGETS.values()) / 2 + CHECK_SECONDS <= WHOLE_SECONDS


def test_who_took_how_much() -> None:
    with pytest.raises(ValueError, match="empty"):
        budgets.suite("tests/test_budgets.py")
    assert list(budgets.lines({"tests/cli/demo/": 541.4, "tests/cli/": 3.0})) == [
        "tests/cli/                               3 s of  120 s",
        "tests/cli/demo/                        541 s of  540 s over budget",
    ]
