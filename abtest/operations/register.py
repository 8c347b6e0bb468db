"""Begins an experiment, changes the variants of the running one, or resumes a past one, as a plan says."""

import dataclasses
import datetime

from abtest.adapters import leases, releases
from abtest.adapters.experiments_table import ExperimentsTable, apply, begin, resume
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import RUNNING, Experiment, experiment_id
from abtest.experiment.record.plan import Plan, begun
from abtest.experiment.record.release import Release


@dataclasses.dataclass(frozen=True)
class Registration:
    """What became of a plan: `change` is begun, changed, resumed or none."""

    experiment_id: str
    change: str


def register(
    table: ExperimentsTable,
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
    known, before = releases.get(table, name), table.current(name)
    running = plan.continued(table.ended(name, known.resume), before)  # the first is what a rollback wants resumed
    if running is None:
        counter = table.counter(name, plan.champion_version) + 1
        new_id = experiment_id(config.project_name, config.stage_name, plan.champion_version, counter)
        after = new_experiment(plan, config, new_id, name, now)
        change, writes = "begun", begin(after, counter=counter, before=before)
    else:
        after, decision = changed(running, plan, config, now)
        if running is not before:
            change, writes = "resumed", resume(after, decision, before=before, execution=execution)
        elif decision:
            change, writes = "changed", apply(after, decision, before=running, execution=execution)
        else:
            change, writes = "none", []
    release = Release.of(endpoint_config_name, after.experiment_id, plan.packages)
    if writes := [*writes, *releases.put(name, known, known.then(release))]:
        table.transact([leases.check(name, execution), *writes])
    return Registration(after.experiment_id, change)


def changed(
    running: Experiment, plan: Plan, config: ExperimentConfig, now: datetime.datetime
) -> tuple[Experiment, Decision | None]:
    """The experiment with the plan's variants, and the Decision that makes it; itself if it has them already."""
    if plan.packages == running.packages:
        return running, None
    from abtest.experiment.rebalance import decide_change  # loads numpy, for changes of variants only

    joined = dataclasses.replace(
        running,
        variants=plan.joined(running, now),
        shares=plan.shares(running, config.joining_share, config.canary_share),
        status=RUNNING,
        leader=None,
        out={name: why for name, why in running.out.items() if name in plan.packages},
        canary_until=_canaries(plan, config, running, now),
    )
    return decide_change(running, joined, now, _reason(running, joined))


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


def _reason(running: Experiment, joined: Experiment) -> str:
    joins = [name for name in joined.shares if name not in running.shares]
    leaves = [name for name in running.shares if name not in joined.shares]
    parts = [f"{name} joins" for name in joins] + [f"{name} leaves" for name in leaves]
    return f"{', '.join(parts)}: the others keep their proportions."
