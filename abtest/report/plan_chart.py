"""Draws the plan's picture: conversions lost and runs decided by day, a line for each strategy."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from abtest.experiment.simulation.plan import Outcome, Plan
from abtest.report.charts import STYLE, colours, save


def write(path: Path, plan: Plan, outcomes: Sequence[Outcome]) -> None:
    """Writes the picture as the file that its suffix says, .svg or .png."""
    days = [(number + 1) * plan.interval_days for number in range(len(outcomes[0].lost_by_day))]
    colour = colours([outcome.strategy for outcome in outcomes])
    with rc_context(STYLE):
        figure = Figure(figsize=(10, 3.6), layout="constrained")
        lost, decided = figure.subplots(1, 2)
        for outcome in outcomes:
            lost.plot(days, outcome.lost_by_day, color=colour[outcome.strategy], label=outcome.strategy)
            decided.plot(days, outcome.decided_by_day, color=colour[outcome.strategy])
        _label(lost, "Conversions lost to worse variants", "mean, cumulative")
        _label(decided, "Decided by then", "share of runs")
        lost.set_ylim(bottom=0)
        decided.set_ylim(-0.02, 1.02)
        decided.yaxis.set_major_formatter(PercentFormatter(1.0))
        figure.legend(loc="outside lower center", ncols=len(outcomes), fontsize=9)
        save(figure, path)


def _label(axes: Axes, title: str, quantity: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.set_xlabel("day")
    axes.set_ylabel(quantity)
