"""Measures regret and final picks of every strategy on every scenario, as ratios to the published Thompson sampling."""

import dataclasses
from typing import Any

import numpy as np

from abtest.experiment.arrays import Floats
from abtest.experiment.simulation import Estimate, difference, estimate, ratio, simulate
from bench.cells import SETS, Cell
from bench.policies import BASIC, EQUAL, GROWTHBOOK, LIBRARY_PEERS, PUBLISHED, policy, runs_of
from bench.pool import Task

SEED = 20_261_124
COSTLY = {PUBLISHED: 20.0, "bayesianbandits IDS": 30.0, "published UCB1": 8.0, "published EpsilonGreedy": 8.0}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of one policy: by run, regret in conversions and whether the pick is right; `curve` by interval."""

    regret: Floats
    right: Floats
    curve: Floats


def measure(cell: Cell, name: str, runs: int) -> Outcome:
    result = simulate(cell.scenario, policy(name), runs=runs, seed=SEED)
    return Outcome(result.total_regret, result.right.astype(float), result.regret.mean(axis=0).cumsum())


def names(cell: Cell, ours: str, which: str) -> list[str]:
    """Returns the strategies that run on a cell of the set `which`."""
    basic = BASIC if which == "tuning" else (PUBLISHED, EQUAL, GROWTHBOOK)
    own = [name for name in (ours, "ThompsonSampling") if name not in basic]
    return list(dict.fromkeys([*own, *basic, *(LIBRARY_PEERS if cell.all_peers else ())]))


def tasks(ours: str, runs: int, sets: dict[str, list[Cell]] = SETS) -> list[Task]:
    return [
        Task(f"{which}: {cell.name}: {name}", measure, (cell, name, runs_of(name, runs)), _cost(cell, name))
        for which, cells in sets.items()
        for cell in cells
        for name in names(cell, ours, which)
    ]


def _cost(cell: Cell, name: str) -> float:
    scenario = cell.scenario
    return COSTLY.get(name, 2.0) * scenario.arms * scenario.intervals * scenario.requests


def rows(ours: str, outcomes: list[Outcome], sets: dict[str, list[Cell]] = SETS) -> list[dict[str, Any]]:
    """Returns a row for each cell and strategy, from `outcomes` in the order of `tasks`."""
    result, left = [], iter(outcomes)
    for which, cells in sets.items():
        for cell in cells:
            found = {name: next(left) for name in names(cell, ours, which)}
            result += [_row(which, cell, name, found) for name in found]
    return result


def _row(which: str, cell: Cell, name: str, found: dict[str, Outcome]) -> dict[str, Any]:
    outcome, published = found[name], found[PUBLISHED]
    runs = len(outcome.regret)
    return {
        "set": which,
        "scenario": cell.name,
        "group": cell.group,
        "timing": cell.timing,
        "strategy": name,
        "runs": runs,
        "regret": _numbers(estimate(outcome.regret)),
        "ratio": _numbers(ratio(outcome.regret, published.regret[:runs])),
        "right": _numbers(estimate(outcome.right)),
        "right_difference": _numbers(difference(outcome.right, published.right[:runs])),
        "curve": [round(float(value), 3) for value in outcome.curve],
    }


def _numbers(value: Estimate) -> list[float]:
    """Returns mean and standard error."""
    return [float(value.mean), float(np.nan_to_num(value.error))]
