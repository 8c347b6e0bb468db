"""Proposals of a tuning job: hyperparameters for each trial, from its seed and index alone."""

import math
import random

from abtest.sandbox.sagemaker.errors import validation
from abtest.sandbox.sagemaker.wire import Json

# `Auto` searches a range on a logarithmic scale when its largest value is this many times the smallest.
WIDE = 100
ATTEMPTS = 50

Proposal = dict[str, str]


def proposals(ranges: Json, seed: int, count: int) -> list[Proposal]:
    """`count` proposals, all different while the ranges allow it; the first n are the same for any count >= n."""
    made: list[Proposal] = []
    for index in range(1, count + 1):
        generator = random.Random(f"{seed}:{index}")
        drawn = (propose(ranges, generator) for _ in range(ATTEMPTS))
        first = next(drawn)
        made.append(first if first not in made else next((p for p in drawn if p not in made), first))
    return made


def propose(ranges: Json, generator: random.Random) -> Proposal:
    """One draw of every hyperparameter, as strings, in the order of their names."""
    drawn: Proposal = {}
    for member, item in sorted(listed(ranges), key=lambda pair: pair[1]["Name"]):
        drawn[item["Name"]] = _DRAWS[member](item, generator)
    return drawn


def listed(ranges: Json) -> list[tuple[str, Json]]:
    """Every range with the member of ParameterRanges that it is in."""
    return [(member, item) for member in _DRAWS for item in ranges.get(member, [])]


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


def _continuous(item: Json, generator: random.Random) -> str:
    low, high = float(item["MinValue"]), float(item["MaxValue"])
    value = _scaled(low, high, _scaling(item, low, high), generator.random())
    return repr(min(high, max(low, value)))


def _integer(item: Json, generator: random.Random) -> str:
    """Each integer is the middle of an interval of width 1, so that both ends are as likely as the others."""
    low, high = int(item["MinValue"]), int(item["MaxValue"])
    value = _scaled(low - 0.5, high + 0.5, _scaling(item, low, high), generator.random())
    return str(min(high, max(low, round(value))))


def _categorical(item: Json, generator: random.Random) -> str:
    return str(generator.choice(item["Values"]))


def _scaling(item: Json, low: float, high: float) -> str:
    scaling = str(item.get("ScalingType", "Auto"))
    if scaling == "Auto":
        return "Logarithmic" if low > 0 and high >= WIDE * low else "Linear"
    return scaling


def _scaled(low: float, high: float, scaling: str, uniform: float) -> float:
    """The value at the share `uniform` (0..1) of the way from `low` to `high` on the scale."""
    if scaling == "ReverseLogarithmic":
        return 1 - _scaled(1 - low, 1 - high, "Logarithmic", uniform)
    if scaling == "Logarithmic":
        return math.exp(math.log(low) + uniform * (math.log(high) - math.log(low)))
    return low + uniform * (high - low)


_DRAWS = {
    "IntegerParameterRanges": _integer,
    "ContinuousParameterRanges": _continuous,
    "CategoricalParameterRanges": _categorical,
}
