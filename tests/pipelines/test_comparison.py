"""The paired comparison: exact, consistent with its own interval, and rarely wrong about equal models."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from pipelines import comparison, metrics
from pipelines.metrics import MEASURES, Scored, bootstrapped

pytestmark = pytest.mark.slow

discordant = st.tuples(st.integers(0, 150), st.integers(0, 150))


def model(right: list[int]) -> Scored:
    """Half of the rows are positive; `right` says which are predicted well, with a score of 0.8."""
    actual = np.arange(len(right)) % 2
    predicted = np.where(right, actual, 1 - actual)
    return Scored(actual, predicted, np.where(predicted == 1, 0.8, 0.2))


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "RESAMPLES", 60)


def compared(challenger: Scored, champion: Scored) -> dict[str, object]:
    draws = bootstrapped(challenger, 1) - bootstrapped(champion, 1)
    return comparison.compared(challenger, champion, draws)


@given(discordant)
def test_the_interval_leaves_out_zero_just_where_the_exact_test_decides(counts: tuple[int, int]) -> None:
    won, lost = counts
    decided = won + lost
    p_value = min(1.0, 2 * binom.cdf(min(counts), decided, 0.5)) if decided else 1.0
    interval = comparison.accuracy_difference(won, lost, 400)
    verdict = comparison.verdict(won, lost, p_value)
    assert interval["lower"] <= interval["value"] <= interval["upper"]
    assert (verdict == "better") == (interval["lower"] > 0)
    assert (verdict == "worse") == (interval["upper"] < 0)


def test_a_tie_is_no_win() -> None:
    # 60 rows where only one is right: 33 to 27 is well within chance.
    found = compared(model([1] * 33 + [0] * 27 + [1] * 140), model([0] * 33 + [1] * 27 + [1] * 140))
    assert found["rows"] == {"only_challenger_right": 33, "only_champion_right": 27}
    assert found["mcnemar_exact_p_value"] == pytest.approx(2 * binom.cdf(27, 60, 0.5))
    assert (found["verdict"], found["credible_loss"]) == ("tie", 0.0)


def test_a_credibly_worse_challenger_has_a_credible_loss() -> None:
    better, worse = model([1] * 150 + [0] * 50), model([1] * 90 + [0] * 110)
    lost = compared(worse, better)
    assert lost["verdict"] == "worse"
    assert 0.2 < float(str(lost["credible_loss"])) < 0.3
    won = compared(better, worse)
    assert (won["verdict"], won["credible_loss"]) == ("better", 0.0)


def test_every_measure_has_a_difference_with_its_sign() -> None:
    differences = compared(model([1] * 150 + [0] * 50), model([1] * 90 + [0] * 110))["differences"]
    assert isinstance(differences, dict)
    assert set(differences) == {"accuracy", *MEASURES}
    for name in ("accuracy", "f1", "auc", "pr_auc"):
        assert 0 < differences[name]["lower"] <= differences[name]["value"] <= differences[name]["upper"]
    assert differences["brier_score"]["upper"] < 0


def test_equal_models_have_no_difference() -> None:
    same = model([1] * 15 + [0] * 5)
    found = compared(same, same)
    assert (found["verdict"], found["mcnemar_exact_p_value"], found["credible_loss"]) == ("tie", 1.0, 0.0)
    assert found["differences"]["accuracy"] == {"value": 0.0, "lower": 0.0, "upper": 0.0}  # type: ignore[index]


@pytest.mark.parametrize("decided", [5, 12, 40, 81])
def test_equally_good_models_are_told_apart_at_most_one_time_in_twenty(decided: int) -> None:
    def p_value(won: int) -> float:
        return min(1.0, 2 * float(binom.cdf(min(won, decided - won), decided, 0.5)))

    decisive = [won for won in range(decided + 1) if comparison.verdict(won, decided - won, p_value(won)) != "tie"]
    assert sum(binom.pmf(decisive, decided, 0.5)) <= 0.05
