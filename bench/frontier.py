"""Measures what it costs, where nothing changes, to find a loser that rises: `Adaptive` by its dial, and the best.

An idle arm's rise is seen only by sending users to it, and each of them costs the difference of the rates while nothing
has changed.
"""

from typing import Any

from abtest.experiment.allocation.adaptive_filter import IDLE
from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import IntervalPolicy, ratio, simulate
from abtest.experiment.simulation.strategies import Adaptive
from bench import oracle
from bench.cells import SETS
from bench.policies import PUBLISHED, policy
from bench.pool import Task
from bench.regret import SEED

CELLS = {
    "steady": ".04 / .05, on time",
    "swaps": "swap half-way, .04 / .05, on time",
    "rises": "a loser rises, .05 / .04 to .06, on time",
}
IDLES = tuple(sorted({0.0, 0.1, 0.2, 0.4, 0.8, 1.6, IDLE}))
CHANCES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)  # of a rise before an interval, as the oracle believes
OTHERS = ("ThompsonSampling", "published UCB1", "published EpsilonGreedy", "GrowthBook bandit")


def adaptive(idle: float) -> IntervalPolicy:
    """Makes `Adaptive` with another value of its dial."""
    return IntervalPolicy(f"Adaptive, idle {idle:g}", lambda runs, arms: Adaptive(runs, arms, idle), "weighted")


def measure(name: str, idle: float | None, cell_name: str, runs: int) -> Floats:
    """Returns by run, [runs], the regret of a strategy by name, or of `Adaptive` with the dial at `idle`."""
    scenario = next(cell.scenario for cell in SETS["tuning"] if cell.name == cell_name)
    chosen = policy(name) if idle is None else adaptive(idle)
    return simulate(scenario, chosen, runs=runs, seed=SEED).total_regret


def best(chance: float, runs: int) -> dict[str, float]:
    """Returns the conversions that the oracle loses."""
    chosen = oracle.best_visits(chance)
    times = {"steady": None, "rises": oracle.INTERVALS // 2}
    return {kind: oracle.regret(chosen, chance, at, runs) for kind, at in times.items()}


def _measured() -> list[tuple[str, float | None]]:
    return [(PUBLISHED, None), *((f"Adaptive, idle {idle:g}", idle) for idle in IDLES), *((n, None) for n in OTHERS)]


def tasks(runs: int) -> list[Task]:
    simulated = [
        Task(f"frontier: {name}, {cell}", measure, (name, idle, cell, runs), 1e5)
        for name, idle in _measured()
        for cell in CELLS.values()
    ]
    return [*simulated, *(Task(f"frontier: oracle, {chance:g}", best, (chance, runs)) for chance in CHANCES)]


def rows(results: list[Any]) -> list[dict[str, Any]]:
    """Returns a row for each strategy: ratios to the published Thompson sampling, of `results` in `tasks`' order."""
    left = iter(results)
    published = {kind: next(left) for kind in CELLS}
    found: list[dict[str, Any]] = []
    for name, idle in _measured()[1:]:
        ratios = {kind: list(ratio(next(left), published[kind])) for kind in CELLS}
        found.append({"strategy": name, "idle": idle, "chance": None, **ratios})
    for chance, lost in zip(CHANCES, left, strict=True):
        known = {kind: [lost[kind] / float(published[kind].mean()), None] for kind in lost}
        found.append({"strategy": f"all known but when, chance {chance:g}", "idle": None, "chance": chance, **known})
    return found
