"""`abtest promote`: the winner of the experiment becomes the new champion."""

from typing import Annotated, Any

import typer

from abtest.cli.shown import summary
from abtest.cli.shown.output import JsonOption, StageOption, print_json, print_line, refusals, say
from abtest.cli.stage import stacks
from abtest.experiment.record.selection import APPROVED, PENDING
from abtest.operations import promote as operation
from abtest.operations.promote import Promotion, PromotionError

VariantOption = Annotated[
    str | None, typer.Option("--variant", help="Promote this variant by hand, whatever is decided.")
]


def promote(stage: StageOption = "dev", variant: VariantOption = None, as_json: JsonOption = False) -> None:
    """Register the winner as the new champion. Once you approve it, build-endpoint serves it alone."""
    found, config = stacks.outputs(stage), stacks.load_config(stage)
    experiment, _, _ = summary.latest(found)
    with refusals(PromotionError):
        chosen = operation.winner(experiment, config, variant)
        by_hand = " (chosen by hand, not by a decision)" if chosen.variant_name != experiment.leader else ""
        say(f"registering {chosen.variant_name} of {experiment.experiment_id}{by_hand} in {found['ChampionGroupName']}")
        done = operation.promote(experiment, chosen, config, found["ChampionGroupName"])
    print_json(document(done)) if as_json else print_line(sentence(done, stage))


def document(done: Promotion) -> dict[str, Any]:
    return {
        "experiment_id": done.experiment_id,
        "variant_name": done.variant_name,
        "model_package_arn": done.package.arn,
        "status": done.package.status,
        "change": done.change,
    }


def sentence(done: Promotion, stage: str) -> str:
    """Says what became of the winner, and what to do next."""
    model = f"champion/{done.package.version}"
    was = "is registered as" if done.change == "registered" else "was promoted before, as"
    follows = {
        APPROVED: "approved: build-endpoint serves it without the other variants",
        PENDING: f"waiting for approval: abtest models approve {model} --stage {stage}",
    }
    after = follows.get(done.package.status, f"{done.package.status}, and stays so")
    return f"{done.variant_name} {was} {model}, {after}"
