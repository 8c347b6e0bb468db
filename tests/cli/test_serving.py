"""The wait for build-endpoint, on stand-ins for the table and the machine."""

from collections.abc import Sequence

import pytest

from abtest.adapters import executions
from abtest.cli.demo import release
from abtest.cli.errors import UserError
from abtest.experiment.experiment import Experiment
from tests.adapters import samples

OUTPUTS = {"BuildEndpointStateMachineArn": "machine", "ExperimentsTableName": "table", "EndpointName": "endpoint"}
BOTH = ["arn:champion/1", "arn:challenger/1"]


class Target:
    """What is seen at one look after the other: the experiment, and whether build-endpoint runs or has failed."""

    def __init__(self, *looks: tuple[Experiment | None, str]) -> None:
        self.looks = list(looks)

    def __call__(self, table_name: str) -> "Target":
        assert table_name == "table"
        return self

    def current(self, endpoint_name: str) -> Experiment | None:
        assert endpoint_name == "endpoint"
        return self.looks[0][0]

    def of_status(self, machine_arn: str, status: str) -> list[str]:
        assert machine_arn == "machine"
        return ["execution"] if self.looks[0][1] == status else []

    def sleep(self, _: float) -> None:
        if len(self.looks) > 1:
            self.looks.pop(0)


def wait(monkeypatch: pytest.MonkeyPatch, looks: Sequence[tuple[Experiment | None, str]]) -> Experiment:
    target = Target(*looks)
    monkeypatch.setattr(release, "ExperimentsTable", target)
    monkeypatch.setattr(executions, "of_status", target.of_status)
    monkeypatch.setattr("abtest.cli.demo.release.time.sleep", target.sleep)
    return release.wait_for_experiment(OUTPUTS, BOTH)


def test_it_waits_for_both_models_and_for_build_endpoint_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, both = samples.experiment(samples.plan(challengers=())), samples.experiment(samples.plan())
    looks = [(None, "RUNNING"), (alone, "RUNNING"), (alone, "none"), (both, "RUNNING"), (both, "none")]
    assert wait(monkeypatch, looks) == both


def test_a_failed_execution_ends_the_demo_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = executions.Ended("execution", "FAILED", {}, "the endpoint failed: no space")
    monkeypatch.setattr(executions, "wait", lambda _arn, **_: ended)
    with pytest.raises(UserError, match=r"^build-endpoint failed: the endpoint failed: no space$"):
        wait(monkeypatch, [(None, "RUNNING"), (None, "FAILED")])


def test_an_endpoint_that_never_serves_both_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "ENDPOINT_SECONDS", 0.01)
    with pytest.raises(UserError, match=r"^endpoint did not serve both models within 0 s$"):
        wait(monkeypatch, [(samples.experiment(samples.plan(challengers=())), "none")])
