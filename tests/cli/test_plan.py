"""`abtest plan`: the table, the picture, what sticky users cost, the mistakes."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from abtest.cli import plan
from abtest.cli.shown import waiting
from abtest.cli.shown.output import UserError
from abtest.experiment.record.strategies import STRATEGIES
from abtest.report import plan_chart

pytestmark = pytest.mark.slow

DAILY = ("--rebalance-minutes", "1440")
CLEAR = ("--rates", "10%,30%", "--requests-per-day", "60", "--days", "20", "--runs", "20", *DAILY)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return tmp_path / "new" / "plan.svg"


def invoke(picture: Path, *arguments: str) -> Result:
    app = typer.Typer()
    app.command()(plan.plan)
    return CliRunner().invoke(app, ["--output", str(picture), *arguments], catch_exceptions=False)


def document(picture: Path, *arguments: str) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_chart, "write", lambda *_: None)  # takes longer than the simulation
        found: dict[str, Any] = json.loads(invoke(picture, "--json", *arguments).stdout)
    return found


def test_for_people(picture: Path) -> None:
    shown = invoke(picture, *CLEAR).stdout
    assert "10 % against 30 %, 60 requests a day for 20 days, learn-first; 20 runs" in shown
    assert [line.split()[0] for line in shown.splitlines() if line.count("%") == 4] == [*STRATEGIES]
    assert "sticky" not in shown.lower()
    assert shown.splitlines()[-1] == str(picture)
    drawn = picture.read_text()
    assert drawn.startswith("<?xml")
    assert all(strategy in drawn for strategy in STRATEGIES)


def test_for_machines(picture: Path) -> None:
    found = document(picture, *CLEAR)
    assert (found["rates"], found["alpha"], found["runs"], found["interval_hours"]) == ([0.1, 0.3], 0.05, 20, 24)
    by_name = {entry["strategy"]: entry for entry in found["strategies"]}
    assert list(by_name) == list(STRATEGIES)
    equal, thompson = by_name["WeightedSampling"], by_name["ThompsonSampling"]
    assert equal["right"] == 1
    assert equal["conversions_lost"]["mean"] == pytest.approx(
        120, abs=5
    )  # 20 days of 60 requests, half of them by 20 %
    assert thompson["conversions_lost"]["mean"] < 40
    assert equal["decided_by_day"][0]["days"] <= equal["expected_days"] + 2 <= 12
    assert found == document(picture, *CLEAR)
    assert found["strategies"] != document(picture, *CLEAR, "--seed", "2")["strategies"]


def test_learn_first_decides_more_often(picture: Path) -> None:
    quick = ("--rates", "20%,30%", "--requests-per-day", "100", "--days", "30", "--runs", "40", *DAILY)
    found = [document(picture, *quick, "--mode", mode) for mode in ("earn-first", "learn_first")]
    right = [{entry["strategy"]: entry["right"] for entry in one["strategies"]} for one in found]
    assert right[1]["ThompsonSampling"] > right[0]["ThompsonSampling"] + 0.1
    assert [(one["mode"], one["floor"]) for one in found] == [("earn_first", 0.0), ("learn_first", 0.0)]


def test_sticky_users_limit_what_can_be_won(picture: Path) -> None:
    """Nobody beats the oracle that knows the best variant after the first day, and the text says so."""
    sticky = (*CLEAR, "--new-users", "10%")
    found = document(picture, *sticky)
    limit = 60 * 0.1 * sum(0.9**day for day in range(20))
    assert found["least_conversions_lost"] == pytest.approx(limit)
    for entry in found["strategies"]:
        lost = entry["conversions_lost"]
        assert lost["mean"] > limit - 3 * lost["standard_error"] - 1
    shown = invoke(picture, *sticky).stdout
    assert "Sticky users limit what any strategy can win: only 10 % of a day's requests come from new users" in shown
    split = "with new users only, 6.0; an equal split to the end loses 120.0"
    assert f"would still lose {limit:,.1f} conversions; {split}" in shown


def test_equal_variants_can_be_equivalent(picture: Path) -> None:
    rest = ("--requests-per-day", "400", "--days", "30", "--runs", "20", "--margin", "10%", *DAILY)
    equal = document(picture, "--rates", "50%,50%", *rest)["strategies"][0]
    assert equal["equivalent"] > 0.8
    assert equal["undecided"] == pytest.approx(1 - equal["equivalent"] - equal["wrong"])
    assert document(picture, "--rates", "50%,60%", *rest)["strategies"][0]["equivalent"] == 0


def test_a_coarse_simulation_and_no_decision_are_told(picture: Path) -> None:
    shown = invoke(picture, "--rates", "5%,5.1%", "--requests-per-day", "90", "--runs", "10", "--days", "30").stdout
    assert "`abtest sample-size` says how many users you need" in shown
    assert "the simulation moves shares every 7.2 hours only" in shown


def test_it_says_how_far_it_is(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0.0)
    assert f"1 of {20 * len(STRATEGIES)} steps of the simulation: WeightedSampling" in invoke(picture, *CLEAR).stderr


def test_a_png(tmp_path: Path) -> None:
    assert invoke(tmp_path / "plan.png", *CLEAR).exit_code == 0
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rates", "4%"), "--rates: must be two or more"),
        (("--rates", "4%,x"), "must be a number such as 0.05 or 5%, not x"),
        (("--rates", "4%,120%"), "--rates: must be numbers from 0 to 1"),
        (("--requests-per-day", "0"), "--requests-per-day"),
        (("--days", "0"), "--days"),
        (("--floor", "60%"), "--floor: must be from 0 to 1/2"),
        (("--epsilon", "2"), "--epsilon: must be from 0 to 1"),
        (("--alpha", "1"), "--alpha: must be between 0 and 1"),
        (("--margin", "0"), "--margin: must be between 0 and 1"),
        (("--new-users", "0"), "--new-users: must be above 0"),
        (("--new-users", "10%", "--days", "400"), "--days: must be at most 366"),
        (("--mode", "x"), "must be one of learn_first, earn_first, not x"),
        (("--delay-hours", "2", "--window-hours", "1"), "--window-hours: must be at least the mean delay"),
        (("--delay-hours", "2000"), "--window-hours: must end within the 20 days"),
        (("--output", "plan.gif"), "must end in .svg or .png, not plan.gif"),
    ],
)
def test_a_mistake_names_its_option(picture: Path, arguments: tuple[str, ...], message: str) -> None:
    ended = invoke(picture, *CLEAR, *arguments)
    assert ended.exit_code == 2
    assert message in " ".join(ended.stderr.replace("│", " ").split())
    assert not picture.parent.exists()


def test_a_full_disk_is_no_traceback(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture.parent.write_text("a file where the folder should be")
    with pytest.raises(UserError, match="--output: "):
        invoke(picture, *CLEAR)
