"""`python -m tests.docs.pages` writes the pages in docs/ that are made from the code; a stale one fails a test."""

from collections.abc import Callable

from tests.conftest import ROOT
from tests.docs import api, configuration, events, machines, openapi, sandbox_operations

COMMAND = "python -m tests.docs.pages"
PAGES: dict[str, Callable[[], str]] = {
    "api.md": api.page,
    "openapi.json": openapi.page,
    "events.md": events.page,
    "configuration.md": configuration.page,
    "machines.md": machines.page,
    "sandbox-operations.md": sandbox_operations.page,
}


def text(name: str) -> str:
    """What the page should say now."""
    head = f"<!-- Written by `{COMMAND}`; do not edit. -->\n" if name.endswith(".md") else ""
    return head + PAGES[name]()


def main() -> None:
    for name in PAGES:
        (ROOT / "docs" / name).write_text(text(name))


if __name__ == "__main__":
    main()
