import json
from typing import Any

from abtest.sandbox.sagemaker.pipelines.definition import parse
from abtest.sandbox.sagemaker.pipelines.schedule import FAILED, SKIPPED, STOPPED, SUCCEEDED, Schedule
from tests.sandbox.sagemaker.pipelines.definitions import condition, document, processing


def schedule(*steps: Any, limit: int | None = None) -> Schedule:
    return Schedule(parse(json.dumps(document(*steps))), limit)


def test_steps_become_ready_when_their_dependencies_have_succeeded() -> None:
    plan = schedule(processing("A"), processing("B", after=["A"]), processing("C", after=["A", "B"]))
    assert plan.ready() == ["A"]
    plan.start("A")
    assert plan.ready() == []
    plan.end("A", SUCCEEDED)
    assert plan.ready() == ["B"]
    plan.start("B")
    plan.end("B", SUCCEEDED)
    assert plan.ready() == ["C"]


def test_the_limit_counts_what_runs() -> None:
    plan = schedule(*(processing(name) for name in "ABC"), limit=2)
    assert plan.ready() == ["A", "B"]
    plan.start("A")
    assert plan.ready() == ["B"]
    plan.start("B")
    assert plan.ready() == []
    plan.end("A", SUCCEEDED)
    assert plan.ready() == ["C"]


def test_nothing_starts_after_a_failure_or_a_stop() -> None:
    for status in (FAILED, STOPPED):
        plan = schedule(processing("A"), processing("B"))
        plan.start("A")
        plan.end("A", status)
        assert plan.ready() == []
        assert plan.done
        assert plan.failed is (status == FAILED)


def test_a_branch_not_taken_is_skipped_with_all_that_hangs_on_it() -> None:
    check = condition("Check", [], [processing("Deep")], [processing("Else")])
    plan = schedule(check, processing("After", after=["Deep"]))
    plan.start("Check")
    plan.decide("Check", False)
    assert plan.ready() == ["Else"]
    skipped = [name for name, state in plan.states.items() if state == SKIPPED]
    assert skipped == ["Deep", "After"]
