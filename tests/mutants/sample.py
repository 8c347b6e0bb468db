"""The mutants that are tried: drawn by a seed, and kept in a file, so that two runs try the same."""

import ast
import contextlib
import csv
import io
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from mutmut import __main__ as mutmut
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

FILE = Path(__file__).parent / "sample.csv"
FOLDER = Path("mutants")  # mutmut's: a copy of the project with every mutant in it
SEED, SIZE = 9, 300


@dataclass(frozen=True)
class Mutant:
    """One change of one function: what its lines were, and what they become."""

    name: str  # mutmut's
    path: str
    line: int  # where the function begins
    function: str  # with its class
    before: str
    after: str


class StaleError(Exception):
    """The sample was drawn from other code."""


def generate() -> list[str]:
    """Writes every mutant of the code into FOLDER anew, and returns their names, sorted."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.create_mutants(2)
    return sorted(name for data in metadata() for name in data.exit_code_by_key)


def metadata() -> Iterator[SourceFileMutationData]:
    """What mutmut knows of the mutants of each file."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        yield data


def described(names: Sequence[str]) -> list[Mutant]:
    """The named mutants. Raises StaleError if one does not exist; generate() comes first."""
    path_by_name = {name: Path(data.path) for data in metadata() for name in data.exit_code_by_key}
    if missing := set(names) - path_by_name.keys():
        raise StaleError(f"{len(missing)} mutants of the sample do not exist, {min(missing)} for one")
    return [_mutant(name, path_by_name[name]) for name in names]


def _mutant(name: str, path: Path) -> Mutant:
    changes = [line for line in get_diff_for_mutant(name, path=path).splitlines() if line[:3] not in ("---", "+++")]
    before, after = (" ".join(line[1:].strip() for line in changes if line.startswith(sign)) for sign in "-+")
    function, owner = orig_function_and_class_names_from_key(name)
    return Mutant(name, str(path), *_place(path, function, owner), before, after)


def _place(path: Path, function: str, owner: str | None) -> tuple[int, str]:
    """The line of a function or method, and its name with its class's."""
    body = ast.parse(path.read_text()).body
    if owner:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == owner).body
    line = next(node.lineno for node in body if isinstance(node, ast.FunctionDef) and node.name == function)
    return line, f"{owner}.{function}" if owner else function


def draw(names: Sequence[str]) -> list[Mutant]:
    """SIZE of the names, each as likely, by the seed, in their order."""
    return described(sorted(random.Random(SEED).sample(names, SIZE)))


def write(mutants: Sequence[Mutant]) -> None:
    with FILE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(astuple(mutant) for mutant in mutants)


def read() -> list[Mutant]:
    with FILE.open(newline="") as file:
        return [Mutant(name, path, int(line), *rest) for name, path, line, *rest in csv.reader(file)]


def check(mutants: Sequence[Mutant]) -> list[Mutant]:
    """The mutants where they stand today. Raises StaleError if one is another change than when it was drawn."""
    today = described([mutant.name for mutant in mutants])
    for kept, found in zip(mutants, today, strict=True):
        if (kept.before, kept.after) != (found.before, found.after):
            raise StaleError(f"{kept.name} was {kept.before} -> {kept.after} when it was drawn, and is another now")
    return today
