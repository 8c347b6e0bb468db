"""Draws the report's pictures, each an SVG element to be put into a page."""

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter, StrMethodFormatter

from abtest.report.rounds import Round

# Okabe and Ito's palette, which people with any colour vision can tell apart.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#5b6472", "#7b3294", "#004d40")

INK, GRID = "#1f2733", "#e5e7eb"
# What the page shows in other colours on a dark screen; a picture on its own has those drawn.
NAMED = {INK: "currentColor", GRID: "grid"} | {colour: f"c{index}" for index, colour in enumerate(COLOURS)}

# Text stays text: it scales and can be searched. The salt makes the same data give the same file.
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "abtest",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "legend.frameon": False,
}

UNDATED: Any = {"Date": None, "Creator": None}  # so that runs compare
POSTERIOR_POINTS = 400
MANY_ROUNDS = 40  # from there on, marks of the usual size hide each other


def colours(variant_names: Sequence[str]) -> dict[str, str]:
    """Gives each variant one colour, the same in every picture (SageMaker allows at most ten variants)."""
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(variant_names)}


def traffic_share(rounds: Sequence[Round], variant_names: Sequence[str]) -> str:
    """Draws the share of new users that each variant gets after each round while it takes part, 0 to 100 %."""

    def draw(axes: Axes) -> None:
        for name, colour in colours(variant_names).items():
            shares = [r.shares.get(name, math.nan) for r in rounds]
            axes.plot(_numbers(rounds), shares, "o-", color=colour, label=name)
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_ylabel("share of new users")

    return _picture("Traffic share after each round", draw)


def cumulative_reward(rounds: Sequence[Round], variant_names: Sequence[str]) -> str:
    """Draws the reward that each variant has earned by each round while it takes part."""

    def draw(axes: Axes) -> None:
        for name, colour in colours(variant_names).items():
            rewards = [r.reward(name) if name in r.shares else math.nan for r in rounds]
            axes.plot(_numbers(rounds), rewards, "o-", color=colour, label=name)
        axes.set_ylabel("reward (conversions)")
        axes.set_ylim(bottom=0)

    return _picture("Cumulative reward", draw)


def reward_rate(rounds: Sequence[Round], variant_names: Sequence[str]) -> str:
    """Draws the reward per invocation, with the middle 95 % of the Beta posterior."""

    def draw(axes: Axes) -> None:
        for name, colour in colours(variant_names).items():
            seen = [r for r in rounds if r.trials(name) > 0]
            numbers = _numbers(seen)
            axes.plot(numbers, [r.reward(name) / r.trials(name) for r in seen], "o-", color=colour, label=name)
            _band(axes, numbers, [r.interval(name) for r in seen], colour)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_ylabel("reward per invocation")

    return _picture("Reward rate, with 95 % credible interval", draw)


def evidence(rounds: Sequence[Round], variant_names: Sequence[str]) -> str:
    """Draws the leader's e-value against its closest rival, and what a decision needs; "" before there is one."""
    seen = [(r, e) for r in rounds if (e := r.evidence)]
    if not seen:
        return ""
    threshold = seen[-1][0].e_value_threshold
    highest = min(max(e for _, e in seen), threshold * 1000)  # beyond that it is as good as certain

    def draw(axes: Axes) -> None:
        numbers = [r.number for r, _ in seen]
        axes.set_yscale("log")
        axes.plot(numbers, [min(e, highest) for _, e in seen], color=INK, linewidth=1)
        for name, colour in colours(variant_names).items():
            led = [(r.number, min(e, highest)) for r, e in seen if r.leader == name]
            if led:
                axes.plot(*zip(*led, strict=True), "o", color=colour, label=f"{name} leads")
        axes.axhline(threshold, linestyle="--", color=INK, label="needed to decide")
        axes.set_ylim(min(0.8, *(e for _, e in seen)), 2 * max(threshold, highest))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylabel("e-value (log scale)")

    return _picture("Evidence for the leader, always valid", draw)


def advantage(rounds: Sequence[Round], variant_names: Sequence[str], *, margin: float | None = None) -> str:
    """Draws by how much the last leader is better than each other variant, with confidence sequences; "" if unknown.

    A round that another variant led knows no more than how it compares with that one. Intervals that lie between the
    `margin` on both sides of 0 mean equivalence.
    """
    leader, palette = rounds[-1].leader, colours(variant_names)
    known = {
        name: found
        for name in variant_names
        if (found := [(r.number, effect) for r in rounds if leader and (effect := r.advantage(leader, name))])
    }
    if not known:
        return ""

    def draw(axes: Axes) -> None:
        axes.axhline(0, color=INK, linewidth=1)
        if margin is not None:
            axes.axhline(margin, linestyle=":", color=INK, label="margin")
            axes.axhline(-margin, linestyle=":", color=INK)
        for name, found in known.items():
            numbers = [number for number, _ in found]
            axes.plot(numbers, [e.difference for _, e in found], "o-", color=palette[name], label=f"than {name}")
            _band(axes, numbers, [(e.low, e.high) for _, e in found], palette[name])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_ylabel(f"{leader} better by")

    return _picture("Advantage, with always-valid interval", draw)


def posteriors(rounds: Sequence[Round], variant_names: Sequence[str], *, panels: int = 4) -> str:
    """Draws the Beta posterior of each variant's reward rate at up to `panels` rounds, evenly spaced up to the last.

    A variant that nobody has had yet is left out, unless that is all of them: of it nothing is believed.
    """
    counted = [r for r in rounds if any(r.trials(name) for name in variant_names)]
    chosen = _spread(counted or list(rounds[-1:]), panels)
    low, high = _rate_limits(chosen, variant_names)
    grid = [low + (high - low) * i / POSTERIOR_POINTS for i in range(1, POSTERIOR_POINTS)]
    with rc_context(STYLE):
        figure = Figure(figsize=(11, 2.6), layout="constrained")
        for axes, shown in zip(figure.subplots(1, len(chosen), sharex=True, squeeze=False)[0], chosen, strict=True):
            for name, colour in colours(variant_names).items():
                if counted and not shown.trials(name):
                    continue
                alpha, beta = 1 + shown.reward(name), 1 + shown.trials(name) - shown.reward(name)
                density = [beta_density(x, alpha, beta) for x in grid]
                axes.plot(grid, density, color=colour, label=name)
                axes.fill_between(grid, density, color=colour, alpha=0.15, linewidth=0)
            axes.set_title(f"round {shown.number}", fontsize=10)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        figure.legend(*figure.axes[-1].get_legend_handles_labels(), loc="outside right upper", fontsize=9)
        figure.supxlabel("reward rate", fontsize=10)
        return _svg(figure)


def beta_density(x: float, alpha: float, beta: float) -> float:
    """Returns the density of Beta(alpha, beta) at 0 < x < 1."""
    log_norm = math.lgamma(alpha + beta) - math.lgamma(alpha) - math.lgamma(beta)
    return math.exp(log_norm + (alpha - 1) * math.log(x) + (beta - 1) * math.log1p(-x))


def _rate_limits(rounds: Sequence[Round], variant_names: Sequence[str]) -> tuple[float, float]:
    """Returns the range of rates in which the densities of all panels are worth drawing."""
    seen = [(r, name) for r in rounds for name in variant_names if r.trials(name)]
    intervals = [r.interval(name) for r, name in seen] or [(0.0, 1.0)]
    low, high = min(i[0] for i in intervals), max(i[1] for i in intervals)
    margin = 0.15 * (high - low)
    return max(0.0, low - margin), min(1.0, high + margin)


def _spread(rounds: Sequence[Round], most: int) -> list[Round]:
    if len(rounds) <= most:
        return list(rounds)
    return [rounds[round(i * (len(rounds) - 1) / (most - 1))] for i in range(most)]


def _band(axes: Axes, numbers: Sequence[int], intervals: Sequence[tuple[float, float]], colour: str) -> None:
    """Draws the intervals round by round: an area, or a line where there is one."""
    low, high = [interval[0] for interval in intervals], [interval[1] for interval in intervals]
    axes.fill_between(numbers, low, high, color=colour, alpha=0.12, linewidth=0)
    if len(numbers) == 1:
        axes.vlines(numbers, low, high, color=colour, alpha=0.4, linewidth=3)


def _numbers(rounds: Sequence[Round]) -> list[int]:
    return [r.number for r in rounds]


def _picture(title: str, draw: Callable[[Axes], None]) -> str:
    with rc_context(STYLE):
        figure = Figure(figsize=(5.4, 3.2), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
        axes.set_xlabel("round")
        low, high = axes.get_xlim()
        axes.set_xlim(min(low, -0.05), max(high, 1.05))
        if high > MANY_ROUNDS:
            for line in axes.get_lines():
                line.set_markersize(2)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=9)
        return _svg(figure)


def save(figure: Figure, path: Path) -> None:
    """Writes the figure as the file that the path's suffix says, .svg or .png, and makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata=UNDATED if path.suffix == ".svg" else {})


def _svg(figure: Figure) -> str:
    """Returns the figure as an `<svg>` element without the XML prologue."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=UNDATED)
    text = buffer.getvalue()
    for colour, name in NAMED.items():
        text = text.replace(colour, name if colour == INK else f"var(--{name}, {colour})")
    return text[text.index("<svg") :]
