"""An experiment with a year of Decisions, one each quarter of an hour, meets no limit of AWS."""

import datetime
import gzip
import json
from typing import Any

import boto3
import numpy as np
import pytest

from abtest.adapters.counts_store import BOUNDARIES
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import to_item
from abtest.experiment.counting import columns
from abtest.experiment.counting.counts import write_shares
from abtest.experiment.record import times
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.variants import Shares, Variant
from abtest.handlers import count_events, decide, record_decision
from tests.adapters import conftest
from tests.adapters.samples import ENDPOINT, begin
from tests.experiment.samples import at, conversion, experiment, invocation
from tests.handlers import machines

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("environment")]

aws, experiments, environment = conftest.aws, conftest.experiments, machines.environment

STEPS = 35_040
END = at(900 * STEPS)
MOST_PASSED_ON = 256 * 1024  # bytes, between two states
MOST_OF_AN_ITEM = 400 * 1024  # bytes


def a_year_old(variants: int) -> Experiment:
    names = [f"Challenger{'-' * 40}{number}" for number in range(variants)]
    return experiment(
        endpoint_name=ENDPOINT,
        variants=tuple(
            Variant(name, f"arn:aws:sagemaker:us-east-1:1:model-package/{name}/1", 1.0, at(0)) for name in names
        ),
        shares=Shares(dict.fromkeys(names, 1 / variants)),
        decision_count=STEPS,
        counted_until=END,
        margin=0.01,
        canary_until=dict.fromkeys(names, at(1)),
    )


def events(of: Experiment, every: int) -> list[str]:
    """Of each `every`-th interval, a user of each variant; the number of its interval says who converts."""
    lines = []
    for interval in range(0, STEPS, every):
        for place, name in enumerate(of.variant_names):
            drawn_by = {"decision_id": f"{of.experiment_id}-d{interval:06d}", "propensity": of.shares[name]}
            one = invocation(f"{interval}-{place}", 900 * interval + 1, endpoint_variant=name, **drawn_by)
            lines.append(one.to_line())
            if interval * (place + 3) % 7 == 0:
                lines.append(conversion(one, 900 * interval + 2).to_line())
    return lines


def size(payload: Any) -> int:
    return len(json.dumps(payload).encode())


def item_size(document: dict[str, Any]) -> int:
    """Not less than DynamoDB's, which counts no types."""
    return len(json.dumps(to_item(document)).encode())


def random_shares(variants: int) -> list[list[float]]:
    """Of each Decision, all above 0."""
    drawn: list[list[float]] = np.random.default_rng(1).dirichlet([50.0] * variants, STEPS).tolist()
    return drawn


def put_a_year(of: Experiment, every: int) -> None:
    s3 = boto3.client("s3")
    # Shares that no Decision repeats to the last digit, as those of a strategy.
    moved = [dict(zip(of.variant_names, row, strict=True)) for row in random_shares(len(of.variants))]
    known = {"as_of": columns.to_steps(at(900 * n) for n in range(1, STEPS + 1)), "old_shares": write_shares(moved)}
    s3.put_object(
        Bucket="bucket",
        Key=f"{BOUNDARIES}{of.experiment_id}/{times.to_text(of.started_at)}.json.gz",
        Body=gzip.compress(json.dumps(known).encode()),
    )
    s3.put_object(Bucket="bucket", Key="events/2026/12/31/23/a", Body="\n".join(events(of, every)).encode())


@pytest.mark.parametrize(("variants", "every"), [(2, 4), (20, 400)])
def test_a_year_of_decisions_fits(experiments: ExperimentsTable, variants: int, every: int) -> None:
    begun = a_year_old(variants)
    begin(experiments, begun)
    put_a_year(begun, every)
    as_of = times.to_text(END + datetime.timedelta(minutes=15))
    counted = count_events.handler({"endpoint_name": ENDPOINT, "as_of": as_of}, None)
    weights = {"ProductionVariants": [{"VariantName": name, "CurrentWeight": 1.0} for name in begun.variant_names]}
    decided = decide.handler({"evidence": counted["evidence"], "endpoint": weights}, None)
    assert size(counted) < 1_000
    assert size({"counted": counted, "decided": decided, "endpoint": weights}) < MOST_PASSED_ON / 4
    assert record_decision.handler({"decision": decided["decision"], "execution": "r"}, None)["applied"]
    now = experiments.current(ENDPOINT)
    assert now is not None and now.decision_count == STEPS + 1
    assert item_size(now.to_json()) < MOST_OF_AN_ITEM / 10
    assert item_size(Decision.from_json(decided["decision"]).to_json()) < MOST_OF_AN_ITEM / 4
    assert sum(count["user_count"] for count in decided["decision"]["counts"].values()) == variants * -(-STEPS // every)
