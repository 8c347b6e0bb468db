"""Every command prints progress on standard error, and its result on standard output, as text or JSON."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", help="An adopted endpoint (abtest adopt); default: the stage's own.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
StageOption = Annotated[str, typer.Option("--stage", envvar="ABTEST_STAGE", help="Stage: infra/config/STAGE.json.")]

progress = Console(stderr=True, highlight=False, soft_wrap=True)
result = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 400)
UNLIMITED = 10_000  # characters
UNKNOWN = ("", "-", "\N{EN DASH}")


class UserError(Exception):
    """The work failed for a reason that you can put right: one line says what is wrong and what to do."""


def counted(number: int, noun: str) -> str:
    """Writes a number with its noun: 1 line, 2,000 lines."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def say(text: str) -> None:
    """Prints one line of progress, on standard error."""
    progress.print(text, markup=False)


def print_json(document: Any) -> None:
    """Prints the result for machines, on standard output."""
    typer.echo(json.dumps(document, indent=2, default=str))


def print_line(text: str) -> None:
    """Prints one line of the result for people, on standard output."""
    result.print(text, markup=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table of the result for people; columns of numbers are right-aligned.

    In a terminal that is too narrow, text is broken between words if that is enough; else lines stay whole, for
    nothing may be cut off.
    """
    texts = [[str(cell) for cell in row] for row in rows]
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = all(text[index][:1].isdigit() or text[index] in UNKNOWN for text in texts)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=numeric)
    for text in texts:
        table.add_row(*map(Text, text))  # no markup: brackets are brackets
    needed = result.measure(table, options=result.options.update(width=UNLIMITED))
    fits = needed.minimum <= result.width
    (result if fits else Console(highlight=False, soft_wrap=True, width=needed.maximum)).print(table)


def picture(given: str | Path) -> Path:
    """Reads the path of a picture to write. Raises BadParameter for a format that is not drawn."""
    path = Path(given)
    if path.suffix not in (".svg", ".png"):
        raise typer.BadParameter(f"must end in .svg or .png, not {path.name}")
    return path


@contextmanager
def refusals(*kinds: type[Exception]) -> Iterator[None]:
    """Turns an error of these kinds, whose message says what to do, into a UserError with the same message."""
    try:
        yield
    except kinds as error:
        raise UserError(str(error)) from None


@contextmanager
def writing(option: str) -> Iterator[None]:
    """Turns the failure to write a file or folder into a UserError that names its `option`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{option}: {error.filename} cannot be written: {error.strerror}") from None
