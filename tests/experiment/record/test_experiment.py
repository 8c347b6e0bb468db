"""The experiment's record, to JSON and back."""

import json
from decimal import Decimal

import pytest

from abtest.experiment.record.experiment import Experiment, decision_id, decision_number, experiment_id
from abtest.experiment.record.variants import Shares, VariantCounts
from tests.experiment.samples import at, experiment


def test_a_new_experiment_has_the_initial_decision() -> None:
    assert experiment().decision_id == "reviews-dev-v1-1-d000000"
    assert experiment_id("reviews", "dev", 3, 2) == "reviews-dev-v3-2"
    assert decision_id("e", 12) == "e-d000012"


@pytest.mark.parametrize("number", [float, Decimal])
def test_the_round_trip(number: type) -> None:
    """DynamoDB gives Decimals."""
    for record in (
        experiment(),
        experiment(
            counts={"Champion1": VariantCounts(3, 1, 0.5)},
            counted_until=at(60),
            status="decided",
            leader="Champion1",
            mode="learn_first",
            objective="minimize",
            margin=0.01,
            time_limit_hours=36.5,
            decision_count=2,
            decision_id="e-d000002",
            shares=Shares({"Champion1": 0.1, "Challenger1": 0.9}),
        ),
    ):
        document = json.loads(json.dumps(record.to_json()), parse_float=number)
        # Earlier versions wrote the times of all Decisions too.
        assert Experiment.from_json(document | {"item": "EXPERIMENT", "as_of": ["2026-01-01T00:00:00.000Z"]}) == record


def test_the_shares_must_be_those_of_the_variants() -> None:
    with pytest.raises(ValueError, match=r"^shares: "):
        experiment(shares=Shares({"Champion1": 1.0}))
    with pytest.raises(ValueError, match=r"^shares: "):
        experiment(names=("A", "A"), shares=Shares({"A": 1.0}))


@pytest.mark.parametrize(("text", "number"), [("e-d000012", 12), ("e-d", -1), ("", -1), ("e-d" + "9" * 20, -1)])
def test_a_decisions_number_is_read_from_its_id(text: str, number: int) -> None:
    assert decision_number(text) == number
