"""Numbers of one model on the test rows, each with a 95 % interval, and of the difference of two models.

Needs numpy, scipy and scikit-learn, which SageMaker's scikit-learn image has; the calls are the same in scikit-learn
1.4 (that image) and in later ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn import config_context
from sklearn.metrics import auc, average_precision_score, brier_score_loss, precision_recall_curve, roc_curve

Array = npt.NDArray[Any]
Metric = dict[str, float]

CONFIDENCE = 0.95
SIGNIFICANCE = 1 - CONFIDENCE
RESAMPLES = 1000
BINS = 10
CURVE_POINTS = 200  # a property file of a pipeline holds 2 MB


@dataclass(frozen=True)
class Scored:
    """One model's answers: arrays of shape [rows].

    `actual` and `predicted`: 1 for the positive class, else 0; `scores`: its probability, 0..1.
    """

    actual: Array
    predicted: Array
    scores: Array

    def rows(self, chosen: Array) -> "Scored":
        return Scored(self.actual[chosen], self.predicted[chosen], self.scores[chosen])

    @property
    def right(self) -> Array:
        """Returns booleans: whether each row's label was predicted."""
        return np.asarray(self.actual == self.predicted)


def f1(model: Scored) -> float:
    """Returns 2 TP / (2 TP + FP + FN), 0 without any of the three."""
    both = int(np.sum(model.actual * model.predicted))
    total = int(np.sum(model.actual) + np.sum(model.predicted))
    return 2 * both / total if total else 0.0


def roc_auc(model: Scored) -> float:
    return float(auc(*roc_curve(model.actual, model.scores)[:2]))


def pr_auc(model: Scored) -> float:
    """Returns average precision: the area under the curve of steps, which does not interpolate."""
    return float(average_precision_score(model.actual, model.scores))


def brier_score(model: Scored) -> float:
    """Returns the mean squared distance of score and label, 0..1; lower is better."""
    return float(brier_score_loss(model.actual, model.scores))


def calibration_error(model: Scored) -> Metric:
    """Expected calibration error, 0..1: mean distance of mean score and observed share in BINS bins of equal width.

    M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
    AAAI 2015. The interval is what the bins' shares allow if each lies in its exact interval, at a level at which all
    do (Bonferroni): resamples would say too much, since chance can only raise this error.
    """
    places = bins(model)
    found = [_distances(model.rows(places == number)) for number in np.unique(places)]
    value, lower, upper = np.sum(found, axis=0) / len(model.scores)
    return {"value": float(value), "lower": float(lower), "upper": float(upper)}


def _distances(rows: Scored) -> tuple[float, float, float]:
    """Returns the distance of a bin's mean score and observed share (as is, least, largest), times its rows."""
    trials, successes, mean = len(rows.scores), int(rows.actual.sum()), float(rows.scores.mean())
    ends = binomtest(successes, trials).proportion_ci(1 - SIGNIFICANCE / BINS, method="exact")
    low, high = float(ends.low), float(ends.high)
    least = max(0.0, low - mean, mean - high)
    return trials * abs(mean - successes / trials), trials * least, trials * max(abs(mean - low), abs(mean - high))


def bins(model: Scored) -> Array:
    """Returns the bin of each row, 0..BINS-1."""
    found: Array = np.minimum((model.scores * BINS).astype(int), BINS - 1)
    return found


# What the bootstrap measures in every resample.
MEASURES: dict[str, Callable[[Scored], float]] = {
    "f1": f1,
    "auc": roc_auc,
    "pr_auc": pr_auc,
    "brier_score": brier_score,
}


def measured(model: Scored) -> Array:
    """Returns the MEASURES of the model, in order."""
    return np.array([measure(model) for measure in MEASURES.values()])


def resamples(actual: Array, seed: int) -> list[Array]:
    """Returns row numbers of each resample, which keeps each class's rows, so that every measure exists.

    As in X. Robin et al., "pROC: an open-source package for R and S+ to analyze and compare ROC curves",
    BMC Bioinformatics 12 (2011) 77.
    """
    generator = np.random.default_rng(seed)
    classes = [np.flatnonzero(actual == label) for label in (0, 1)]
    return [
        np.concatenate([generator.choice(rows, len(rows)) for rows in classes if len(rows)]) for _ in range(RESAMPLES)
    ]


def bootstrapped(model: Scored, seed: int) -> Array:
    """Returns MEASURES of every resample: [RESAMPLES, measures]. The same seed draws the same rows for any model."""
    with config_context(assume_finite=True, skip_parameter_validation=True):  # checked once, by `measured` before
        return np.array([measured(model.rows(chosen)) for chosen in resamples(model.actual, seed)])


def summary(value: float, draws: Array) -> Metric:
    """Returns a value with the standard deviation and the percentile interval of its draws."""
    lower, upper = np.quantile(draws, [SIGNIFICANCE / 2, 1 - SIGNIFICANCE / 2])
    return {
        "value": value,
        "standard_deviation": float(np.std(draws, ddof=1)),
        "lower": float(lower),
        "upper": float(upper),
    }


def proportion(successes: int, trials: int) -> Metric:
    """Returns a proportion with Wilson's score interval; without trials the value is 0 and the interval 0 to 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927), 209-212.
    """
    if trials == 0:
        return {"value": 0.0, "standard_deviation": 0.0, "lower": 0.0, "upper": 1.0}
    share = successes / trials
    interval = binomtest(successes, trials).proportion_ci(CONFIDENCE, method="wilson")
    return {
        "value": share,
        "standard_deviation": float(np.sqrt(share * (1 - share) / trials)),
        # Rounding may put an end past the value where all or none succeed.
        "lower": min(share, float(interval.low)),
        "upper": max(share, float(interval.high)),
    }


def reliability(model: Scored) -> list[dict[str, Any]]:
    """Returns for each bin with rows: its ends, its rows, their mean score, and the observed share with interval."""
    places = bins(model)
    return [
        {
            "from": number / BINS,
            "to": (number + 1) / BINS,
            "rows": int(chosen.sum()),
            "mean_score": float(model.scores[chosen].mean()),
            "observed": proportion(int(model.actual[chosen].sum()), int(chosen.sum())),
        }
        for number in range(BINS)
        if (chosen := places == number).any()
    ]


def curves(model: Scored) -> dict[str, dict[str, list[float]]]:
    """Returns the two curves in SageMaker's layout, at most CURVE_POINTS points each."""
    false_positives, true_positives, _ = roc_curve(model.actual, model.scores)
    precisions, recalls, _ = precision_recall_curve(model.actual, model.scores)
    return {
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": thinned(false_positives),
            "true_positive_rates": thinned(true_positives),
        },
        "precision_recall_curve": {"precisions": thinned(precisions), "recalls": thinned(recalls)},
    }


def thinned(values: Array) -> list[float]:
    """Chooses values evenly, first and last among them."""
    chosen = np.linspace(0, len(values) - 1, min(len(values), CURVE_POINTS)).round().astype(int)
    return [float(value) for value in values[chosen]]
