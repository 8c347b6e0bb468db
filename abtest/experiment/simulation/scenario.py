"""What a simulated experiment is: true rates, how they change, traffic, delay of conversions, users."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from abtest.experiment.arrays import Floats


@dataclasses.dataclass(frozen=True)
class Change:
    """From the share `at` of the run on (0..1, both excluded) the arms convert at `rates`."""

    at: float
    rates: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Users:
    """Who sends the requests.

    `new_share` (above 0, to 1) of the users of an interval are new; the others were there in the interval before and
    keep their variant. Each sends one request an interval; 1 means users redrawn each request. `concentration` (above
    0; None: users are alike) is c where a user's own rate on an arm of rate p is Beta(c p, c (1 - p)) distributed; the
    same quantile of it on every arm.
    """

    new_share: float = 1.0
    concentration: float | None = None


REDRAWN = Users()


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One experiment to simulate.

    `rates`: each arm's true conversion rate at the start, 0..1. `intervals` of `requests` each. `delay[j]`: the
    probability that a conversion is seen j intervals after its invocation; they sum to 1. `window`: the intervals after
    which a cohort is closed, at least and by default what the longest delay needs. ValueError, beginning with the
    field's name, for what cannot be.
    """

    name: str
    rates: tuple[float, ...]
    changes: tuple[Change, ...] = ()
    intervals: int = 50
    requests: int = 1000
    delay: tuple[float, ...] = (1.0,)
    window: int | None = None
    users: Users = REDRAWN

    def __post_init__(self) -> None:
        _check_rates("rates", self.rates)
        _check_count("intervals", self.intervals)
        _check_count("requests", self.requests)
        _check_changes(self.changes, len(self.rates))
        _check_delay(self.delay, self.window)
        _check_users(self.users)

    @property
    def arms(self) -> int:
        return len(self.rates)

    @property
    def closes_after(self) -> int:
        """Intervals after its own at whose end a cohort's conversions are all known."""
        return len(self.delay) - 1 if self.window is None else self.window

    def true_rates(self) -> Floats:
        """[intervals, arms]"""
        table = np.tile(np.array(self.rates, dtype=float), (self.intervals, 1))
        for change in self.changes:
            table[math.ceil(change.at * self.intervals - 1e-9) :] = change.rates
        return table


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_rates(name: str, rates: Sequence[float]) -> None:
    if not isinstance(rates, Sequence) or isinstance(rates, str) or not rates:
        raise ValueError(f"{name}: must hold a rate for each arm, not {rates!r}")
    if not all(_is_number(rate) and 0 <= rate <= 1 for rate in rates):
        raise ValueError(f"{name}: must be numbers from 0 to 1, not {list(rates)}")


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}: must be a whole number, 1 or more, not {value!r}")


def _check_changes(changes: Sequence[Change], arms: int) -> None:
    for index, change in enumerate(changes):
        if not (_is_number(change.at) and 0 < change.at < 1):
            raise ValueError(f"changes[{index}].at: must be a share of the run, between 0 and 1, not {change.at!r}")
        if index and change.at <= changes[index - 1].at:
            raise ValueError(f"changes[{index}].at: must come after the change before it, not at {change.at}")
        _check_rates(f"changes[{index}].rates", change.rates)
        if len(change.rates) != arms:
            raise ValueError(f"changes[{index}].rates: must be one for each of {arms} arms, not {len(change.rates)}")


def _check_delay(delay: Sequence[float], window: int | None) -> None:
    if not delay or not all(_is_number(share) and share >= 0 for share in delay):
        raise ValueError(f"delay: must be probabilities, 0 or more, not {delay!r}")
    if abs(math.fsum(delay) - 1) > 1e-9:
        raise ValueError(f"delay: must sum to 1, not {math.fsum(delay):g}")
    whole = isinstance(window, int) and not isinstance(window, bool)
    if window is not None and not (whole and window >= len(delay) - 1):
        raise ValueError(f"window: must be {len(delay) - 1} intervals or more, what the delay needs, not {window!r}")


def _check_users(users: Users) -> None:
    if not (_is_number(users.new_share) and 0 < users.new_share <= 1):
        raise ValueError(f"users.new_share: must be above 0, at most 1, not {users.new_share!r}")
    if users.concentration is not None and not (_is_number(users.concentration) and users.concentration > 0):
        raise ValueError(f"users.concentration: must be a number above 0, not {users.concentration!r}")
