"""The pure core, from events to shares and Decisions: no clock, environment, network or global random numbers.

Its two public functions load when they are first asked for: the API, which needs only records, never waits for them.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abtest.experiment.allocation.posterior import probability_best
    from abtest.experiment.allocation.strategies import traffic_shares

__all__ = ["probability_best", "traffic_shares"]

HOMES = {"probability_best": "posterior", "traffic_shares": "strategies"}


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"abtest.experiment.allocation.{HOMES[name]}"), name)
