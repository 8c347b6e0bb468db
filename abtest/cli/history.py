"""`abtest history`: the experiment's Decisions, one after the other."""

from collections.abc import Mapping

from abtest.cli.shown import summary
from abtest.cli.shown.output import EndpointOption, JsonOption, StageOption, print_json, print_table
from abtest.cli.stage.stacks import outputs
from abtest.experiment.record.decision import Decision

COLUMNS = ("no.", "decided at (UTC)", "invocations", "new shares", "P(best)", "status", "reason")


def history(stage: StageOption = "dev", endpoint: EndpointOption = None, as_json: JsonOption = False) -> None:
    """List the experiment's Decisions, oldest first."""
    _, decisions, _ = summary.latest(outputs(stage), endpoint)
    if as_json:
        print_json([decision.to_json() for decision in decisions])
        return
    print_table(COLUMNS, (row(decision) for decision in decisions))


def row(decision: Decision) -> tuple[str, ...]:
    """Returns a Decision's line of the table."""
    return (
        str(decision.number),
        f"{decision.decided_at:%Y-%m-%d %H:%M:%S}",
        f"{sum(counts.invocation_count for counts in decision.counts.values()):,}",
        percentages(decision.new_shares),
        percentages(decision.probability_best),
        decision.status,
        " ".join([decision.reason, *(f"[{finding.name}]" for finding in decision.findings)]),
    )


def percentages(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
