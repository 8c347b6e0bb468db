"""Packages, plans and experiments for tests."""

import dataclasses
import datetime
from typing import Any

from abtest.adapters import experiments_table, leases
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.config_file import read_config
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import Experiment
from abtest.experiment.record.plan import Plan, PlannedVariant
from abtest.experiment.record.selection import Package
from abtest.experiment.record.variants import Shares, Variant, VariantCounts
from abtest.operations import hold_lease
from tests.experiment.samples import SETTINGS

NOW = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)
ENDPOINT = "sagemaker-reviews-dev"


def config(**changes: Any) -> ExperimentConfig:
    return read_config({"project_name": "reviews", "stage_name": "dev", **changes})


def package(role: str, version: int, *, minute: int = 0, status: str = "Approved") -> Package:
    group = f"reviews-{role}"
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:model-package/{group}/{version}"
    return Package(arn, group, version, status, NOW + datetime.timedelta(minutes=minute))


def plan(champion: int = 1, challengers: tuple[int, ...] = (1,), weight: float = 1.0) -> Plan:
    """`weight` is each challenger's initial weight; the champion's is 1."""
    variants = [PlannedVariant(f"Champion{champion}", f"arn:champion/{champion}", 1.0)]
    variants += [PlannedVariant(f"Challenger{v}", f"arn:challenger/{v}", weight) for v in challengers]
    return Plan(champion, tuple(variants))


def experiment(of: Plan, shares: dict[str, float] | None = None, **changes: Any) -> Experiment:
    variants = tuple(Variant(v.variant_name, v.model_package_arn, v.initial_weight, NOW) for v in of.variants)
    begun = Experiment(
        experiment_id=f"reviews-dev-v{of.champion_version}-1",
        endpoint_name=ENDPOINT,
        project="reviews",
        stage="dev",
        champion_version=of.champion_version,
        settings=SETTINGS,
        variants=variants,
        shares=Shares(shares) if shares else of.initial_shares,
        started_at=NOW,
    )
    return dataclasses.replace(begun, **changes)


def begin(
    table: ExperimentsTable,
    made: Experiment,
    *,
    counter: int = 1,
    before: Experiment | None = None,
    execution: str = "x",
) -> None:
    """Makes the experiment the endpoint's current one; the lease is held by `x`."""
    hold_lease.ask(table, made.endpoint_name, "x", 0)
    writes = experiments_table.begin(made, counter=counter, before=before)
    table.transact([leases.check(made.endpoint_name, execution), *writes])


def decision(on: Experiment, shares: dict[str, float], **changes: Any) -> Decision:
    """The next Decision on the experiment."""
    number = on.decision_count + 1
    made = Decision(
        decision_id=f"{on.experiment_id}-d{number:06d}",
        number=number,
        experiment_id=on.experiment_id,
        endpoint_name=on.endpoint_name,
        decided_at=NOW,
        as_of=NOW + datetime.timedelta(minutes=number),
        settings=on.settings,
        old_shares=on.shares,
        new_shares=Shares(shares),
        counts={name: VariantCounts(invocation_count=10, reward_sum=2.5) for name in shares},
        probability_best={name: 1 / len(shares) for name in shares},
        value_remaining=None,
        e_values={},
        e_value_threshold=22.2,
        status="running",
        leader=next(iter(shares)),
        reason="because",
        updated=True,
    )
    return dataclasses.replace(made, **changes)
