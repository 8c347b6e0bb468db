import pytest

from abtest.operations.decide import VariantsDifferError, differ


@pytest.mark.parametrize(
    ("weights", "result"),
    [
        ({"a": 1.0, "b": 3.0}, False),  # weights are relative
        ({"a": 0.25, "b": 0.75}, False),
        ({"a": 0.2500001, "b": 0.7499999}, False),  # single precision
        ({"a": 0.26, "b": 0.74}, True),
        ({"a": 0.0, "b": 1.0}, True),
    ],
)
def test_weights_are_compared_as_shares(weights: dict[str, float], result: bool) -> None:
    assert differ({"a": 0.25, "b": 0.75}, weights) is result


def test_other_variants_are_an_error() -> None:
    with pytest.raises(VariantsDifferError, match="serves a, c, the experiment has a, b"):
        differ({"a": 0.25, "b": 0.75}, {"a": 1, "c": 1})
