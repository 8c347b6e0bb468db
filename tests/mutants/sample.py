"""The mutants that are tried: drawn by a seed, and kept in a file, so that two runs try the same."""

import csv
import random
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

FILE = Path(__file__).parent / "sample.csv"
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


def drawn(names: Sequence[str]) -> list[str]:
    """SIZE of all names, each as likely, by the seed, sorted."""
    return sorted(random.Random(SEED).sample(sorted(names), SIZE))


def write(mutants: Sequence[Mutant]) -> None:
    with FILE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(astuple(mutant) for mutant in mutants)


def read() -> list[Mutant]:
    with FILE.open(newline="") as file:
        return [Mutant(name, path, int(line), *rest) for name, path, line, *rest in csv.reader(file)]
