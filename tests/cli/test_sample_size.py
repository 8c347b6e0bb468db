"""`abtest sample-size`: the published figure, the days, the mistakes."""

import json
import math
from collections.abc import Iterator

import pytest
import typer
from typer.testing import CliRunner, Result

from abtest.cli import sample_size
from abtest.cli.shown import waiting

QUICK = ("--baseline", "20%", "--effect", "10%", "--runs", "60")


def invoke(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(sample_size.sample_size)
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_the_published_figure() -> None:
    """Google Analytics: 22,330 observations, 223 days at 100 a day."""
    shown = invoke(
        "--baseline", "0.04", "--effect", "1%", "--power", "95%", "--users-per-day", "100", "--runs", "2"
    ).stdout
    assert "4 % against 5 %, 2 arms, false decisions at most 5 %" in shown
    (row,) = (line for line in shown.splitlines() if "one look" in line)
    assert row.split()[-2:] == ["22,332", "223.3"]


def test_for_machines() -> None:
    document = json.loads(invoke(*QUICK, "--users-per-day", "10", "--json").stdout)
    assert (document["baseline"], document["effect"], document["floor"]) == (0.2, 0.1, 0.25)
    at_end, equal, floored = document["designs"]
    assert at_end["expected"] == {"users": None, "days": None}
    assert [entry["power"] for entry in at_end["by_power"]] == [0.8, 0.95]
    assert at_end["by_power"][0]["users"] == 588  # 294 in each arm; R's power.prop.test: n = 293.2
    assert floored["expected"]["users"] > equal["expected"]["users"]
    assert equal["expected"]["days"] == equal["expected"]["users"] / 10


def test_a_relative_effect_and_another_power() -> None:
    document = json.loads(
        invoke("--baseline", "20%", "--relative", "50%", "--power", "0.9", "--runs", "2", "--json").stdout
    )
    assert document["effect"] == pytest.approx(0.1)
    assert [entry["power"] for entry in document["designs"][0]["by_power"]] == [0.8, 0.9, 0.95]


def test_many_arms_get_a_floor_that_they_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def sequential(_: object, *, floor: float | None = None, runs: int, seed: int) -> Iterator[float]:
        asked.append(floor)
        return iter([math.inf] * runs)

    monkeypatch.setattr(sample_size, "sequential", sequential)
    assert "Bonferroni over 19 comparisons" in invoke(*QUICK, "--arms", "20").stdout
    assert set(asked) == {None, 0.025}
    document = json.loads(invoke(*QUICK, "--json").stdout)
    assert document["designs"][1]["expected"]["users"] is None


def test_it_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 0.0)
    assert "4 of 60 runs: any look, equal split" in invoke(*QUICK).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--baseline", "4", "--effect", "1%"), "Invalid value for --baseline: must be between 0 and 1, not 4"),
        (("--baseline", "x", "--effect", "1%"), "must be a number such as 0.05 or 5%, not x"),
        (("--baseline", "4%"), "give one of --effect and --relative"),
        (("--baseline", "4%", "--effect", "1%", "--relative", "2%"), "give one of --effect and --relative"),
        (("--baseline", "4%", "--effect", "96%"), "--effect: must not be 0 or take the rate to 1"),
        (("--baseline", "40%", "--relative", "2"), "--relative: must not be 0 or take the rate to 1.2"),
        ((*QUICK, "--alpha", "0"), "--alpha: must be between 0 and 1, not 0"),
        ((*QUICK, "--power", "5%"), "--power: must be between 0.05 and 1, not 0.05"),
        ((*QUICK, "--floor", "0.6"), "--floor: must be above 0 and at most 1/2, not 0.6"),
        ((*QUICK, "--users-per-day", "0"), "--users-per-day: must be above 0"),
        ((*QUICK, "--arms", "1"), "--arms"),
    ],
)
def test_a_mistake_names_its_option(arguments: tuple[str, ...], message: str) -> None:
    ended = invoke(*arguments)
    assert ended.exit_code == 2
    assert message in ended.stderr
