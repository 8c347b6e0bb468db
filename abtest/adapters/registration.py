"""Begins an experiment, or changes the variants of the running one, as a plan says."""

import dataclasses
import datetime

from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.plan import Plan, begun
from abtest.experiment.config import ExperimentConfig
from abtest.experiment.experiment import Experiment, decision_id, experiment_id
from abtest.experiment.posterior import probability_best
from abtest.experiment.rebalance import Decision
from abtest.experiment.stopping import verdict
from abtest.experiment.variants import VariantCounts


@dataclasses.dataclass(frozen=True)
class Registration:
    """What became of a plan: `change` is begun, changed or none."""

    experiment_id: str
    change: str


def register(
    table: ExperimentsTable, plan: Plan, config: ExperimentConfig, *, execution: str, now: datetime.datetime
) -> Registration:
    """Brings the table in line with the plan. Nothing is written if it is so already.

    Raises StaleError if the execution lost the lease or a Decision came between, PlanError if the variants cannot join.
    """
    running = table.current(config.endpoint_name)
    if running is None or not plan.continues(running):
        return _begin(table, plan, config, running, execution, now)
    if plan.packages == {variant.variant_name: variant.model_package_arn for variant in running.variants}:
        return Registration(running.experiment_id, "none")
    change = change_of_variants(running, plan, now)
    changed = dataclasses.replace(
        running,
        variants=plan.joined(running, now),
        shares=change.new_shares,
        decision_id=change.decision_id,
        decision_count=change.number,
        status=change.status,
        leader=None,
        as_of=(*running.as_of, now),
    )
    table.join(changed, change, before=running, execution=execution)
    return Registration(running.experiment_id, "changed")


def _begin(
    table: ExperimentsTable,
    plan: Plan,
    config: ExperimentConfig,
    before: Experiment | None,
    execution: str,
    now: datetime.datetime,
) -> Registration:
    counter = table.counter(config.endpoint_name, plan.champion_version) + 1
    experiment = Experiment(
        experiment_id=experiment_id(config.project_name, config.stage_name, plan.champion_version, counter),
        endpoint_name=config.endpoint_name,
        project=config.project_name,
        stage=config.stage_name,
        champion_version=plan.champion_version,
        strategy=config.strategy,
        variants=tuple(begun(variant, now) for variant in plan.variants),
        shares=plan.initial_shares,
        started_at=now,
        epsilon=config.epsilon,
        warmup=config.warmup,
        exploration_floor=config.exploration_floor,
        alpha=config.alpha,
        mode=config.mode,
        objective=config.objective,
        margin=config.margin,
        time_limit_hours=config.time_limit_hours,
        attribution_window_seconds=config.attribution_window_seconds,
    )
    table.begin(experiment, counter=counter, before=before, execution=execution)
    return Registration(experiment.experiment_id, "begun")


def change_of_variants(running: Experiment, plan: Plan, now: datetime.datetime) -> Decision:
    """The Decision that gives the joining variants their shares: not by the counts, which stay as they are."""
    counts = {name: (running.counts or {}).get(name, VariantCounts()) for name in plan.packages}
    best = probability_best([(count.invocation_count, count.reward_sum) for count in counts.values()])
    probabilities = dict(zip(counts, best, strict=True))
    leader = max(probabilities, key=lambda name: probabilities[name])
    untested = verdict([], list(counts), running.alpha)
    number = running.decision_count + 1
    return Decision(
        decision_id=decision_id(running.experiment_id, number),
        number=number,
        experiment_id=running.experiment_id,
        endpoint_name=running.endpoint_name,
        decided_at=now,
        as_of=now,
        strategy=running.strategy,
        old_shares=running.shares,
        new_shares=plan.shares(running),
        counts=counts,
        probability_best=probabilities,
        value_remaining=None,
        e_values=untested.e_values[leader],
        e_value_threshold=untested.threshold,
        status="running",
        leader=leader,
        reason=_reason(running, plan),
        updated=True,
    )


def _reason(running: Experiment, plan: Plan) -> str:
    joins = [name for name in plan.packages if name not in running.shares]
    leaves = [name for name in running.shares if name not in plan.packages]
    parts = [f"{name} joins" for name in joins] + [f"{name} leaves" for name in leaves]
    return f"{', '.join(parts)}: the others keep their proportions."
