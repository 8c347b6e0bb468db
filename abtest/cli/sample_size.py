"""`abtest sample-size` says how many users, and how many days, you need to see a difference of a given size."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from abtest.cli.shown.options import AlphaOption, SeedOption, finite, learn_first_floor, percent, share, usage_errors
from abtest.cli.shown.output import JsonOption, print_json, print_line, print_table
from abtest.cli.shown.waiting import told
from abtest.experiment.evidence.sample_size import Durations, Question, fixed_horizon, sequential

BaselineOption = Annotated[
    float, typer.Option(parser=share, metavar="SHARE", help="Conversion rate of today: 0.04 or 4%.")
]
EffectOption = Annotated[
    float | None,
    typer.Option(parser=share, metavar="SHARE", help="Least difference to see, absolute; below 0: lower is better."),
]
RelativeOption = Annotated[
    float | None, typer.Option(parser=share, metavar="SHARE", help="The same relative to the baseline: 0.25 or 25%.")
]
PowerOption = Annotated[float, typer.Option(parser=share, metavar="SHARE", help="Chance of seeing the difference.")]
ArmsOption = Annotated[int, typer.Option(min=2, max=20, help="Variants, the champion among them.")]
UsersOption = Annotated[float | None, typer.Option(min=0, help="New users a day, over all variants: adds days.")]
FloorOption = Annotated[
    float | None,
    typer.Option(parser=share, metavar="SHARE", help="Share that learn-first leaves each variant; default: 0.5/arms."),
]
RunsOption = Annotated[int, typer.Option(min=2, max=100_000, help="Simulated runs of the always-valid test.")]

LEAST_POWERS = (0.8, 0.95)  # shown beside the one that is asked for


@dataclasses.dataclass(frozen=True)
class Design:
    """A way to compare, and the users over all arms that it takes.

    `expected` is None where they are fixed beforehand.
    """

    name: str
    expected: float | None
    standard_error: float | None
    by_power: Mapping[float, float]


def sample_size(
    baseline: BaselineOption,
    effect: EffectOption = None,
    relative: RelativeOption = None,
    alpha: AlphaOption = 0.05,
    power: PowerOption = 0.8,
    arms: ArmsOption = 2,
    users_per_day: UsersOption = None,
    floor: FloorOption = None,
    runs: RunsOption = 500,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Say how many users you need to see a difference of a given size."""
    if (effect is None) == (relative is None):
        raise typer.BadParameter("give one of --effect and --relative", param_hint="--effect")
    if users_per_day == 0:
        raise typer.BadParameter("must be above 0", param_hint="--users-per-day")
    kept = learn_first_floor(arms) if floor is None else floor
    difference = baseline * relative if relative is not None else effect or 0.0
    with usage_errors(effect="--relative" if effect is None else "--effect"):
        question = Question(baseline, difference, alpha, arms)
        powers = tuple(sorted({*LEAST_POWERS, power}))
        at_end = Design("one look, at the end", None, None, {p: arms * fixed_horizon(question, p) for p in powers})
        floored = sequential(question, floor=kept, runs=runs, seed=seed)
    equal = _design("any look, equal split", sequential(question, runs=runs, seed=seed), powers, runs)
    designs = (at_end, equal, _design(f"any look, learn-first at {percent(kept)}", floored, powers, runs))
    if as_json:
        print_json(_document(question, designs, users_per_day, runs=runs, seed=seed, floor=kept))
    else:
        _print(question, designs, users_per_day, runs)


def _design(name: str, users: Iterable[float], powers: Sequence[float], runs: int) -> Design:
    durations = Durations.of(told(users, f"runs: {name}", runs))
    by_power = {power: durations.within(power) for power in powers}
    return Design(name, durations.mean, durations.standard_error, by_power)


def _document(
    question: Question, designs: Sequence[Design], users_per_day: float | None, **settings: float
) -> dict[str, Any]:
    return {
        "baseline": question.baseline,
        "effect": question.effect,
        "alpha": question.alpha,
        "arms": question.arms,
        "users_per_day": users_per_day,
        **settings,
        "designs": [
            {
                "design": design.name,
                "expected": _amount(design.expected, users_per_day),
                "standard_error": None if design.standard_error is None else finite(design.standard_error),
                "by_power": [{"power": p, **_amount(users, users_per_day)} for p, users in design.by_power.items()],
            }
            for design in designs
        ],
    }


def _amount(users: float | None, users_per_day: float | None) -> dict[str, float | None]:
    """Returns `users` over all arms and the days until they have come; None if never, or not known."""
    known = None if users is None else finite(users)
    return {"users": known, "days": known / users_per_day if known is not None and users_per_day else None}


def _print(question: Question, designs: Sequence[Design], users_per_day: float | None, runs: int) -> None:
    changed = question.baseline + question.effect
    days = f", days at {users_per_day:,g} a day" if users_per_day else ""
    print_line(
        f"{percent(question.baseline)} against {percent(changed)}, {question.arms} arms, false decisions at most "
        f"{percent(question.alpha)}; users over all arms{days}"
    )
    powers = tuple(designs[0].by_power)
    columns = ["expected", *(f"{percent(power)} decided" for power in powers)]
    print_table(
        ["design", *(column for name in columns for column in _heads(name, users_per_day))],
        _rows(designs, users_per_day),
    )
    comparisons = question.arms - 1
    shared_out = f", Bonferroni over {comparisons} comparisons with the first arm" if comparisons > 1 else ""
    print_line(f"One look: two-sided two-proportion z-test{shared_out}; looking earlier makes it err more often.")
    error = max((design.standard_error or 0.0) for design in designs)
    print_line(
        f"Any look: the always-valid test that names the winner, {runs} simulated runs"
        + (f"; the expected number's standard error is up to {error:,.0f}." if math.isfinite(error) else ".")
    )


def _heads(name: str, users_per_day: float | None) -> tuple[str, ...]:
    return (name, "days") if users_per_day else (name,)


def _rows(designs: Sequence[Design], users_per_day: float | None) -> Iterator[tuple[str, ...]]:
    for design in designs:
        amounts = (design.expected, *design.by_power.values())
        yield (design.name, *(cell for users in amounts for cell in _cells(users, users_per_day)))


def _cells(users: float | None, users_per_day: float | None) -> tuple[str, ...]:
    if users is None:
        return ("-", "-") if users_per_day else ("-",)
    shown = f"{users:,.0f}" if math.isfinite(users) else "-"
    return (shown, f"{users / users_per_day:,.1f}" if math.isfinite(users) else "-") if users_per_day else (shown,)
