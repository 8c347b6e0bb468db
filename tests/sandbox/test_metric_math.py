import pytest

from abtest.sandbox.patches import metric_math

RATE = "IF(errors >= 2, errors / calls, 0)"


@pytest.mark.parametrize(
    ("expression", "values", "result"),
    [
        (RATE, {"errors": 3.0, "calls": 4.0}, 0.75),
        (RATE, {"errors": 1.0, "calls": 1.0}, 0.0),
        (RATE, {"errors": None, "calls": 4.0}, None),
        ("errors / calls", {"errors": 0.0, "calls": 0.0}, None),
        ("FILL(errors, 0) * 100", {"errors": None}, 0.0),
        ("(a - b) + 1 != 2", {"a": 3.0, "b": 1.0}, 1.0),
    ],
)
def test_an_expression_of_one_period(expression: str, values: dict[str, float | None], result: float | None) -> None:
    metric_math.check([expression])
    assert metric_math.value(expression, values) == result


@pytest.mark.parametrize("expression", ["ANOMALY_DETECTION_BAND(m1)", "IF(a, b)", "a ** b", "a <", "'x'"])
def test_what_it_does_not_know_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="Metrics: "):
        metric_math.check([expression])
