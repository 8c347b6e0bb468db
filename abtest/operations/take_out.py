"""Takes a variant out of the running experiment, and puts it back: each by a Decision, and no count is touched."""

import dataclasses
import datetime
import functools
from collections.abc import Callable

from abtest.adapters import alarms, executions
from abtest.adapters.experiments_table import ExperimentsTable, apply
from abtest.adapters.table import StaleError
from abtest.experiment.rebalance import decide_change
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.experiment import RUNNING, Experiment
from abtest.experiment.record.safety import CanaryConfig
from abtest.experiment.record.variants import Shares

ATTEMPTS = 5  # Decisions of others that may come between our reading and writing
LONGEST_REASON = 500  # characters


class TakeOutError(Exception):
    """The variant cannot be taken out or put back; the message says why and what to do."""


def take_out(
    table: ExperimentsTable,
    endpoint_name: str,
    variant_name: str,
    why: str,
    *,
    rebalance_arn: str,
    execution: str,
    now: datetime.datetime,
) -> bool:
    """Sends the variant's users to the champion and draws nobody to it; False if it was out before.

    Starts the machine rebalance, which moves the endpoint's weights, in both cases: an earlier try may have died.
    Raises TakeOutError, and StaleError if others write all the time.
    """
    why = why[:LONGEST_REASON]
    reason = f"{variant_name} is taken out: {why}"
    change = functools.partial(without, variant_name=variant_name, why=why)
    taken_out = _changed(table, endpoint_name, change, reason, execution, now)
    executions.start(rebalance_arn, {"endpoint_name": endpoint_name})
    return taken_out


def readmit(
    table: ExperimentsTable, variant_name: str, config: ExperimentConfig, *, rebalance_arn: str, now: datetime.datetime
) -> str:
    """Gives a variant's users back to it, as a canary if the stage has canaries; else it has an equal part.

    Returns the ARN of the execution of rebalance that moves the weights. Raises TakeOutError, also if the variant is
    not out or one of its alarms stands, and StaleError if others write all the time.
    """
    if standing := alarms.raised(config.endpoint_name, variant_name):
        raise TakeOutError(f"{', '.join(standing)} still stands: wait for some minutes without traffic, then try again")
    reason = f"{variant_name} is put back by hand."
    change = functools.partial(with_again, variant_name=variant_name, canary=config.canary, now=now)
    _changed(table, config.endpoint_name, change, reason, "by hand", now)
    return executions.start(rebalance_arn, {"endpoint_name": config.endpoint_name})


def _changed(
    table: ExperimentsTable,
    endpoint_name: str,
    change: Callable[[Experiment], Experiment],
    reason: str,
    execution: str,
    now: datetime.datetime,
) -> bool:
    """Whether there was something to change; the change is made anew if a Decision comes between."""
    for _ in range(ATTEMPTS):
        before = table.current(endpoint_name)
        if before is None:
            raise TakeOutError(f"{endpoint_name} has no experiment: build-endpoint has not registered one")
        changed = change(before)
        if changed is before:
            return False
        after, decision = decide_change(before, changed, now, reason)
        # The variants stay the same, so the lease is not needed.
        if table.attempt(apply(after, decision, before=before, execution=execution)):
            return True
    raise StaleError(f"{endpoint_name}: too many Decisions at once. Try again.")


def without(experiment: Experiment, *, variant_name: str, why: str) -> Experiment:
    """The others keep their proportions; the champion has all where they have nothing. A winner's win is void.

    The experiment itself if the variant is out. Raises TakeOutError for the champion and for a stranger.
    """
    _refuse_stranger(experiment, variant_name)
    champion = experiment.variant_names[0]
    if variant_name == champion:
        raise TakeOutError(f"{variant_name} is the champion: it serves whom the others do not")
    if variant_name in experiment.out:
        return experiment
    shares = {name: 0.0 if name == variant_name else share for name, share in experiment.shares.items()}
    won = experiment.leader == variant_name
    return dataclasses.replace(
        experiment,
        shares=Shares.of_weights(shares if any(shares.values()) else {**shares, champion: 1.0}),
        out={**experiment.out, variant_name: why},
        status=RUNNING if won else experiment.status,
        leader=None if won else experiment.leader,
    )


def with_again(
    experiment: Experiment, *, variant_name: str, canary: CanaryConfig | None, now: datetime.datetime
) -> Experiment:
    """The variant has the canary's share, at most an equal part; the others keep their proportions of the rest.

    Raises TakeOutError for a stranger, and for a variant that is not out.
    """
    _refuse_stranger(experiment, variant_name)
    if variant_name not in experiment.out:
        raise TakeOutError(f"{variant_name} is not out of {experiment.experiment_id}: there is nothing to do")
    share = min(canary.share if canary else 1.0, 1 / (len(experiment.live.variants) + 1))
    shares = {name: other * (1 - share) for name, other in experiment.shares.items()}
    ends = {variant_name: canary.ends_at(now)} if canary else {}
    return dataclasses.replace(
        experiment,
        shares=Shares.of_weights({**shares, variant_name: share}),
        out={name: why for name, why in experiment.out.items() if name != variant_name},
        canary_until={**experiment.canary_until, **ends},
    )


def _refuse_stranger(experiment: Experiment, variant_name: str) -> None:
    if variant_name not in experiment.variant_names:
        names = ", ".join(experiment.variant_names)
        raise TakeOutError(f"{variant_name} is no variant of {experiment.experiment_id}: it has {names}")
