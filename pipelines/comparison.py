"""Says whether a challenger is better than the champion on the same test rows: a paired test, so a tie is no win."""

from typing import Any

import numpy as np
from scipy.stats import binomtest

from pipelines.metrics import CONFIDENCE, MEASURES, SIGNIFICANCE, Array, Metric, Scored, measured, summary


def compared(challenger: Scored, champion: Scored, draws: Array) -> dict[str, Any]:
    """Challenger minus champion, by every measure; the verdict is the accuracy's, by McNemar's exact test.

    `draws`: [resamples, measures], the difference of the two models' bootstraps over the same resampled rows.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947), 153-157: rows on which both are right, or both wrong, say nothing of the difference.
    """
    won = int(np.sum(challenger.right & ~champion.right))
    lost = int(np.sum(champion.right & ~challenger.right))
    p_value = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
    accuracy = accuracy_difference(won, lost, len(challenger.actual))
    return {
        "rows": {"only_challenger_right": won, "only_champion_right": lost},
        "mcnemar_exact_p_value": p_value,
        "verdict": verdict(won, lost, p_value),
        "credible_loss": max(0.0, -accuracy["upper"]),
        "differences": {"accuracy": accuracy, **differences(challenger, champion, draws)},
    }


def verdict(won: int, lost: int, p_value: float) -> str:
    """Returns better, worse or tie."""
    if p_value > SIGNIFICANCE:
        return "tie"
    return "better" if won > lost else "worse"


def accuracy_difference(won: int, lost: int, rows: int) -> Metric:
    """Returns the difference of two accuracies, -1..1; its interval leaves out 0 just where the exact test does.

    Given the number of rows on which only one is right, the share of them that the challenger won has the interval of
    C. Clopper and E. S. Pearson, Biometrika 26 (1934), 404-413.
    """
    decided = won + lost
    if decided == 0:
        return {"value": 0.0, "lower": 0.0, "upper": 0.0}
    ends = binomtest(won, decided).proportion_ci(CONFIDENCE, method="exact")
    low, high = ((2 * float(share) - 1) * decided / rows for share in (ends.low, ends.high))
    return {"value": (won - lost) / rows, "lower": low, "upper": high}


def differences(challenger: Scored, champion: Scored, draws: Array) -> dict[str, Metric]:
    """Returns the other measures' differences, with the intervals of the paired bootstrap."""
    values = measured(challenger) - measured(champion)
    return {name: summary(float(values[place]), draws[:, place]) for place, name in enumerate(MEASURES)}
