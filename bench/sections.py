"""Lists the sections of the benchmarks: their tasks, what becomes of the results, and their tables."""

import dataclasses
from collections.abc import Callable
from typing import Any

from abtest.experiment.allocation.strategies import EVEN_WHILE_LEARNING
from bench import aims, daily, decide, false_decisions, frontier, learn_first, regret, speed, tables
from bench.cells import SETS, Cell
from bench.pool import Task


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a run: `ours` is the strategy that the aims are about, `sets` the scenarios."""

    ours: str = "Adaptive"
    runs: int = 1000
    sets: dict[str, list[Cell]] = dataclasses.field(default_factory=lambda: SETS)


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page: its `tasks` may run side by side, and `collect` makes JSON of what they return."""

    tasks: Callable[[Settings], list[Task]]
    collect: Callable[[Settings, list[Any]], Any]
    aims: Callable[[Settings, Any], list[dict[str, Any]]]
    tables: Callable[[Any], dict[str, str]]


def _regret_tables(rows: Any) -> dict[str, str]:
    shown = {}
    for which in dict.fromkeys(row["set"] for row in rows):
        shown[f"Regret, {which} scenarios"] = tables.regret(rows, which)
        shown[f"Right final picks in percent, {which} scenarios"] = tables.picks(rows, which)
    shown["Runs"] = tables.runs(rows)
    return shown


def _as_they_are(_settings: Settings, results: list[Any]) -> Any:
    return results


SECTIONS: dict[str, Section] = {
    "regret": Section(
        lambda settings: regret.tasks(settings.ours, settings.runs, settings.sets),
        lambda settings, results: regret.rows(settings.ours, results, settings.sets),
        lambda settings, rows: aims.regret_aims(rows, settings.ours),
        _regret_tables,
    ),
    "false_decisions": Section(
        lambda settings: false_decisions.tasks(settings.ours, settings.runs),
        _as_they_are,
        lambda _settings, rows: aims.false_aims(rows),
        lambda rows: {"False decisions, all arms equal": tables.false_decisions(rows)},
    ),
    "decide": Section(
        lambda settings: decide.tasks(settings.ours, settings.runs),
        lambda _settings, results: decide.rows(results),
        lambda settings, rows: aims.decide_aims(rows, settings.ours),
        lambda rows: {
            "How soon a decision comes": tables.decide(rows),
            "The same, .65 / .67 by users an interval": tables.decide_intervals(rows),
        },
    ),
    "learn_first": Section(
        lambda settings: learn_first.tasks(settings.ours, settings.runs),
        _as_they_are,
        lambda settings, rows: aims.learn_aims(rows, settings.ours, EVEN_WHILE_LEARNING),
        lambda rows: {".04 / .05 in 50,000 requests, for those who need the answer": tables.learn_first(rows)},
    ),
    "daily": Section(
        lambda settings: daily.tasks(settings.ours, settings.runs),
        _as_they_are,
        lambda settings, rows: aims.daily_aims(rows, settings.ours, daily.LEAST_DAYS),
        lambda rows: {"The published daily experiment": tables.daily(rows)},
    ),
    "frontier": Section(
        lambda settings: frontier.tasks(settings.runs),
        lambda _settings, results: frontier.rows(results),
        lambda _settings, _rows: [],
        lambda rows: {"What finding a loser that rises costs where nothing changes": tables.frontier(rows)},
    ),
    "speed": Section(
        lambda settings: [Task("speed", speed.measure, (settings.ours, settings.runs))],
        lambda _settings, results: results[0],
        lambda _settings, _result: [],
        lambda result: {"Speed": tables.speed(result)},
    ),
}


def judged(settings: Settings, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the table of aims, as far as the sections that ran go."""
    rows = [row for name, result in found.items() for row in SECTIONS[name].aims(settings, result)]
    return [*rows, aims.all_at_once(rows)] if set(found) == set(SECTIONS) else rows
