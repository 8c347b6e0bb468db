"""docs/capabilities.md names nothing that does not exist: files, tests, commands and their options, make targets."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from abtest.cli.main import app
from abtest.experiment.record.config import ExperimentConfig
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "capabilities.md").read_text()
NAMES = sorted(set(re.findall(r"`([^`\n]+)`", PAGE)))
# Names of AWS and of the published sample, and values, which are no files of ours.
ELSEWHERE = {
    *("Adaptive", "Invocations", "TargetVariant", "Updating", "IN_SERVICE", "DELETING", "none", "--reviews", "--plot"),
    "aws-samples/amazon-sagemaker-ab-testing-pipeline",
}


def problem(name: str) -> str | None:
    """Why the page should not name it; None if it exists."""
    if name in ELSEWHERE or hasattr(ExperimentConfig, name):
        return None
    if name.startswith("abtest "):
        return command_problem(name.split()[1:])
    if name.startswith("make "):
        wanted = name.split()[1]
        return None if re.search(rf"^{wanted}:", (ROOT / "Makefile").read_text(), re.M) else f"no target {wanted}"
    path, _, test = name.partition("::")
    if not (ROOT / path).exists():
        return f"there is no {path}"
    if test and f"def {test}(" not in (ROOT / path).read_text():
        return f"{path} has no {test}"
    return None


def command_problem(words: list[str]) -> str | None:
    found: Any = typer.main.get_command(app)
    for word in words:
        found = getattr(found, "commands", {}).get(word)
        if found is None:
            return f"there is no command {word}"
    return None


def rows() -> Iterator[list[str]]:
    """The cells of each row of each table, without heads and rules."""
    tables = re.findall(r"(?:^\|.*\n)+", PAGE, re.M)
    for table in tables:
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_what_the_page_names_exists() -> None:
    assert [found for name in NAMES if (found := problem(name))] == []


def test_what_does_not_exist_would_be_found() -> None:
    assert problem("abtest/none.py") == "there is no abtest/none.py"
    assert problem("tests/docs/test_capabilities.py::test_none") == "tests/docs/test_capabilities.py has no test_none"
    assert problem("abtest models none") == "there is no command none"
    assert problem("make none") == "no target none"


def test_every_row_says_where_or_that_it_is_not_here() -> None:
    assert len(list(rows())) > 60
    assert [row for row in rows() if "`" not in row[1] and "*not here*" not in row[-1]] == []
