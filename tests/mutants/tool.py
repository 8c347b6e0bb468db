"""What we ask of mutmut: every mutant of the code, what each changes, and which of them the tests notice."""

import ast
import contextlib
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mutmut import __main__ as mutmut
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

from tests.mutants.sample import Mutant

FOLDER = Path("mutants")  # mutmut's: a copy of the project with every mutant in it


class StaleError(Exception):
    """The sample was drawn from other code."""


def generate() -> list[str]:
    """Writes every mutant of the code into FOLDER anew, and returns their names."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        mutmut.copy_src_dir()
        mutmut.copy_also_copy_files()
        mutmut.create_mutants(2)
    return [name for data in _metadata() for name in data.exit_code_by_key]


def _metadata() -> Iterator[SourceFileMutationData]:
    """What mutmut knows of the mutants of each file."""
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        yield data


def described(names: Sequence[str]) -> list[Mutant]:
    """The named mutants; generate() comes first. Raises StaleError if one does not exist."""
    path_by_name = {name: Path(data.path) for data in _metadata() for name in data.exit_code_by_key}
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


def check(mutants: Sequence[Mutant]) -> list[Mutant]:
    """The mutants where they stand today. Raises StaleError if one is another change than when it was drawn."""
    today = described([mutant.name for mutant in mutants])
    for kept, found in zip(mutants, today, strict=True):
        if (kept.before, kept.after) != (found.before, found.after):
            raise StaleError(f"{kept.name} was {kept.before} -> {kept.after} when it was drawn, and is another now")
    return today


def fates(mutants: Sequence[Mutant]) -> dict[Mutant, str]:
    """Tries them, two at once, and returns mutmut's word for what became of each. Raises CalledProcessError."""
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", "2"]
    subprocess.run([*command, *(mutant.name for mutant in mutants)], check=True)
    codes = {name: code for data in _metadata() for name, code in data.exit_code_by_key.items()}
    return {mutant: status_by_exit_code[codes[mutant.name]] for mutant in mutants}
