"""The approval of what the demo trained."""

from collections.abc import Mapping

from abtest.adapters import registry
from abtest.experiment.record.selection import APPROVED

ENDPOINT_SECONDS = 600.0  # the sandbox takes some
NOTE = "Approved by `abtest demo`."


def approve_newest(outputs: Mapping[str, str]) -> list[str]:
    """Approves the newest champion and the newest challenger, one right after the other; returns their ARNs."""
    newest = [registry.packages(outputs[name])[0] for name in ("ChampionGroupName", "ChallengerGroupName")]
    for package in newest:
        registry.set_status(package.arn, APPROVED, NOTE)
    return [package.arn for package in newest]
