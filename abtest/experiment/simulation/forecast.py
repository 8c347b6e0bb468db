"""What to expect of a planned experiment: it is simulated with every strategy, and told in days and conversions."""

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np

from abtest.experiment.evidence.sample_size import Durations
from abtest.experiment.record.strategies import STRATEGIES
from abtest.experiment.simulation import (
    Estimate,
    Runs,
    Scenario,
    SequentialTest,
    Users,
    estimate,
    interval_policy,
    simulate,
)
from abtest.experiment.simulation.visitors import CHUNK

MOST_INTERVALS = 100  # or one a day: an experiment with more rebalances is looked at less often than it would be
MOST_DAYS = 366  # that can be an interval each; sticky users come once a day


@dataclasses.dataclass(frozen=True)
class PlannedExperiment:
    """An experiment to be. Shares are 0..1; of the `rates` the first is the champion's.

    `delay_hours` is the mean of the time to a conversion, which is exponential, cut at `window_hours`; the rates are
    those within the window. `new_share` of a day's requests come from users never seen before; 1: no user comes back.
    `floor` is the least share that the strategy leaves an arm. With a `margin` variants that differ by less than it can
    be found equivalent; None: never.
    """

    rates: tuple[float, ...]
    requests_per_day: int
    days: int
    rebalance_minutes: float
    delay_hours: float
    window_hours: float
    new_share: float
    alpha: float
    mode: str
    floor: float
    epsilon: float
    margin: float | None = None

    def __post_init__(self) -> None:
        """ValueError, beginning with the field's name, for what the simulator could not say better."""
        if len(self.rates) < 2:
            raise ValueError("rates: must be two or more, such as 4%,5%")
        if self.new_share < 1 and self.days > MOST_DAYS:
            raise ValueError(f"days: must be at most {MOST_DAYS} where users come back, not {self.days}")
        if self.window_hours < self.delay_hours:
            raise ValueError(f"window_hours: must be at least the mean delay, {self.delay_hours:g} hours")
        if self.window_hours >= 24 * self.days:
            raise ValueError(f"window_hours: must end within the {self.days} days, else nothing is ever counted")

    @property
    def interval_days(self) -> float:
        """Between two looks: never less than it takes for a request to come."""
        if self.new_share < 1:
            return 1.0
        most = max(MOST_INTERVALS, min(self.days, MOST_DAYS))
        rebalances = int(self.days * 24 * 60 / self.rebalance_minutes + 1e-9)
        return self.days / min(rebalances, most, self.days * self.requests_per_day)

    @property
    def is_coarser(self) -> bool:
        """Whether shares move less often than they would."""
        return self.interval_days * 24 * 60 > self.rebalance_minutes * 1.001

    def scenario(self) -> Scenario:
        """ValueError, beginning with a field's name, for what cannot be."""
        hours = 24 * self.interval_days
        return Scenario(
            "plan",
            self.rates,
            intervals=round(self.days / self.interval_days),
            requests=round(self.requests_per_day * self.interval_days),
            delay=seen_after(self.delay_hours / hours, self.window_hours / hours),
            window=math.ceil(self.window_hours / hours - 1e-9),
            users=Users(self.new_share),
        )

    def test(self) -> SequentialTest:
        return SequentialTest(self.alpha, self.mode, margin=self.margin)

    def first_day_loss(self) -> float:
        """Conversions that an equal split loses a day: what it costs to know nothing yet, on average."""
        return self.requests_per_day * (max(self.rates) - math.fsum(self.rates) / len(self.rates))

    def least_loss(self) -> float:
        """Conversions that sticky users cost even if the best arm is known after the first day, on average.

        The users of the first day were spread evenly; of them `new_share` leave each day, the others keep their arm.
        """
        return self.first_day_loss() * (1 - (1 - self.new_share) ** self.days) / self.new_share


def steps(plan: PlannedExperiment, runs: int) -> int:
    """How often `forecasts` calls `each`."""
    return len(STRATEGIES) * plan.scenario().intervals * math.ceil(runs / CHUNK)


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What became of the runs of one strategy.

    Shares of runs are 0..1; times are days, infinite where nothing was decided.
    """

    strategy: str
    lost: Estimate  # conversions, against the best arm throughout
    durations: Durations
    expected_days: float  # a run without a decision takes the whole horizon
    right: float
    wrong: float
    equivalent: float
    lost_by_day: tuple[float, ...]  # mean, cumulative, after each interval
    decided_by_day: tuple[float, ...]  # share of runs

    @property
    def undecided(self) -> float:
        return max(1 - self.right - self.wrong - self.equivalent, 0.0)


def differs(plan: PlannedExperiment) -> bool:
    """Whether a challenger's rate is at least the margin away from the champion's, so that nothing is equivalent."""
    champion, *challengers = plan.rates
    return any(abs(rate - champion) >= (plan.margin or 0.0) - 1e-12 for rate in challengers)


def seen_after(mean: float, window: float) -> tuple[float, ...]:
    """The probabilities that a conversion is seen j intervals after the one of its invocation, j = 0, 1, ...

    The time to it is exponential with this `mean`, given that it is at most `window`, both 0 or more, in intervals;
    invocations are spread evenly over their interval.
    """
    if mean == 0:
        return (1.0,)
    whole = -math.expm1(-window / mean)
    ages = math.ceil(window - 1e-9)
    # The mean over an interval of the share seen by then; after the window, all.
    steps = (np.arange(200) + 0.5) / 200
    by_age = [float(np.minimum(-np.expm1(-(age + steps) / mean) / whole, 1).mean()) for age in range(ages)]
    shares = np.diff([0.0, *by_age, 1.0])
    return tuple(float(share) for share in shares / math.fsum(shares))


def forecasts(plan: PlannedExperiment, *, runs: int, seed: int, each: Callable[[str], None]) -> list[Forecast]:
    """Simulates every strategy; calls `each` with the strategy's name after every interval."""
    scenario, test = plan.scenario(), plan.test()
    found = []
    for strategy in STRATEGIES:
        policy = interval_policy(strategy, epsilon=plan.epsilon, floor=plan.floor)
        tell = functools.partial(each, strategy)
        done = simulate(scenario, policy, runs=runs, seed=seed, test=test, by_counts=True, each=tell)
        found.append(_forecast(plan, strategy, done))
    return found


def _forecast(plan: PlannedExperiment, strategy: str, runs: Runs) -> Forecast:
    assert runs.decisions is not None
    decided_at = runs.decisions.decided_at
    days = np.where(decided_at >= 0, (decided_at + 1) * plan.interval_days, math.inf)
    named, same = runs.decisions.leader >= 0, runs.decisions.equivalent
    false = runs.false_decision | (same & differs(plan))
    ends = np.arange(runs.scenario.intervals)
    decided = (decided_at >= 0)[:, None] & (decided_at[:, None] <= ends)
    return Forecast(
        strategy,
        estimate(runs.total_regret),
        Durations.of(days.tolist()),
        float(np.minimum(days, plan.days).mean()),
        float((named & ~false).mean()),
        float(false.mean()),
        float((same & ~false).mean()),
        tuple(runs.regret.mean(axis=0).cumsum().tolist()),
        tuple(decided.mean(axis=0).tolist()),
    )
