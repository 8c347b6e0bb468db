"""Begins an experiment, changes the variants of the running one, or resumes a past one, as a plan says."""

import dataclasses
import datetime

from abtest.adapters.experiments_table import Item
from abtest.adapters.releases import ReleasesTable
from abtest.experiment.allocation.posterior import probability_best
from abtest.experiment.counting.counts import Counts
from abtest.experiment.evidence.conclusion import conclude, in_utility
from abtest.experiment.rebalance import evidence_fields
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import RUNNING, Experiment, decision_id, experiment_id
from abtest.experiment.record.plan import Plan, begun
from abtest.experiment.record.release import Release
from abtest.experiment.record.variants import VariantCounts


@dataclasses.dataclass(frozen=True)
class Registration:
    """What became of a plan: `change` is begun, changed, resumed or none."""

    experiment_id: str
    change: str


def register(
    table: ReleasesTable,
    plan: Plan,
    config: ExperimentConfig,
    *,
    endpoint_config_name: str,
    execution: str,
    now: datetime.datetime,
) -> Registration:
    """Brings the table in line with the plan, which the endpoint config serves. Nothing is written if it is so already.

    Raises StaleError if the execution lost the lease or something else was written meanwhile, PlanError if the
    variants cannot join.
    """
    name = config.endpoint_name
    releases, before = table.releases(name), table.current(name)
    running = table.wanted_back(name, releases, plan) or before

    def also(experiment: Experiment) -> list[Item]:
        release = Release.of(endpoint_config_name, experiment.experiment_id, plan.packages)
        return table.changed(name, releases, releases.then(release))

    if running is None or not plan.continues(running):
        counter = table.counter(name, plan.champion_version) + 1
        new_id = experiment_id(config.project_name, config.stage_name, plan.champion_version, counter)
        new = new_experiment(plan, config, new_id, name, now)
        table.begin(new, counter=counter, before=before, execution=execution, also=also(new))
        return Registration(new.experiment_id, "begun")
    after, decision = changed(running, plan, config, now)
    if running is not before:
        table.resume(after, decision, before=before, execution=execution, also=also(after))
        return Registration(after.experiment_id, "resumed")
    if decision:
        table.join(after, decision, before=running, execution=execution, also=also(after))
        return Registration(after.experiment_id, "changed")
    table.release(name, also(after), execution=execution)
    return Registration(after.experiment_id, "none")


def changed(
    running: Experiment, plan: Plan, config: ExperimentConfig, now: datetime.datetime
) -> tuple[Experiment, Decision | None]:
    """The experiment with the plan's variants, and the Decision that makes it; itself if it has them already."""
    if plan.packages == running.packages:
        return running, None
    joined = dataclasses.replace(
        running,
        variants=plan.joined(running, now),
        shares=plan.shares(running, config.joining_share, config.canary_share),
        status=RUNNING,
        leader=None,
        out={name: why for name, why in running.out.items() if name in plan.packages},
        canary_until=_canaries(plan, config, running, now),
    )
    return by_decision(running, joined, now, _reason(running, joined))


def new_experiment(
    plan: Plan, config: ExperimentConfig, name: str, endpoint_name: str, now: datetime.datetime
) -> Experiment:
    """The experiment with the id `name` on the endpoint, as planned and configured."""
    return Experiment(
        experiment_id=name,
        endpoint_name=endpoint_name,
        project=config.project_name,
        stage=config.stage_name,
        champion_version=plan.champion_version,
        settings=config.settings,
        variants=tuple(begun(variant, now) for variant in plan.variants),
        shares=plan.shares(None, canary_share=config.canary_share),
        canary_until=_canaries(plan, config, None, now),
        started_at=now,
    )


def _canaries(
    plan: Plan, config: ExperimentConfig, running: Experiment | None, now: datetime.datetime
) -> dict[str, datetime.datetime]:
    """Until when each challenger is a canary: those that come now, and those that came before."""
    before = running.canary_until if running else {}
    known = {variant.variant_name for variant in running.variants} if running else set()
    ends = {name: end for name, end in before.items() if name in plan.packages}
    if config.canary:
        coming = [variant.variant_name for variant in plan.variants[1:] if variant.variant_name not in known]
        ends |= dict.fromkeys(coming, config.canary.ends_at(now))
    return ends


def by_decision(
    running: Experiment, changed: Experiment, now: datetime.datetime, reason: str
) -> tuple[Experiment, Decision]:
    """`changed`, with the Decision that makes it of `running`, which ends an interval."""
    decision = change_of_variants(running, changed, now, reason)
    applied = dataclasses.replace(changed, decision_id=decision.decision_id, decision_count=decision.number)
    return applied, decision


def change_of_variants(running: Experiment, joined: Experiment, now: datetime.datetime, reason: str) -> Decision:
    """The Decision that makes `joined` of `running`: not by the counts, which stay as they are and prove nothing yet.

    Its status is that of `joined`: where variants join, nothing is known of them, and it is running again.
    """
    known = {name: (running.counts or {}).get(name, VariantCounts()) for name in joined.variant_names}
    trials = {name: (count.invocation_count, count.reward_sum) for name, count in known.items()}
    live = joined.live
    best = dict(zip(live.variant_names, probability_best(in_utility(live, trials)), strict=True))
    unknown = conclude(live, Counts(joined.experiment_id, now, {}, ()), best, now=now, trusted=False)
    number = running.decision_count + 1
    return Decision(
        decision_id=decision_id(running.experiment_id, number),
        number=number,
        experiment_id=running.experiment_id,
        endpoint_name=running.endpoint_name,
        decided_at=now,
        as_of=now,
        settings=running.settings,
        old_shares=running.shares,
        new_shares=joined.shares,
        counts=known,
        probability_best=best,
        value_remaining=None,
        reason=reason,
        updated=True,
        **evidence_fields(live, dataclasses.replace(unknown, status=joined.status)),
    )


def _reason(running: Experiment, joined: Experiment) -> str:
    joins = [name for name in joined.shares if name not in running.shares]
    leaves = [name for name in running.shares if name not in joined.shares]
    parts = [f"{name} joins" for name in joins] + [f"{name} leaves" for name in leaves]
    return f"{', '.join(parts)}: the others keep their proportions."
