"""Endpoints as they are found, one after the other, against what is in the table then."""

import dataclasses
import datetime
from typing import Any

import pytest

from abtest.adapters import adopted_endpoints
from abtest.adapters.endpoint_description import EndpointDescription
from abtest.adapters.experiments_table import ExperimentsTable, retire
from abtest.adapters.table import StaleError
from abtest.experiment.record.config import ConfigError
from abtest.experiment.record.plan import PlannedVariant
from abtest.operations import adopt as adoption
from abtest.operations import hold_lease
from abtest.operations.adopt import Adopter, Adoption, AdoptionError
from abtest.operations.record_decision import record_decision
from tests.adapters.samples import NOW, config, decision

NAME = "sagemaker-reviews-churn"
FIRST = f"{NAME}-v0-1"
ENABLED = {"ab-testing:enabled": "true"}


def variant(name: str, model: str = "", weight: float = 1.0) -> PlannedVariant:
    return PlannedVariant(name, f"arn:model/{model or name}", weight)


class World:
    """One endpoint, and who looks after it; an hour passes between two looks."""

    def __init__(self, table: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table = table
        self.now = NOW
        self.adopter = Adopter(table, config(strategy="ThompsonSampling", warmup=7), execution="x")
        self.endpoint: EndpointDescription | None = None
        monkeypatch.setattr(adoption, "describe", lambda name: self.endpoint if name == NAME else None)

    def serve(self, *variants: PlannedVariant, status: str = "InService", made: str = "monday", **tags: str) -> None:
        all_tags = ENABLED | {f"ab-testing:{key}": value for key, value in tags.items()}
        self.endpoint = EndpointDescription(NAME, status, made, all_tags, variants)

    def change(self, **changes: Any) -> None:
        assert self.endpoint
        self.endpoint = dataclasses.replace(self.endpoint, **changes)

    def event(self) -> Adoption:
        self.now += datetime.timedelta(hours=1)
        return self.adopter.follow(NAME, self.now)

    def adopt(self, champion: str | None = None, **settings: Any) -> Adoption:
        return self.adopter.adopt(NAME, self.now, champion=champion, settings=settings)

    def decide(self, **shares: float) -> None:
        assert record_decision(self.table, decision(self.running, shares), execution="r")

    @property
    def running(self) -> Any:
        found = self.table.current(NAME)
        assert found is not None
        return found

    @property
    def counts(self) -> list[int]:
        return [count.invocation_count for count in self.running.counts.values()]


@pytest.fixture
def world(experiments: ExperimentsTable, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(ExperimentsTable("experiments"), monkeypatch)
    made.serve(variant("a", weight=3.0), variant("b"))
    return made


def test_a_tagged_endpoint_begins_an_experiment_with_the_weights_that_it_has(world: World) -> None:
    world.serve(variant("a", weight=3.0), variant("b"), strategy="UCB1", epsilon="0.5")
    done = world.event()
    assert done == Adoption(NAME, FIRST, "begun", "a, b are on trial.")
    assert dict(world.running.shares) == {"a": 0.75, "b": 0.25}
    assert world.running.variant_names == ("a", "b")
    settings = world.running.settings
    assert (settings.strategy, settings.epsilon, settings.warmup) == ("UCB1", 0.5, 7)
    assert adopted_endpoints.live(world.table) == [NAME]


def test_the_same_event_again_and_a_change_of_weights_or_instances_touch_nothing(world: World) -> None:
    world.event()
    world.decide(a=0.0, b=1.0)
    before = world.running
    for variants in ((variant("a", weight=3.0), variant("b")), (variant("a", weight=0.0), variant("b"))):
        world.serve(*variants)
        assert world.event().change == "none"
    assert world.running == before
    assert world.counts == [10, 10]


def test_variants_join_and_leave_and_the_others_keep_their_counts(world: World) -> None:
    world.event()
    world.decide(a=0.2, b=0.8)
    world.serve(variant("a"), variant("c"), variant("b"))
    assert world.event() == Adoption(NAME, FIRST, "changed", "It serves a, c, b.")
    assert world.running.shares["c"] > 0
    world.serve(variant("a"), variant("b"))
    assert world.event().change == "changed"
    assert world.running.variant_names == ("a", "b")
    assert world.counts == [10, 10]
    assert [made.number for made in world.table.decisions(NAME, FIRST)] == [1, 2, 3]


def test_a_deleted_endpoint_is_retired_with_its_counts_however_often_it_is_said(world: World) -> None:
    world.event()
    world.decide(a=0.2, b=0.8)
    before = world.running
    world.change(status="Deleting", variants=())
    assert world.event() == Adoption(NAME, FIRST, "retired", "The endpoint is deleted.")
    world.endpoint = None
    assert world.event().change == "none"
    assert (world.table.current(NAME), adopted_endpoints.live(world.table), world.table.past(NAME)) == (
        None,
        [],
        [before],
    )


def test_late_events_do_what_the_endpoint_is_now(world: World) -> None:
    """IN_SERVICE of one that is gone, DELETING of one that was made anew, and either while it changes."""
    world.endpoint = None
    assert world.event().change == "none"
    world.serve(variant("a"), variant("b"), made="tuesday")
    assert world.event().change == "begun"
    for status in ("Updating", "Creating", "Failed"):
        world.change(status=status, variants=())
        assert world.event().change == "none"
    assert adopted_endpoints.live(world.table) == [NAME]


def test_one_that_comes_back_goes_on_with_its_experiment(world: World) -> None:
    world.event()
    world.decide(a=0.2, b=0.8)
    before, gone = world.running, world.endpoint
    world.endpoint = None
    world.event()
    world.endpoint = gone
    world.change(created_at="tuesday")
    assert world.event() == Adoption(NAME, FIRST, "resumed", "It serves again what it tested before.")
    assert adopted_endpoints.live(world.table) == [NAME]
    assert world.running == before
    assert world.table.past(NAME) == []


def test_another_model_under_a_known_name_is_another_experiment_and_the_old_one_comes_back_with_it(
    world: World,
) -> None:
    world.event()
    world.decide(a=0.2, b=0.8)
    world.serve(variant("a"), variant("b", "other"))
    done = world.event()
    assert (done.change, done.experiment_id) == ("begun", f"{NAME}-v0-2")
    assert world.running.counts is None
    world.serve(variant("a"), variant("b"))
    assert (world.event().change, world.running.experiment_id) == ("resumed", FIRST)
    assert world.counts == [10, 10]
    assert [past.experiment_id for past in world.table.past(NAME)] == [f"{NAME}-v0-2"]


def test_of_several_experiments_that_it_could_go_on_with_the_latest_does(world: World) -> None:
    world.event()
    world.serve(variant("a"), variant("b", "other"))
    world.event()
    world.endpoint = None
    world.event()
    world.serve(variant("a"), variant("c"))
    assert (world.event().change, world.running.experiment_id) == ("resumed", f"{NAME}-v0-2")


def test_the_champion_is_as_tagged_when_an_experiment_begins_and_stays_while_it_serves(world: World) -> None:
    world.serve(variant("a"), variant("b"), champion="b")
    world.event()
    assert world.running.variant_names == ("b", "a")
    world.serve(variant("a"), variant("b"), champion="a")
    assert world.event().change == "none"
    world.serve(variant("a"), variant("c"), champion="a")
    assert world.event().change == "begun"
    assert world.running.variant_names == ("a", "c")


def test_one_variant_alone_goes_on_only_if_it_is_the_champion(world: World) -> None:
    world.event()
    world.serve(variant("a"))
    assert world.event().change == "changed"
    world.serve(variant("b"))
    assert world.event() == Adoption(NAME, FIRST, "retired", "It serves one variant, not the champion.")
    assert world.event().change == "none"


def test_untagged_endpoints_and_the_stages_own_are_left_alone(world: World) -> None:
    world.change(tags={})
    assert world.event() == Adoption(NAME, None, "none", "It has no experiment, and no tags that ask for one.")
    for name in ("sagemaker-reviews-dev", "sagemaker-other-churn"):
        others = "It is the stage's own endpoint, or another project's."
        assert world.adopter.follow(name, NOW) == Adoption(name, None, "none", others)
    assert hold_lease.ask(world.table, NAME, "another", 0)  # nobody waits for it or holds it


def test_a_wrong_tag_is_named_before_anything_is_written(world: World) -> None:
    world.serve(variant("a"), variant("b"), epsilon="2")
    with pytest.raises(ConfigError, match="ab-testing:epsilon"):
        world.event()
    world.serve(variant("a"), variant("b"), champion="c")
    with pytest.raises(AdoptionError, match="ab-testing:champion: c is no variant of the endpoint; it has a, b"):
        world.event()
    world.serve(variant("a"), variant("b", weight=0.0))
    with pytest.raises(AdoptionError, match="b has the weight 0"):
        world.event()
    assert (world.table.current(NAME), adopted_endpoints.live(world.table)) == (None, [])
    assert hold_lease.ask(world.table, NAME, "another", 0)


def test_by_hand_without_tags_twice(world: World) -> None:
    world.change(tags={})
    assert world.adopt("b", strategy="UCB1").change == "begun"
    assert (world.running.variant_names, world.running.settings.strategy) == (("b", "a"), "UCB1")
    assert world.adopt("b", strategy="UCB1").change == "none"
    assert world.event().change == "none"  # the champion stays without a tag that names it
    with pytest.raises(AdoptionError, match="runs with the champion b: retire sagemaker-reviews-churn first"):
        world.adopt("a")


def test_what_an_event_retired_can_be_retired_by_hand_so_that_no_event_brings_it_back(world: World) -> None:
    world.event()
    both = world.endpoint
    world.serve(variant("b"))
    assert world.event().change == "retired"
    assert world.adopter.retire(NAME, NOW).change == "none"
    world.endpoint = both
    assert world.event().change == "none"
    assert world.adopt().change == "resumed"


def test_retired_by_hand_stays_so_until_adopted_or_made_anew(world: World) -> None:
    world.event()
    world.decide(a=0.2, b=0.8)
    assert world.adopter.retire(NAME, NOW).change == "retired"
    assert world.adopter.retire(NAME, NOW).change == "none"
    assert world.event().change == "none"
    assert world.adopt(warmup=3).change == "resumed"
    assert (world.counts, world.running.settings.warmup) == ([10, 10], 3)
    world.adopter.retire(NAME, NOW)
    world.change(created_at="tuesday")
    assert world.event().change == "resumed"


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        (None, "the endpoint sagemaker-reviews-churn does not exist"),
        (EndpointDescription(NAME, "Updating", "monday", {}, ()), "is Updating: it must be InService"),
        (
            EndpointDescription(NAME, "InService", "monday", {}, (variant("a"),)),
            "has one variant only, a: a test needs two",
        ),
    ],
)
def test_what_cannot_be_adopted_is_refused(world: World, endpoint: EndpointDescription | None, message: str) -> None:
    world.endpoint = endpoint
    with pytest.raises(AdoptionError, match=message):
        world.adopt()


@pytest.mark.parametrize(
    ("name", "message"),
    [("sagemaker-reviews-dev", "is the stage's own endpoint"), ("churn", "names begin with sagemaker-reviews-")],
)
def test_names_that_are_not_for_adoption(world: World, name: str, message: str) -> None:
    with pytest.raises(AdoptionError, match=message):
        world.adopter.retire(name, NOW)
    with pytest.raises(AdoptionError, match=message):
        world.adopter.adopt(name, NOW, champion=None, settings={})


def test_who_was_never_adopted_cannot_be_retired(world: World) -> None:
    with pytest.raises(AdoptionError, match="takes no part in a test, and never did"):
        world.adopter.retire(NAME, NOW)


def test_a_decision_that_comes_between_is_not_overwritten(world: World) -> None:
    world.event()
    stale = world.running
    world.decide(a=0.2, b=0.8)
    hold_lease.ask(world.table, NAME, "x", 0)
    with pytest.raises(StaleError):
        world.table.transact(retire(stale, NOW))
    assert world.counts == [10, 10]


def test_the_lease_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "PATIENCE_SECONDS", -1.0)
    hold_lease.ask(world.table, NAME, "another", 10.0**10)
    with pytest.raises(AdoptionError, match="another execution is changing sagemaker-reviews-churn"):
        world.event()
    hold_lease.release(world.table, NAME, "another")
    assert world.event().change == "begun"
