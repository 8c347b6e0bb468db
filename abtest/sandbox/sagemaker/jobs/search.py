"""Proposes a tuning job's hyperparameters for each trial, by optuna, from the seed and the trials before it."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.wire import Json

# `Auto` searches a range on a logarithmic scale when its largest value is this many times the smallest.
WIDE = 100
ATTEMPTS = 50
RANDOM_TRIALS = 3  # that have ended before Bayesian search begins to learn from them

RUNNING, FAILED = TrialState.RUNNING, TrialState.FAIL

Proposal = dict[str, str]

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Trial:
    """An earlier trial as a proposal may know it: its objective (larger is better), RUNNING or FAILED."""

    proposal: Proposal
    outcome: float | TrialState


def propose(strategy: str, ranges: Json, seed: int, trials: Sequence[Trial]) -> Proposal:
    """Proposes a trial's hyperparameters, as strings, after `trials`; unlike theirs while the ranges allow it.

    Bayesian: tree-structured Parzen estimators; running trials count as bad ones, so that parallel ones spread out.
    J. Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS 2011. Random: uniform on each scale.
    """
    scales = {item["Name"]: _scale(member, item) for member, item in listed(ranges)}
    study = optuna.create_study(sampler=_sampler(strategy, seed, len(trials)), direction="maximize")
    study.add_trials([_frozen(trial, scales) for trial in trials])
    distributions = {name: scale.distribution for name, scale in sorted(scales.items())}
    made = [trial.proposal for trial in trials]
    first: Proposal | None = None
    for _ in range(ATTEMPTS):
        drawn = study.ask(distributions)
        proposal = {name: scales[name].text(value) for name, value in drawn.params.items()}
        if proposal not in made:
            return proposal
        study.tell(drawn, state=FAILED)
        first = first or proposal
    assert first is not None
    return first


def _sampler(strategy: str, seed: int, trials: int) -> BaseSampler:
    own_seed = int.from_bytes(hashlib.sha256(f"{seed}:{trials + 1}".encode()).digest()[:4])
    if strategy == "Random":
        return RandomSampler(own_seed)
    return TPESampler(seed=own_seed, n_startup_trials=RANDOM_TRIALS, constant_liar=True)


def _frozen(trial: Trial, scales: Mapping[str, "_Scale"]) -> FrozenTrial:
    params = {name: scale.parsed(trial.proposal[name]) for name, scale in scales.items()}
    distributions = {name: scale.distribution for name, scale in scales.items()}
    if isinstance(trial.outcome, TrialState):
        return create_trial(state=trial.outcome, params=params, distributions=distributions)
    return create_trial(value=trial.outcome, params=params, distributions=distributions)


def listed(ranges: Json) -> list[tuple[str, Json]]:
    """Returns every range with the member of ParameterRanges that it is in."""
    return [(member, item) for member in _SCALES for item in ranges.get(member, [])]


def check(ranges: Json) -> None:
    """Raises ValidationException for ranges that cannot be searched."""
    if ranges.get("AutoParameters"):
        raise validation("The sandbox does not choose ranges itself (AutoParameters)")
    names = [item["Name"] for _, item in listed(ranges)]
    if not names:
        raise validation("A tuning job needs at least one hyperparameter range")
    if len(set(names)) < len(names):
        raise validation("Each hyperparameter may have one range only")
    for member, item in listed(ranges):
        if member != "CategoricalParameterRanges":
            _check_bounds(item, int if member == "IntegerParameterRanges" else float)


def _check_bounds(item: Json, kind: type[int] | type[float]) -> None:
    name = item["Name"]
    try:
        low, high = kind(item["MinValue"]), kind(item["MaxValue"])
    except ValueError as error:
        raise validation(f"The bounds of {name} must be of type {kind.__name__}") from error
    if not low <= high or math.isinf(high - low):
        raise validation(f"The range of {name} is empty: MinValue {low} is above MaxValue {high}")
    scaling = item.get("ScalingType", "Auto")
    if scaling == "Logarithmic" and low <= 0:
        raise validation(f"Logarithmic scaling needs a MinValue above 0 ({name})")
    if scaling == "ReverseLogarithmic" and (kind is int or low < 0 or high >= 1):
        raise validation(f"ReverseLogarithmic scaling is for continuous ranges within 0 <= x < 1 ({name})")


@dataclass(frozen=True)
class _Scale:
    """Shows a hyperparameter to optuna, and its value as SageMaker's text."""

    distribution: BaseDistribution

    def text(self, value: Any) -> str:
        return str(value)

    def parsed(self, text: str) -> Any:
        return text


class _Integer(_Scale):
    def parsed(self, text: str) -> int:
        return int(text)


class _Continuous(_Scale):
    def text(self, value: float) -> str:
        return repr(float(value))  # optuna's may be numpy's

    def parsed(self, text: str) -> float:
        return float(text)


@dataclass(frozen=True)
class _Reverse(_Scale):
    """Searches 1 - x on a logarithmic scale."""

    low: float
    high: float

    def text(self, value: float) -> str:
        return repr(min(self.high, max(self.low, 1 - float(value))))

    def parsed(self, text: str) -> float:
        return min(1 - self.low, max(1 - self.high, 1 - float(text)))


def _integer(item: Json) -> _Scale:
    low, high = int(item["MinValue"]), int(item["MaxValue"])
    return _Integer(IntDistribution(low, high, log=_scaling(item, low, high) == "Logarithmic"))


def _continuous(item: Json) -> _Scale:
    low, high = float(item["MinValue"]), float(item["MaxValue"])
    scaling = _scaling(item, low, high)
    if scaling == "ReverseLogarithmic":
        return _Reverse(FloatDistribution(1 - high, 1 - low, log=True), low, high)
    return _Continuous(FloatDistribution(low, high, log=scaling == "Logarithmic"))


def _categorical(item: Json) -> _Scale:
    return _Scale(CategoricalDistribution(item["Values"]))


def _scaling(item: Json, low: float, high: float) -> str:
    scaling = str(item.get("ScalingType", "Auto"))
    if scaling == "Auto":
        return "Logarithmic" if low > 0 and high >= WIDE * low else "Linear"
    return scaling


def _scale(member: str, item: Json) -> _Scale:
    return _SCALES[member](item)


_SCALES = {
    "IntegerParameterRanges": _integer,
    "ContinuousParameterRanges": _continuous,
    "CategoricalParameterRanges": _categorical,
}
