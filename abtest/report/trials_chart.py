"""Draws a search: the objective against each hyperparameter, a point for each trial that has one."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from abtest.experiment.record.tuning import Search
from abtest.report.charts import COLOURS, STYLE, save

COLUMNS = 3
WIDTH_INCHES, HEIGHT_INCHES = 3.4, 2.6


def write(path: Path, search: Search) -> None:
    """Writes the picture as the file that its suffix says, .svg or .png."""
    trials = [trial for trial in search.trials if trial.objective is not None]
    names = sorted({name for trial in trials for name in trial.hyperparameters})
    rows = -(-len(names) // COLUMNS)
    with rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_INCHES * COLUMNS, HEIGHT_INCHES * rows), layout="constrained")
        grid = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False).flatten()
        for axes, name in zip(grid, names, strict=False):
            shown = [trial for trial in trials if name in trial.hyperparameters]
            values = [_number(trial.hyperparameters[name]) for trial in shown]
            axes.scatter(values, [trial.objective for trial in shown], color=COLOURS[0])
            if shown[0] is trials[0]:  # the best one
                axes.scatter(values[:1], [shown[0].objective], color=COLOURS[1], label="best")
            axes.set_xlabel(name)
        for axes in grid[len(names) :]:
            axes.set_visible(False)
        figure.suptitle(f"{search.metric_name} of {len(trials)} trials ({search.strategy})", fontweight="bold")
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper right", fontsize=9)
        save(figure, path)


def _number(text: str) -> float | str:
    """Reads a number; a category stays text."""
    try:
        return float(text)
    except ValueError:
        return text
