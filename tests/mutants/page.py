"""docs/mutants.md: how many were noticed, and why each of the others may live, which is written by hand and kept."""

import collections
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.mutants.sample import SEED, Mutant

PAGE = Path("docs/mutants.md")
NOTICED = ("killed", "timeout", "segfault")
NO_REASON = "no reason yet"
WANTED_SHARE = 0.85

HEAD = """# Mutants

`make mutants` changes one line of the core or of the operations at a time, and runs the fast tests that run the changed
function. A mutant is killed if one of them fails, or does not end in time. The others live: below, each with the reason
why it may. Docstrings and type annotations have no mutants; messages have.

"""


def share(status_by_mutant: Mapping[Mutant, str]) -> float:
    """The share of the mutants, 0..1, that the tests noticed."""
    return sum(status in NOTICED for status in status_by_mutant.values()) / len(status_by_mutant)


def table(status_by_mutant: Mapping[Mutant, str]) -> str:
    """A line for each room and one for all: how many mutants have which fate."""
    fates = [*NOTICED, *sorted(set(status_by_mutant.values()) - set(NOTICED))]
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for mutant, status in status_by_mutant.items():
        for row in (str(Path(mutant.path).parent), "all"):
            counts[row][status] += 1
    lines = [["", "mutants", *fates, "noticed"], ["---", *["---:"] * (len(fates) + 2)]]
    for row in sorted(counts, key=lambda name: (name == "all", name)):
        noticed = sum(counts[row][fate] for fate in NOTICED) / counts[row].total()
        cells = [counts[row].total(), *(counts[row][fate] for fate in fates)]
        lines.append([row, *map(str, cells), f"{noticed:.0%}"])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def key(mutant: Mutant) -> str:
    """What a reason is kept under: it survives that lines move and that mutmut counts anew."""
    return f"{mutant.path}, {mutant.function}: `{mutant.before}` → `{mutant.after}`"


def reasons(page: str) -> dict[str, str]:
    """The reasons that stand in the page, by key()."""
    return dict(re.findall(r"^- (.+ → .+`)\n  (.+)$", page, re.MULTILINE))


def render(status_by_mutant: Mapping[Mutant, str], known: Mapping[str, str]) -> str:
    lived = {key(mutant): status for mutant, status in status_by_mutant.items() if status not in NOTICED}
    told = f"{share(status_by_mutant):.1%} of {len(status_by_mutant)} mutants, drawn with seed {SEED}, are noticed."
    lines = [f"- {name}\n  {known.get(name, NO_REASON)}\n" for name in sorted(lived)]
    return f"{HEAD}{told}\n\n{table(status_by_mutant)}\n## Those that live\n\n{''.join(lines)}"


def write(status_by_mutant: Mapping[Mutant, str]) -> Sequence[str]:
    """Writes the page, with the reasons that stood in it, and returns the survivors without one."""
    known = reasons(PAGE.read_text()) if PAGE.exists() else {}
    PAGE.write_text(render(status_by_mutant, known))
    return [name for name, reason in reasons(PAGE.read_text()).items() if reason == NO_REASON]
