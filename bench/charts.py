"""Draws charts: regret as a ratio by scenario, its growth where the arms swap, and what finding a rise costs."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.policies import EQUAL, GROWTHBOOK, PUBLISHED

Row = dict[str, Any]

COLOURS = ("#0b5fff", "#7a7a7a", "#d1495b", "#2a9d8f", "#b07c00")
TICKS = (0.2, 0.3, 0.5, 0.7, 1, 1.5, 2)
SWAP = "swap half-way, .04 / .05, on time"
MOST_STEADY = 1.5  # of a strategy that the frontier shows
ABOVE: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7}
STYLE: dict[Any, Any] = {"svg.hashsalt": "abtest", "svg.fonttype": "none", "font.size": 8}


def ratios(rows: list[Row], ours: str, path: Path) -> None:
    """Draws a dot for each scenario and strategy.

    Left of 1 beats the published, below the dotted line are fresh ones.
    """
    scenarios = list(dict.fromkeys(row["scenario"] for row in rows))
    shown = [ours, "ThompsonSampling", GROWTHBOOK, "bayesianbandits IDS"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7, 0.22 * len(scenarios) + 1.0), layout="constrained")
        axes = figure.add_subplot()
        for place, name in enumerate(shown):
            _dots(axes, [row for row in rows if row["strategy"] == name], scenarios, place, name)
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        axes.set_xticks([], minor=True)
        axes.axhline(_boundary(rows, scenarios), color="black", linewidth=0.4, linestyle=":")
        axes.set_yticks(range(len(scenarios)), scenarios)
        axes.invert_yaxis()
        axes.set_xlabel("regret as a ratio to the published Thompson sampling, ± 2 standard errors")
        figure.legend(frameon=False, loc="outside upper center", ncols=len(shown))
        _write(figure, path)


def _boundary(rows: list[Row], scenarios: list[str]) -> float:
    """Draws the line between the tuning and the fresh scenarios."""
    return len([name for name in scenarios if any(r["scenario"] == name and r["set"] == "tuning" for r in rows)]) - 0.5


def _dots(axes: Axes, rows: list[Row], scenarios: list[str], place: int, name: str) -> None:
    heights = [scenarios.index(row["scenario"]) + 0.2 * (place - 1.5) for row in rows]
    means = [row["ratio"][0] for row in rows]
    errors = [2 * row["ratio"][1] for row in rows]
    axes.errorbar(means, heights, xerr=errors, fmt="o", markersize=3, linewidth=1, color=COLOURS[place], label=name)


def curves(rows: list[Row], ours: str, path: Path) -> None:
    """Draws mean regret in conversions by interval."""
    shown = dict.fromkeys((ours, PUBLISHED, GROWTHBOOK, "bayesianbandits Thompson, decay 0.97", EQUAL))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7, 3), layout="constrained")
        axes = figure.add_subplot()
        for name, colour in zip(shown, COLOURS, strict=False):
            found = [row for row in rows if row["scenario"] == SWAP and row["strategy"] == name]
            for row in found[:1]:
                axes.plot(range(1, len(row["curve"]) + 1), row["curve"], color=colour, label=name)
        axes.set_xlabel("interval; the arms swap after 25")
        axes.set_ylabel("conversions lost so far")
        axes.legend(frameon=False)
        _write(figure, path)


def frontier(rows: list[Row], path: Path) -> None:
    """Draws regret where nothing changes against regret where a loser rises; down and to the left is better."""
    dial, oracle = ([row for row in rows if row[key] is not None] for key in ("idle", "chance"))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.add_subplot()
        _frontier_line(axes, dial, "idle", COLOURS[0], "Adaptive, by its dial for idle arms")
        _frontier_line(axes, oracle, "chance", COLOURS[3], "a policy that knows all but when, by the chance it assumes")
        others = [row for row in rows if row["idle"] is None and row["chance"] is None]
        shown = [
            (row["strategy"], row["steady"][0], row["rises"][0]) for row in others if row["steady"][0] < MOST_STEADY
        ]
        for (name, x, y), marker, colour in zip([(PUBLISHED, 1, 1), *shown], "xo+", COLOURS[1:], strict=False):
            axes.plot(x, y, marker, color=colour, label=name)
        axes.set_xlabel("regret where nothing changes, .04 / .05, as a ratio to the published Thompson sampling")
        axes.set_ylabel("the same where a loser rises")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False)
        _write(figure, path)


def _frontier_line(axes: Axes, rows: list[Row], key: str, colour: str, label: str) -> None:
    x, y = ([row[kind][0] for row in rows] for kind in ("steady", "rises"))
    axes.plot(x, y, "o-", markersize=3, color=colour, label=label)
    for row in rows:
        axes.annotate(f"{row[key]:g}", (row["steady"][0], row["rises"][0]), xytext=(4, 2), color=colour, **ABOVE)


def _write(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None})
