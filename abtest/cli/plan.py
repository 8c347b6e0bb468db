"""`abtest plan` simulates what each strategy makes of an experiment with your own rates, traffic and delay."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from abtest.cli.shown.options import AlphaOption, SeedOption, finite, percent, share, usage_errors
from abtest.cli.shown.output import JsonOption, counted, picture, print_json, print_line, print_table, writing
from abtest.cli.shown.waiting import Progress
from abtest.experiment.record.settings import MODES, ExperimentSettings
from abtest.experiment.simulation import forecast
from abtest.experiment.simulation.forecast import Forecast, PlannedExperiment


def rates(given: str) -> tuple[float, ...]:
    return tuple(share(text) for text in given.split(","))


def mode(given: str) -> str:
    """Accepts `learn-first` as well as the configuration's `learn_first`. Raises BadParameter."""
    name = given.replace("-", "_")
    if name not in MODES:
        raise typer.BadParameter(f"must be one of {', '.join(MODES)}, not {given}")
    return name


RatesOption = Annotated[
    Any,
    typer.Option(
        parser=rates, metavar="SHARE,SHARE,...", help="True conversion rates to assume, the champion's first."
    ),
]
RequestsOption = Annotated[int, typer.Option(min=1, max=10**9, help="Requests a day, over all variants.")]
DaysOption = Annotated[int, typer.Option(min=1, max=3660, help="How long it may run.")]
RebalanceOption = Annotated[float, typer.Option(min=1, max=24 * 60, help="Minutes between two rebalances.")]
DelayOption = Annotated[float, typer.Option(min=0, max=1e5, help="Mean hours until a conversion comes in.")]
WindowOption = Annotated[
    float | None, typer.Option(min=0, max=1e5, help="Attribution window in hours; default: 3 times the mean delay.")
]
NewUsersOption = Annotated[
    float,
    typer.Option(
        parser=share, metavar="SHARE", help="Share of a day's requests from new users; the others keep their variant."
    ),
]
ModeOption = Annotated[str, typer.Option(parser=mode, metavar="MODE", help="earn_first or learn_first.")]
FloorOption = Annotated[
    float, typer.Option(parser=share, metavar="SHARE", help="Least share that a strategy leaves a variant.")
]
MarginOption = Annotated[
    float | None,
    typer.Option(parser=share, metavar="SHARE", help="Difference of rates below which variants are equivalent."),
]
EpsilonOption = Annotated[
    float, typer.Option(parser=share, metavar="SHARE", help="Share that EpsilonGreedy explores with.")
]
RunsOption = Annotated[int, typer.Option(min=2, max=100_000, help="Simulated runs of each strategy.")]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", parser=picture, metavar="FILE", help="The picture to write, .svg or .png.")
]

COLUMNS = ("strategy", "right", "wrong", "equivalent", "none", "expected days", "80 % by day", "lost", "s.e.")


def plan(
    rates: RatesOption,
    requests_per_day: RequestsOption,
    days: DaysOption = 30,
    rebalance_minutes: RebalanceOption = 60,
    delay_hours: DelayOption = 0,
    window_hours: WindowOption = None,
    new_users: NewUsersOption = 1.0,
    alpha: AlphaOption = 0.05,
    mode: ModeOption = ExperimentSettings.mode,
    floor: FloorOption = ExperimentSettings.exploration_floor,
    margin: MarginOption = None,
    epsilon: EpsilonOption = ExperimentSettings.epsilon,
    runs: RunsOption = 500,
    seed: SeedOption = 1,
    output: OutputOption = Path("build/plan.svg"),
    as_json: JsonOption = False,
) -> None:
    """Simulate each strategy on your own rates, traffic and delay."""
    with usage_errors(new_share="--new-users", **{"users.new_share": "--new-users"}):
        planned = PlannedExperiment(
            rates=rates,
            requests_per_day=requests_per_day,
            days=days,
            rebalance_minutes=rebalance_minutes,
            delay_hours=delay_hours,
            window_hours=3 * delay_hours if window_hours is None else window_hours,
            new_share=new_users,
            alpha=alpha,
            mode=mode,
            floor=floor,
            epsilon=epsilon,
            margin=margin,
        )
        outcomes = _simulated(planned, runs, seed)
    _draw(output, planned, outcomes)
    if as_json:
        print_json(_document(planned, outcomes, runs, seed, output))
    else:
        _print(planned, outcomes, runs, output)


def _simulated(planned: PlannedExperiment, runs: int, seed: int) -> list[Forecast]:
    progress = Progress(forecast.steps(planned, runs))
    return forecast.forecasts(
        planned, runs=runs, seed=seed, each=lambda strategy: progress.step(f"steps of the simulation: {strategy}")
    )


def _draw(output: Path, planned: PlannedExperiment, outcomes: Sequence[Forecast]) -> None:
    from abtest.report import plan_chart  # matplotlib: a mistake is told before it loads

    with writing("--output"):
        plan_chart.write(output, planned, outcomes)


def _print(planned: PlannedExperiment, outcomes: Sequence[Forecast], runs: int, output: Path) -> None:
    print_line(
        f"{' against '.join(map(percent, planned.rates))}, {planned.requests_per_day:,} requests a day for "
        f"{counted(planned.days, 'day')}, {planned.mode.replace('_', '-')}; {runs} runs"
    )
    print_table(COLUMNS, map(_row, outcomes))
    for note in _notes(planned, outcomes):
        print_line(note)
    print_line(str(output))


def _row(outcome: Forecast) -> tuple[str, ...]:
    by_then = outcome.durations.within(0.8)
    return (
        outcome.strategy,
        f"{outcome.right:.1%}",
        f"{outcome.wrong:.1%}",
        f"{outcome.equivalent:.1%}",
        f"{outcome.undecided:.1%}",
        f"{outcome.expected_days:,.1f}",
        f"{by_then:,.1f}" if math.isfinite(by_then) else "-",
        f"{outcome.lost.mean:,.1f}",
        f"{outcome.lost.error:,.1f}",
    )


def _notes(planned: PlannedExperiment, outcomes: Sequence[Forecast]) -> list[str]:
    notes = [
        "Right, wrong, none: the share of runs in which the test named the best variant, another one, or none. "
        "A run without a decision takes all days. Lost: the conversions that worse variants cost over all days."
    ]
    if min(outcome.undecided for outcome in outcomes) > 0.5:
        notes.append("Most runs end without a decision: `abtest sample-size` says how many users you need.")
    if planned.is_coarser:
        hours = 24 * planned.interval_days
        notes.append(f"To bound its work, the simulation moves shares every {hours:.3g} hours only.")
    if planned.new_share < 1:
        notes.append(_sticky(planned))
    return notes


def _sticky(planned: PlannedExperiment) -> str:
    return (
        f"Sticky users limit what any strategy can win: only {percent(planned.new_share)} of a day's requests come "
        "from new users, and the others keep their variant. A strategy that knew the best variant after the first "
        f"day would still lose {planned.least_loss():,.1f} conversions; with new users only, "
        f"{planned.first_day_loss():,.1f}; an equal split to the end loses "
        f"{planned.first_day_loss() * planned.days:,.1f}."
    )


def _document(
    planned: PlannedExperiment, outcomes: Sequence[Forecast], runs: int, seed: int, output: Path
) -> dict[str, Any]:
    return {
        **dataclasses.asdict(planned),
        "interval_hours": 24 * planned.interval_days,
        "runs": runs,
        "seed": seed,
        "least_conversions_lost": planned.least_loss(),
        "strategies": [_entry(outcome) for outcome in outcomes],
        "notes": _notes(planned, outcomes),
        "picture": str(output),
    }


def _entry(outcome: Forecast) -> dict[str, Any]:
    return {
        "strategy": outcome.strategy,
        "right": outcome.right,
        "wrong": outcome.wrong,
        "equivalent": outcome.equivalent,
        "undecided": outcome.undecided,
        "expected_days": outcome.expected_days,
        "decided_by_day": [
            {"share": part, "days": finite(outcome.durations.within(part))} for part in (0.5, 0.8, 0.95)
        ],
        "conversions_lost": {"mean": outcome.lost.mean, "standard_error": outcome.lost.error},
    }
