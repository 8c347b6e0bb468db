"""The planning commands share options for rates and shares, and errors that name their option."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from abtest.experiment.allocation.strategies import EVEN_WHILE_LEARNING


def share(given: str | float) -> float:
    """Reads a number, or one with a percent sign. Raises BadParameter."""
    text = str(given).strip()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(f"must be a number such as 0.05 or 5%, not {text}")
    return value


AlphaOption = Annotated[float, typer.Option(parser=share, metavar="SHARE", help="Highest chance of a false decision.")]
SeedOption = Annotated[
    int, typer.Option(envvar="SEED", min=0, max=2**31 - 1, help="Seed: the same one repeats a result.")
]


def learn_first_floor(arms: int) -> float:
    """Returns the least share of each arm in the mode learn_first, until a decision."""
    return EVEN_WHILE_LEARNING / arms


@contextmanager
def usage_errors(**options: str) -> Iterator[None]:
    """Turns a ValueError `field: problem` into a usage error of the field's option, which `options` may name."""
    try:
        yield
    except ValueError as error:
        field, _, problem = str(error).partition(": ")
        option = options.get(field, f"--{field.replace('_', '-')}")
        raise typer.BadParameter(problem, param_hint=option) from error


def percent(value: float) -> str:
    """Writes a share as people do: 4 %, 0.05 %, 12.5 %."""
    return f"{100 * value:.4g} %"


def finite(value: float) -> float | None:
    """Returns the value, or None for infinity, which JSON does not know."""
    return value if math.isfinite(value) else None
