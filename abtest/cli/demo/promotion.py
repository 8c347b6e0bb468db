"""Ends a demo: the winner becomes the new champion and serves alone; what an ordinary test would have needed."""

from collections.abc import Mapping
from typing import Any

from abtest.adapters import registry
from abtest.cli.demo.request import ENDPOINT_SECONDS, STAGE
from abtest.cli.shown import summary
from abtest.cli.shown.output import refusals, say
from abtest.cli.stage import stacks
from abtest.cli.stage.build_endpoint import BuildEndpoint
from abtest.experiment.evidence.sample_size import Question, fixed_horizon
from abtest.experiment.record.experiment import DECIDED
from abtest.experiment.record.selection import APPROVED
from abtest.operations import promote as operation
from abtest.operations.promote import PromotionError

POWER = 0.8  # of the ordinary test, as most people plan theirs


def promote_winner(outputs: Mapping[str, str]) -> dict[str, Any] | None:
    """Promotes a challenger that won, approves it, and waits until it serves alone; None if the champion stays."""
    experiment, _, _ = summary.latest(outputs)
    if experiment.status != DECIDED or experiment.leader == experiment.variant_names[0]:
        return None
    config = stacks.load_config(STAGE)
    with refusals(PromotionError):
        done = operation.promote(experiment, operation.winner(experiment, config), config, outputs["ChampionGroupName"])
    build_endpoint = BuildEndpoint(outputs)
    registry.set_status(done.package.arn, APPROVED, "Approved by `abtest demo`.")
    after = build_endpoint.served([done.package.arn], seconds=ENDPOINT_SECONDS)
    say(f"experiment {after.experiment_id}: {', '.join(after.variant_names)} alone")
    return {
        "variant_name": done.variant_name,
        "model_package_arn": done.package.arn,
        "champion_version": done.package.version,
        "experiment_id": after.experiment_id,
        "serves_alone": len(after.variants) == 1,
    }


def ending(document: Mapping[str, Any]) -> list[str]:
    """Says who won, after how many users, what an ordinary test would have needed, and who serves now."""
    decision, promotion, needed = document["decision"], document["promotion"], _ordinary_users(document)
    if decision["status"] != DECIDED:
        more = max(needed or 0, 2 * decision["users"])
        half = f" Half of such tests are decided by {needed:,}, for the difference seen so far." if needed else ""
        return [f"{decision['users']:,} users came without a decision.{half} To go on: make demo USERS={more}."]
    ordinary = f" A test that is looked at once needs {needed:,} for the difference seen." if needed else ""
    lines = [f"{decision['leader']} was found to be better after {decision['users']:,} users.{ordinary}"]
    if promotion:
        lines.append(
            f"{promotion['variant_name']} is promoted: Champion{promotion['champion_version']} is the same model, and "
            f"{'serves alone' if promotion['serves_alone'] else 'serves'} on {document['endpoint_name']}."
        )
    return lines


def _ordinary_users(document: Mapping[str, Any]) -> int | None:
    """Returns how many users one look at the end takes for the difference that was seen, at a power of 80 %.

    Half of the always-valid tests are decided by about as many. None where no difference was seen.
    """
    rates = [v["conversion_count"] / max(v["invocation_count"], 1) for v in document["variants"]]
    best, other = sorted(rates, reverse=True)[:2]
    if not 0 < other < best < 1:
        return None
    question = Question(other, best - other, alpha=document["alpha"], arms=len(rates))
    return len(rates) * fixed_horizon(question, POWER)
