import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from abtest.adapters import registry, releases
from abtest.adapters.table import StaleError
from abtest.cli import rollback
from abtest.cli.shown.output import UserError
from abtest.cli.stage import stacks
from abtest.experiment.record.release import Release, Releases
from abtest.operations import roll_back
from tests.adapters.samples import config, package

OUTPUTS = {
    "ExperimentsTableName": "t",
    "EndpointName": "e",
    "ChampionGroupName": "reviews-champion",
    "ChallengerGroupName": "reviews-challenger",
    "BuildEndpointStateMachineArn": "arn:machine",
}
OLD, NEW = package("champion", 1), package("champion", 2, minute=1)
RELEASES = (
    Releases()
    .then(Release.of("config-1", "reviews-dev-v1-1", {"Champion1": OLD.arn}))
    .then(Release.of("config-2", "reviews-dev-v2-1", {"Champion2": NEW.arn}))
)


class World:
    """The commands' outputs and what they did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.releases, self.packages, self.done = RELEASES, [NEW, OLD], list[str]()
        monkeypatch.setattr(stacks, "outputs", lambda _: OUTPUTS)
        monkeypatch.setattr(stacks, "load_config", lambda _: config())
        monkeypatch.setattr(releases, "get", lambda *_: self.releases)
        monkeypatch.setattr(registry, "packages", lambda group: [p for p in self.packages if p.group_name == group])
        monkeypatch.setattr(roll_back, "roll_back", self.roll_back)

    def roll_back(self, _table: Any, _back: Any, endpoint_name: str, machine_arn: str) -> str:
        self.done.append(f"{endpoint_name} by {machine_arn}")
        return "arn:execution"

    def invoke(self, *arguments: str, answer: str | None = None) -> Any:
        app = typer.Typer()
        app.command()(rollback.rollback)
        return CliRunner().invoke(app, arguments, input=answer, catch_exceptions=False)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_it_says_what_it_will_do_asks_and_does_it(world: World) -> None:
    ended = world.invoke(answer="y\n")
    assert "goes back from Champion2 (reviews-dev-v2-1) to Champion1 (reviews-dev-v1-1)" in ended.stderr
    assert f"to reject: {NEW.arn}\n" in ended.stderr
    assert "reviews-dev-v1-1 is resumed" in ended.stderr
    assert world.done == ["sagemaker-reviews-dev by arn:machine"]
    assert ended.stdout.endswith("build-endpoint is started: arn:execution\n")


def test_no_is_no(world: World) -> None:
    assert world.invoke(answer="n\n").exit_code == 1
    assert world.done == []


def test_the_result_as_json(world: World) -> None:
    document = json.loads(world.invoke("--yes", "--json").stdout)
    assert (document["rejected"], document["execution_arn"]) == ([NEW.arn], "arn:execution")
    assert document["to"]["experiment_id"] == "reviews-dev-v1-1"


def test_no_way_back_is_a_users_mistake(world: World) -> None:
    world.releases = Releases()
    with pytest.raises(UserError, match="no other release is on record"):
        world.invoke("--yes")
    assert world.done == []


def test_what_changes_while_it_asks_is_not_rolled_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: world.packages.remove(NEW))
    with pytest.raises(UserError, match="changed meanwhile, and nothing was rejected"):
        world.invoke()
    assert world.done == []


def test_a_release_that_comes_between_is_not_rolled_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def stale(*_: Any) -> None:
        raise StaleError("another execution wrote first")

    monkeypatch.setattr(roll_back, "roll_back", stale)
    with pytest.raises(UserError, match="changed meanwhile"):
        world.invoke("--yes")
    assert world.done == []
