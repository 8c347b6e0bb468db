"""Takes a variant out of the running experiment, and puts it back: each by a Decision, and no count is touched."""

import dataclasses
import datetime

from abtest.adapters.experiments_table import ExperimentsTable, StaleError
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.experiment import RUNNING, Experiment
from abtest.experiment.record.variants import Shares
from abtest.operations.register import by_decision

ATTEMPTS = 5  # Decisions of others that may come between our reading and writing
LONGEST_REASON = 500  # characters


class BreakerError(Exception):
    """The variant cannot be taken out or put back; the message says why and what to do."""


def take_out(
    table: ExperimentsTable, endpoint_name: str, variant_name: str, why: str, *, execution: str, now: datetime.datetime
) -> bool:
    """Its users go to the champion, and nobody is drawn to it; False if it was out before.

    Raises BreakerError, and StaleError if others write all the time.
    """
    for _ in range(ATTEMPTS):
        before = _running(table, endpoint_name, variant_name)
        if variant_name == before.variant_names[0]:
            raise BreakerError(f"{variant_name} is the champion: it serves whom the others do not")
        if variant_name in before.out:
            return False
        reason = f"{variant_name} is taken out: {why[:LONGEST_REASON]}"
        if _changed(table, before, without(before, variant_name, why[:LONGEST_REASON]), reason, execution, now):
            return True
    raise StaleError(f"{endpoint_name}: too many Decisions at once")


def readmit(
    table: ExperimentsTable, endpoint_name: str, variant_name: str, config: ExperimentConfig, *, now: datetime.datetime
) -> None:
    """Its users get it again, and it is a canary again, if the stage has canaries; else it has an equal part.

    Raises BreakerError, also if it is not out, and StaleError if others write all the time.
    """
    for _ in range(ATTEMPTS):
        before = _running(table, endpoint_name, variant_name)
        if variant_name not in before.out:
            raise BreakerError(f"{variant_name} is not out of {before.experiment_id}: there is nothing to do")
        share = min(config.canary.share if config.canary else 1.0, 1 / (len(before.live.variants) + 1))
        after = with_again(before, variant_name, share)
        if config.canary:
            ends = {**before.canary_until, variant_name: config.canary.ends_at(now)}
            after = dataclasses.replace(after, canary_until=ends)
        if _changed(table, before, after, f"{variant_name} is put back by hand.", "by hand", now):
            return
    raise StaleError(f"{endpoint_name}: too many Decisions at once")


def _running(table: ExperimentsTable, endpoint_name: str, variant_name: str) -> Experiment:
    experiment = table.current(endpoint_name)
    if experiment is None:
        raise BreakerError(f"{endpoint_name} has no experiment: build-endpoint has not registered one")
    if variant_name not in experiment.variant_names:
        names = ", ".join(experiment.variant_names)
        raise BreakerError(f"{variant_name} is no variant of {experiment.experiment_id}: it has {names}")
    return experiment


def _changed(
    table: ExperimentsTable, before: Experiment, after: Experiment, reason: str, execution: str, now: datetime.datetime
) -> bool:
    """Whether the change was written; not if a Decision came between."""
    changed, decision = by_decision(before, after, now, reason)
    try:
        table.change(changed, decision, before=before, execution=execution)
    except StaleError:
        return False
    return True


def without(experiment: Experiment, variant_name: str, why: str) -> Experiment:
    """The others keep their proportions; the champion has all where they have nothing. A winner's win is void."""
    shares = {name: 0.0 if name == variant_name else share for name, share in experiment.shares.items()}
    if not any(shares.values()):
        shares[experiment.variant_names[0]] = 1.0
    won = experiment.leader == variant_name
    return dataclasses.replace(
        experiment,
        shares=Shares.of_weights(shares),
        out={**experiment.out, variant_name: why},
        status=RUNNING if won else experiment.status,
        leader=None if won else experiment.leader,
    )


def with_again(experiment: Experiment, variant_name: str, share: float) -> Experiment:
    """`share` (0..1) for the variant, the others keep their proportions of the rest."""
    shares = {name: other * (1 - share) for name, other in experiment.shares.items()}
    return dataclasses.replace(
        experiment,
        shares=Shares.of_weights({**shares, variant_name: share}),
        out={name: why for name, why in experiment.out.items() if name != variant_name},
    )
