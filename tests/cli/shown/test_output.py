"""What a table looks like in terminals that are wide enough, and too narrow."""

import io

import pytest
from rich.console import Console

from abtest.cli.shown import output

ROWS = [(1, "Challenger1 is ahead with P(best) 0.965"), (2, "a [drift] reason")]


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int) -> list[str]:
    file = io.StringIO()
    monkeypatch.setattr(output, "result", Console(file=file, width=width, soft_wrap=True))
    output.print_table(("no.", "reason"), ROWS)
    return (file.getvalue() + capsys.readouterr().out).splitlines()


@pytest.mark.parametrize("width", [400, 25])
def test_text_is_broken_between_words_where_the_terminal_is_narrow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    lines = shown(monkeypatch, capsys, width)
    assert "1 Challenger1 is ahead with P(best) 0.965 2 a [drift] reason" in " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= width


def test_where_that_is_not_enough_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert any(line.split()[:2] == ["1", "Challenger1"] and "0.965" in line for line in shown(monkeypatch, capsys, 8))
