"""The settings of a test: declared here once, held by the configuration, the experiment and each Decision."""

import dataclasses
from typing import Annotated, TypeAlias

from annotated_types import Ge, Gt, Le

from abtest.experiment.record.codec import Record
from abtest.experiment.record.constraints import OneOf
from abtest.experiment.record.strategies import STRATEGIES

MOST_VARIANTS = 10  # production variants that one endpoint can hold
EARN_FIRST, LEARN_FIRST = "earn_first", "learn_first"
MODES = (LEARN_FIRST, EARN_FIRST)
OBJECTIVES = ("maximize", "minimize")

Strategy: TypeAlias = Annotated[str, OneOf(tuple(STRATEGIES))]
Epsilon: TypeAlias = Annotated[float, Ge(0), Le(1)]
Warmup: TypeAlias = Annotated[int, Ge(0), Le(10**9)]

# For pydantic, where people write these: the text below each field says in the JSON Schema what it is.
AS_WRITTEN = {"use_attribute_docstrings": True, "extra": "forbid", "strict": True, "allow_inf_nan": False}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentSettings(Record):
    """How an experiment moves traffic and when it ends. A running experiment keeps the settings that it began with."""

    __pydantic_config__ = AS_WRITTEN

    strategy: Strategy = "Adaptive"
    """How counts become traffic shares."""
    mode: Annotated[str, OneOf(MODES)] = LEARN_FIRST
    """learn_first: until the test is over half of the traffic is split evenly over the variants that can still be the
    best, so that it is decided soon. earn_first: the strategy has all traffic from the start; it may never decide."""
    objective: Annotated[str, OneOf(OBJECTIVES)] = "maximize"
    """Whether a higher (maximize) or a lower (minimize) mean reward is better."""
    margin: Annotated[float, Gt(0), Le(1)] | None = None
    """Variants whose mean rewards differ by less are equivalent: the test ends and the champion stays; null: never."""
    time_limit_hours: Annotated[float, Gt(0), Le(10 * 366 * 24)] | None = 28 * 24.0
    """Hours after its start at which an undecided test ends and the champion gets all traffic; null: never."""
    epsilon: Epsilon = 0.1
    """EpsilonGreedy only: the share of traffic that explores."""
    warmup: Warmup = 20
    """Burn-in: invocations per variant before shares move."""
    exploration_floor: Annotated[float, Ge(0), Le(1 / MOST_VARIANTS)] = 0.0
    """The least share that a variant keeps; at most what ten variants can all have."""
    attribution_window_seconds: Annotated[int, Ge(0), Le(30 * 24 * 3600)] = 3600
    """How long after an invocation its conversion counts; 0: however long."""
    user_period_seconds: Annotated[int, Ge(0), Le(30 * 24 * 3600)] | None = None
    """How long after a user's first invocation others belong to the user's outcome, which is their mean reward; later
    ones are logged only. 0: the first invocation alone; null: as long as the attribution window."""
    alpha: Annotated[float, Gt(0), Le(0.5)] = 0.05
    """The greatest chance of ever naming a variant while another is better, or a challenger that is no better than the
    champion."""
