import pytest

from abtest.cli.demo.stopwatch import Stopwatch


def test_phases_are_announced_and_timed_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Stopwatch()
    with watch.phase("deploy", "deploying"):
        pass
    with watch.phase("traffic", "users come"):
        pass
    before = watch.seconds["deploy"]
    with watch.phase("deploy", "deploying more"):
        pass
    assert list(watch.seconds) == ["deploy", "traffic"]
    assert watch.seconds["deploy"] >= before >= 0
    assert capsys.readouterr().err.splitlines() == ["== deploying", "== users come", "== deploying more"]


def test_a_phase_that_fails_is_timed_too() -> None:
    watch = Stopwatch()
    with pytest.raises(ValueError, match="it failed"), watch.phase("deploy", "deploying"):
        raise ValueError("it failed")
    assert "deploy" in watch.seconds
