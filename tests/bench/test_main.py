"""`make bench`, small: every section, its JSON, its tables and the page."""

import dataclasses
import json
from pathlib import Path

import pytest

from abtest.experiment.simulation import Scenario
from bench import __main__ as command
from bench import (
    cells,
    charts,
    counting,
    daily,
    decide,
    false_decisions,
    frontier,
    learn_first,
    oracle,
    page,
    pool,
    sections,
    speed,
)
from bench.policies import EQUAL, LIBRARY_PEERS, PUBLISHED

WANTED = (".65 / .67, on time", ".65 / .67, one late", charts.SWAP, ".04 / .05, sticky, 10% new, on time")


def small(scenario: Scenario) -> Scenario:
    return dataclasses.replace(scenario, intervals=6, requests=40)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> sections.Settings:
    """Every kind of cell, each simulation a few hundred requests."""
    chosen = [cell for cell in cells.SETS["tuning"] if cell.name in WANTED]
    shrunk = [dataclasses.replace(cell, scenario=small(cell.scenario)) for cell in chosen]
    monkeypatch.setattr(false_decisions, "SETUPS", {n: small(s) for n, s in list(false_decisions.SETUPS.items())[:3]})
    for name in ("TWO_ARMS", "MORE_ARMS", "INTERVALS"):
        brief = [dataclasses.replace(c, horizon=0.5, requests=c.n80 // 6) for c in getattr(decide, name)]
        monkeypatch.setattr(decide, name, brief)
    monkeypatch.setattr(daily, "SCENARIO", dataclasses.replace(daily.SCENARIO, intervals=16))
    monkeypatch.setattr(learn_first, "SCENARIO", small(learn_first.SCENARIO))
    cell = {c.name: dataclasses.replace(c, scenario=small(c.scenario)) for c in cells.SETS["tuning"]}
    monkeypatch.setattr(frontier, "SETS", {"tuning": [cell[name] for name in frontier.CELLS.values()]})
    monkeypatch.setattr(frontier, "IDLES", (0.0, 0.2))
    monkeypatch.setattr(frontier, "CHANCES", (0.01,))
    monkeypatch.setattr(oracle, "INTERVALS", 4)
    monkeypatch.setattr(speed, "SIMULATED", small(speed.SIMULATED))
    monkeypatch.setattr(speed, "ARMS", (2,))
    monkeypatch.setattr(counting, "EVENTS", (1000,))
    monkeypatch.setattr(counting, "DAYS", 2)
    return sections.Settings(runs=4, sets={"tuning": shrunk, "fresh": shrunk})


@pytest.mark.slow
def test_everything_is_measured_stored_and_shown(tiny: sections.Settings, tmp_path: Path) -> None:
    found = command.run(tiny, list(sections.SECTIONS), tmp_path, processes=1)
    assert {path.stem for path in tmp_path.glob("*.json")} == set(sections.SECTIONS)
    strategies = {row["strategy"] for row in found["regret"]}
    assert strategies >= {"Adaptive", "ThompsonSampling", PUBLISHED, EQUAL, *LIBRARY_PEERS}
    assert all(row["ratio"] == [1.0, 0.0] for row in found["regret"] if row["strategy"] == PUBLISHED)
    rows = sections.judged(tiny, found)
    assert rows[-1]["aim"].startswith("all of these at once")
    shown = page.page(tmp_path)
    for row in rows:
        assert row["measured"] in shown
    assert "{{" not in shown


def test_the_page_needs_all_sections(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "daily.json").write_text("{}")
    assert page.main(tmp_path, tmp_path) == 1
    assert "lacks regret, false_decisions, decide, learn_first, frontier, speed" in capsys.readouterr().err


def test_a_part_can_be_run(
    tiny: sections.Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MOST_PROCESSES", 1)
    assert command.main(["--runs", "3", "--only", "learn_first", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "| Adaptive" in printed and "Aims, 3 runs" in printed
    stored = json.loads((tmp_path / "learn_first.json").read_text())
    assert (stored["runs"], stored["ours"]) == (3, tiny.ours)


@pytest.mark.parametrize("given", [["--only", "nothing"], ["--runs", "1"]])
def test_wrong_usage_is_told(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(given)
    assert "error: " in capsys.readouterr().err


def test_charts_are_the_same_each_time(tmp_path: Path) -> None:
    row = {"set": "fresh", "scenario": charts.SWAP, "strategy": "Adaptive", "ratio": [0.5, 0.1], "curve": [1.0, 2.0]}
    for name in ("a.svg", "b.svg"):
        charts.ratios([row], "Adaptive", tmp_path / name)
        charts.curves([row], "Adaptive", tmp_path / f"curve-{name}")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "curve-a.svg").read_bytes() == (tmp_path / "curve-b.svg").read_bytes()
