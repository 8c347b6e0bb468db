"""`abtest status`: the experiment that runs, its variants, and the latest Decision."""

from typing import Any

from abtest.adapters import shadows
from abtest.adapters.table import Table
from abtest.cli.models import GROUPS
from abtest.cli.shown import summary
from abtest.cli.shown.output import EndpointOption, JsonOption, StageOption, print_json, print_line, print_table
from abtest.cli.stage.stacks import outputs
from abtest.report import words

COLUMNS = ("variant", "share", "invocations", "conversions", "reward", "reward rate", "P(best)")


def status(stage: StageOption = "dev", endpoint: EndpointOption = None, as_json: JsonOption = False) -> None:
    """Show the experiment: variants, shares, counts, P(best), Decision."""
    found = outputs(stage)
    experiment, decisions, retired = summary.latest(found, endpoint)
    document = summary.summarise(experiment, decisions, retired=retired) | {
        "started_at": experiment.to_json()["started_at"],
        "counted_until": experiment.to_json()["counted_until"],
    }
    begun = shadows.all_of(Table(found["ExperimentsTableName"]), experiment.endpoint_name)
    document["shadows"] = [shadow.to_json() for shadow in begun]
    document["unapproved"] = summary.unapproved(experiment, [found[key] for key in GROUPS.values()])
    if as_json:
        print_json(document)
        return
    print_line(f"{document['experiment_id']} on {document['endpoint_name']}")
    print_line(words.settings(document))
    until = document["counted_until"]
    print_line(f"since {document['started_at']}, {f'counted until {until}' if until else 'nothing counted yet'}")
    print_table(COLUMNS, (row(variant) for variant in document["variants"]))
    shadowed = map(words.shadow, document["shadows"])
    warned = (f"Warning: {sentence}" for sentence in words.unapproved(document))
    for line in [*words.standing(document), *shadowed, *warned]:
        print_line(line)


def row(variant: dict[str, Any]) -> tuple[str, ...]:
    """Returns a variant's line of the table."""
    trials, best = variant["invocation_count"], variant["probability_best"]
    return (
        variant["variant_name"],
        "out" if variant["out"] else f"{variant['current_weight']:.1%}",
        f"{trials:,}",
        f"{variant['conversion_count']:,}",
        f"{variant['reward_sum']:,.10g}",
        f"{variant['reward_sum'] / trials:.1%}" if trials else "-",
        "-" if best is None else f"{best:.1%}",
    )
