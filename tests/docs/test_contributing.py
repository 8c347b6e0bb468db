"""CONTRIBUTING.md names nothing that does not exist."""

import re

from tests.conftest import ROOT
from tests.docs.test_capabilities import problem

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
# What somebody who follows the page makes.
TO_BE_MADE = re.compile(r"NAME|NNNN|do_this")


def named() -> set[str]:
    """The files, commands and make targets in backticks, and what links lead to."""
    quoted = {name.partition("(")[0] for name in re.findall(r"`([^`\n]+)`", PAGE)}
    paths = {name for name in quoted if "/" in name and not name.startswith((".venv/", "/"))}
    commands = {name for name in quoted if name.startswith(("make ", "abtest "))}
    links = set(re.findall(r"\]\(([^)#]+)\)", PAGE))
    return {name for name in paths | commands | links if not TO_BE_MADE.search(name)}


def test_what_the_page_names_exists() -> None:
    found = named()
    assert {"abtest/handlers/stats.py", "make generate", "abtest plan", "docs/events.md"} <= found
    assert [text for name in sorted(found) if (text := problem(name))] == []
