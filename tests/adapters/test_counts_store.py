import datetime
import gzip
import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from abtest.adapters import event_store
from abtest.adapters.counts_store import CountsStore
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.counting import columns
from abtest.experiment.record.decision import Boundary
from abtest.experiment.record.experiment import Experiment
from abtest.operations.record_decision import record_decision
from tests.adapters import samples
from tests.adapters.samples import ENDPOINT, NOW, begin
from tests.experiment.samples import counts

EXPERIMENT = samples.experiment(samples.plan())
FOUND = [{"Champion1": part / 8, "Challenger1": 1 - part / 8} for part in (4, 3, 2, 1, 5)]  # by each Decision
KEY = "checkpoints/boundaries/reviews-dev-v1-1/2026-01-01T12:00:00.000Z.json.gz"


@pytest.fixture
def s3(experiments: ExperimentsTable) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    return client


@pytest.fixture
def decided(experiments: ExperimentsTable, s3: Any) -> Experiment:
    """An experiment with three Decisions."""
    begin(experiments, EXPERIMENT)
    for _ in range(3):
        again(experiments)
    return running(experiments)


def running(table: ExperimentsTable) -> Experiment:
    found = table.current(ENDPOINT)
    assert found is not None
    return found


def again(table: ExperimentsTable) -> None:
    """One more Decision: each sets the shares that the next one finds."""
    before = running(table)
    assert record_decision(table, samples.decision(before, FOUND[before.decision_count + 1]), execution="r")


def minutes(*numbers: int) -> list[datetime.datetime]:
    return [NOW + datetime.timedelta(minutes=number) for number in numbers]


def boundaries(*numbers: int) -> list[Boundary]:
    return [Boundary(end, FOUND[number - 1]) for number, end in zip(numbers, minutes(*numbers), strict=True)]


def test_counts_are_found_under_their_key(s3: Any) -> None:
    seen = counts({"Champion1": (10, 3.5), "Challenger1": (20, 4.0)})
    key = CountsStore("bucket").put(EXPERIMENT, seen)
    assert (
        key
        == CountsStore("bucket").put(EXPERIMENT, seen)
        == "evidence/reviews-dev-v1-1/2026-01-01T00:16:40.000Z.json.gz"
    )
    assert CountsStore("bucket").get(key) == (EXPERIMENT, seen)


def test_only_new_decisions_are_read(
    experiments: ExperimentsTable, decided: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, read = [], experiments.boundaries

    def noted(experiment: Experiment, after: int) -> list[Boundary]:
        asked.append(after)
        return read(experiment, after)

    monkeypatch.setattr(experiments, "boundaries", noted)
    evidence = CountsStore("bucket")
    assert evidence.boundaries(experiments, decided) == boundaries(1, 2, 3)
    again(experiments)
    assert evidence.boundaries(experiments, running(experiments)) == boundaries(1, 2, 3, 4)
    assert evidence.boundaries(experiments, decided) == boundaries(1, 2, 3)  # whom a Decision has overtaken meanwhile
    assert asked == [0, 3, 3]


def test_shares_are_read_back_as_they_were(experiments: ExperimentsTable, begun: Experiment, s3: Any) -> None:
    """To the last digit, as nothing but the test's validity depends on them; those of 0 are left out."""
    third, seventh = {"Champion1": 1 / 3, "Challenger1": 2 / 3}, {"Champion1": 1 / 7, "Challenger1": 6 / 7}
    for shares in (third, {"Champion1": 1.0, "Challenger1": 0.0}, seventh):
        record_decision(experiments, samples.decision(running(experiments), shares), execution="r")
    store, now = CountsStore("bucket"), running(experiments)
    read, kept = (store.boundaries(experiments, now) for _ in range(2))
    assert [one.old_shares for one in read] == [FOUND[0], third, {"Champion1": 1.0, "Challenger1": 0.0}]
    assert [one.old_shares for one in kept] == [FOUND[0], third, {"Champion1": 1.0}]
    assert [one.as_of for one in kept] == [one.as_of for one in read] == minutes(1, 2, 3)


def test_the_former_format_that_held_times_only_is_read_anew(
    experiments: ExperimentsTable, decided: Experiment, s3: Any
) -> None:
    former = gzip.compress(json.dumps(columns.to_steps(minutes(1, 2))).encode())
    s3.put_object(Bucket="bucket", Key=KEY, Body=former)
    assert CountsStore("bucket").boundaries(experiments, decided) == boundaries(1, 2, 3)
    kept = json.loads(gzip.decompress(s3.get_object(Bucket="bucket", Key=KEY)["Body"].read()))
    assert kept["as_of"] == columns.to_steps(minutes(1, 2, 3))


UNEVEN = {"as_of": [1, 2], "old_shares": {"intervals": 1, "variants": {}}}


@pytest.mark.parametrize(
    "kept",
    [
        *(b"", b"no gzip", gzip.compress(b"[1")[:-4]),
        *(gzip.compress(json.dumps(document).encode()) for document in ({}, 3, UNEVEN, UNEVEN | {"old_shares": []})),
    ],
)
def test_what_is_lost_or_wrong_is_read_anew(
    experiments: ExperimentsTable, decided: Experiment, s3: Any, kept: bytes
) -> None:
    s3.put_object(Bucket="bucket", Key=KEY, Body=kept)
    assert CountsStore("bucket").boundaries(experiments, decided) == boundaries(1, 2, 3)
    s3.delete_object(Bucket="bucket", Key=KEY)
    assert CountsStore("bucket").boundaries(experiments, decided) == boundaries(1, 2, 3)
    assert s3.get_object(Bucket="bucket", Key=KEY)["Body"].read()


def test_an_experiment_of_the_same_name_in_a_new_table_has_its_own(
    experiments: ExperimentsTable, decided: Experiment
) -> None:
    CountsStore("bucket").boundaries(experiments, decided)
    later = samples.experiment(samples.plan(), started_at=NOW + datetime.timedelta(days=1))
    assert CountsStore("bucket").boundaries(experiments, later) == []


def test_that_they_cannot_be_kept_costs_time_only(
    experiments: ExperimentsTable, decided: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")

    monkeypatch.setattr(event_store.client(), "put_object", refused)
    assert CountsStore("bucket").boundaries(experiments, decided) == boundaries(1, 2, 3)
