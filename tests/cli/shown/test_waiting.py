"""What is said while one waits."""

import re
import time

import pytest

from abtest.cli.shown import waiting

STEP = 0.01


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(waiting, "say", lines.append)
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", STEP)
    monkeypatch.setattr(waiting, "SILENCE_SECONDS", STEP)
    return lines


def until_said(lines: list[str], number: int) -> None:
    end = time.monotonic() + 60
    while len(lines) < number and time.monotonic() < end:
        time.sleep(STEP)


def test_a_wait_is_told_again_and_again_with_its_seconds_until_it_ends(said: list[str]) -> None:
    with waiting.meanwhile("saving"):
        until_said(said, 3)
    number = len(said)
    assert number >= 3
    assert all(re.fullmatch(r"saving, \d+ s", line) for line in said)
    time.sleep(3 * STEP)
    assert len(said) == number


def test_what_a_function_says_is_what_it_says_now(said: list[str]) -> None:
    steps = ["TrainChampion"]
    with waiting.meanwhile(lambda: f"executing: {steps[-1]}"):
        until_said(said, 1)
        steps.append("TuneChallenger")
        until_said(said, len(said) + 2)
    assert (said[0], said[-1]) == ("executing: TrainChampion", "executing: TuneChallenger")


def test_who_is_quick_says_nothing_and_a_failure_ends_the_telling(
    said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_SECONDS", 60.0)
    with pytest.raises(KeyError), waiting.meanwhile("saving"):
        raise KeyError
    assert said == []
