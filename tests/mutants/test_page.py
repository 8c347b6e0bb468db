"""The page of the mutants that live: what it counts, and that reasons written by hand stay."""

from pathlib import Path

import pytest

from tests.mutants import page, sample
from tests.mutants.sample import Mutant

DEAD = Mutant("m.x_f__mutmut_1", "abtest/operations/m.py", 3, "f", "return a + b", "return a - b")
LIVES = Mutant("m.x_f__mutmut_2", "abtest/operations/m.py", 3, "f", 'raise Error("no")', "raise Error(None)")


def test_the_sample_is_what_the_seed_draws_of_different_mutants() -> None:
    mutants = sample.read()
    assert len({mutant.name for mutant in mutants}) == sample.SIZE
    names = [f"m{n}" for n in range(1000)]
    assert sample.drawn(names) == sample.drawn(names[::-1])


def test_what_is_not_noticed_lowers_the_share() -> None:
    tried = {DEAD: "killed", LIVES: "no tests"}
    assert page.share(tried) == 0.5
    assert "| abtest/operations | 2 | 1 | 0 | 0 | 1 | 50% |" in page.table(tried)


def test_reasons_written_by_hand_survive_though_lines_move(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "mutants.md")
    tried = {DEAD: "killed", LIVES: "survived"}
    assert page.write(tried) == [page.key(LIVES)]
    page.PAGE.write_text(page.PAGE.read_text().replace(page.NO_REASON, "Nobody reads it."))
    moved = Mutant("m.x_f__mutmut_9", LIVES.path, 30, LIVES.function, LIVES.before, LIVES.after)
    assert page.write({DEAD: "killed", moved: "survived"}) == []
    assert page.reasons(page.PAGE.read_text()) == {page.key(LIVES): "Nobody reads it."}
    assert page.write({DEAD: "survived", LIVES: "killed"}) == [page.key(DEAD)]
