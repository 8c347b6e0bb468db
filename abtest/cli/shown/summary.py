"""Writes an experiment's state as one document: what `summary.json` holds and the report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from abtest.adapters import registry
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli.shown.output import UserError, say
from abtest.experiment.record import times
from abtest.experiment.record.decision import Decision
from abtest.experiment.record.experiment import RUNNING, Experiment
from abtest.experiment.record.selection import APPROVED
from abtest.experiment.record.variants import VariantCounts
from abtest.report import words


def latest(outputs: Mapping[str, str], endpoint_name: str | None = None) -> tuple[Experiment, list[Decision], bool]:
    """Returns an endpoint's experiment, its Decisions (oldest first), and whether the endpoint is retired.

    `outputs` are the stage's; without a name it is the stage's own endpoint. A retired endpoint has its last
    experiment. Raises UserError if there is none.
    """
    table, endpoint_name = ExperimentsTable(outputs["ExperimentsTableName"]), endpoint_name or outputs["EndpointName"]
    experiment = table.current(endpoint_name)
    retired = experiment is None
    if experiment is None:
        experiment = max(table.past(endpoint_name), key=lambda past: past.started_at, default=None)
        if experiment is None:
            raise UserError(
                f"{endpoint_name} has no experiment yet: approve a champion (`abtest models approve`) and wait for "
                "build-endpoint, which takes minutes on AWS, or adopt an endpoint of your own (`abtest adopt`)"
            )
        say(f"{endpoint_name} is retired; this is its last experiment")
    return experiment, table.decisions(endpoint_name, experiment.experiment_id), retired


def summarise(experiment: Experiment, decisions: Sequence[Decision], *, retired: bool = False) -> dict[str, Any]:
    """Returns the members of summary.json that every experiment has; shares and rates are 0..1, times ISO 8601 UTC."""
    return {
        "endpoint_name": experiment.endpoint_name,
        "experiment_id": experiment.experiment_id,
        "retired": retired,
        **experiment.settings.to_json(),
        "variants": _variants(experiment, decisions),
        "rounds": [_round(decision) for decision in decisions],
        "decision": _decision(experiment, decisions),
        "findings": [finding.to_json() for finding in decisions[-1].findings] if decisions else [],
    }


def unapproved(experiment: Experiment, group_names: list[str]) -> list[dict[str, str | None]]:
    """Returns the variants of these groups whose package is not approved any more; a deleted one's `status` is None."""
    status = {package.arn: package.status for name in group_names for package in registry.packages(name)}
    return [
        {"variant_name": name, "model_package_arn": arn, "status": status.get(arn)}
        for name, arn in experiment.packages.items()
        if any(f":model-package/{group}/" in arn for group in group_names) and status.get(arn) != APPROVED
    ]


def _variants(experiment: Experiment, decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    counts = experiment.counts or {}
    served = sum(item.invocation_count for item in counts.values())
    initial = _first_shares(experiment, decisions)
    best = decisions[-1].probability_best if decisions else {}
    canaries = _canaries(experiment, decisions)
    return [
        {
            "variant_name": variant.variant_name,
            "model_package_arn": variant.model_package_arn,
            "cost": variant.cost,
            "initial_weight": initial.get(variant.variant_name),
            "current_weight": experiment.shares[variant.variant_name],
            **_counted(counts.get(variant.variant_name, VariantCounts()), served),
            "probability_best": best.get(variant.variant_name),
            "out": experiment.out.get(variant.variant_name),
            "canary_until": canaries.get(variant.variant_name),
        }
        for variant in experiment.variants
    ]


def _first_shares(experiment: Experiment, decisions: Sequence[Decision]) -> dict[str, float]:
    """Returns the first share of each variant, whenever it joined."""
    given = [decision.new_shares for decision in decisions] if decisions else [experiment.shares]
    begun = [decisions[0].old_shares] if decisions else []
    return {name: share for shares in reversed([*begun, *given]) for name, share in shares.items()}


def _canaries(experiment: Experiment, decisions: Sequence[Decision]) -> dict[str, str]:
    """Returns until when each variant is a canary, as ISO 8601 UTC; leaves out those whose time was over."""
    last = decisions[-1].decided_at if decisions else experiment.started_at
    return {name: times.to_text(end) for name, end in experiment.canary_until.items() if end > last}


def _counted(counts: VariantCounts, served: int) -> dict[str, Any]:
    """Returns a variant's counts; `traffic_share` is its part of all `served` invocations, 0..1."""
    return {
        "traffic_share": counts.invocation_count / served if served else 0.0,
        "invocation_count": counts.invocation_count,
        "conversion_count": counts.conversion_count,
        "reward_sum": counts.reward_sum,
    }


def _round(decision: Decision) -> dict[str, Any]:
    return {
        "decision_id": decision.decision_id,
        "decided_at": times.to_text(decision.decided_at),
        "weights": dict(decision.new_shares),
        "status": decision.status,
        "leader": decision.leader,
        "reason": decision.reason,
    }


def _decision(experiment: Experiment, decisions: Sequence[Decision]) -> dict[str, Any]:
    if not decisions:
        return {
            "status": experiment.status,
            "leader": None,
            "users": 0,
            "value_remaining": None,
            "reason": words.UNSEEN,
        }
    last = decisions[-1]
    return {
        "status": last.status,
        "leader": last.leader,
        "users": _users_until_verdict(decisions),
        "value_remaining": last.value_remaining,
        "e_values": dict(last.e_values),
        "e_value_threshold": last.e_value_threshold,
        "effects": {name: asdict(effect) for name, effect in last.effects.items()},
        "margin": last.settings.margin,
        "reason": last.reason,
        "guarantee": last.guarantee,
    }


def _users_until_verdict(decisions: Sequence[Decision]) -> int:
    """Returns how many users' outcomes were known when the test ended; so far, if it has not."""
    ended = next((decision for decision in decisions if decision.status != RUNNING), decisions[-1])
    return sum(counts.user_count for counts in ended.counts.values())
