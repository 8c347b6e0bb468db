"""The wait for build-endpoint, on stand-ins for the tables and the machine."""

from collections.abc import Sequence
from itertools import count
from types import SimpleNamespace

import pytest

from abtest.adapters import executions
from abtest.cli.shown.output import UserError
from abtest.cli.stage import build_endpoint as serving
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.shadow import Pair, Shadow
from tests.adapters import samples

OUTPUTS = {"BuildEndpointStateMachineArn": "machine", "ExperimentsTableName": "table", "EndpointName": "endpoint"}
BOTH = ["arn:champion/1", "arn:challenger/1"]
ALONE, PAIR = samples.experiment(samples.plan(challengers=())), samples.experiment(samples.plan())


class Target:
    """What is seen at one look after the other: the experiment, and whether build-endpoint runs or has failed."""

    def __init__(self, *looks: tuple[Experiment | None, str], shadows: Sequence[Shadow] = ()) -> None:
        self.looks, self._shadows = list(looks), list(shadows)

    def __call__(self, table_name: str) -> "Target":
        assert table_name == "table"
        return self

    def current(self, endpoint_name: str) -> Experiment | None:
        assert endpoint_name == "endpoint"
        return self.looks[0][0]

    def all_of(self, table: object, endpoint_name: str) -> list[Shadow]:
        assert (table, endpoint_name) == (self, "endpoint")
        return self._shadows

    def newest(self, machine_arn: str, status: str) -> str | None:
        assert machine_arn == "machine"
        return "execution" if self.looks[0][1] == status else None

    def sleep(self, _: float) -> None:
        if len(self.looks) > 1:
            self.looks.pop(0)


def wait(
    monkeypatch: pytest.MonkeyPatch, *looks: tuple[Experiment | None, str], shadows: Sequence[Shadow] = ()
) -> Experiment:
    """The first look is the one before the approval; each look is ten seconds after the one before."""
    target, seconds = Target(*looks, shadows=shadows), count(0, 10)
    monkeypatch.setattr(serving, "ExperimentsTable", target)
    monkeypatch.setattr(serving, "shadows", target)
    monkeypatch.setattr(executions, "newest", target.newest)
    monkeypatch.setattr(serving, "time", SimpleNamespace(sleep=target.sleep, monotonic=lambda: next(seconds)))
    build_endpoint = serving.BuildEndpoint(OUTPUTS)
    target.sleep(0)
    return build_endpoint.served(BOTH)


def test_it_waits_for_both_models_and_for_build_endpoint_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [(None, "RUNNING"), (ALONE, "RUNNING"), (ALONE, "none"), (PAIR, "RUNNING"), (PAIR, "none")]
    assert wait(monkeypatch, (None, "none"), *looks) == PAIR


def test_a_failed_execution_ends_it_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = executions.Ended("execution", "FAILED", {}, "the endpoint failed: no space")
    monkeypatch.setattr(executions, "wait", lambda _arn, **_: ended)
    with pytest.raises(UserError, match=r"^build-endpoint failed: the endpoint failed: no space$"):
        wait(monkeypatch, (None, "none"), (None, "RUNNING"), (None, "FAILED"))


def test_what_failed_before_the_approval_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait(monkeypatch, (None, "FAILED"), (None, "FAILED"), (PAIR, "none")) == PAIR


def test_a_model_that_build_endpoint_does_not_take_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^build-endpoint is idle and does not serve arn:challenger/1: it takes"):
        wait(monkeypatch, (None, "none"), (None, "RUNNING"), (ALONE, "none"))


def test_a_shadow_is_as_far_as_a_challenger_comes_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = Shadow(Pair("Champion1", BOTH[0], "Challenger1", BOTH[1]), samples.NOW)
    assert wait(monkeypatch, (None, "none"), (None, "RUNNING"), (ALONE, "RUNNING"), shadows=[shadow]) == ALONE


def test_an_endpoint_that_never_serves_both_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"^endpoint did not serve all of .*, arn:challenger/1 within 3600 s: look"):
        wait(monkeypatch, (None, "none"), (ALONE, "RUNNING"))
