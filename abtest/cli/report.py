"""`abtest report`: the experiment as one HTML file that opens offline."""

from pathlib import Path
from typing import Annotated

import typer

from abtest.cli.models import GROUPS
from abtest.cli.shown import summary
from abtest.cli.shown.output import EndpointOption, JsonOption, StageOption, UserError, print_json, print_line, writing
from abtest.cli.stage.stacks import outputs
from abtest.report import page

OutputOption = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]


def report(
    stage: StageOption = "dev",
    endpoint: EndpointOption = None,
    output: OutputOption = Path("build/report.html"),
    as_json: JsonOption = False,
) -> None:
    """Write a report of the experiment: one HTML file, which opens offline."""
    found = outputs(stage)
    experiment, decisions, retired = summary.latest(found, endpoint)
    if not decisions:
        raise UserError(f"{experiment.experiment_id} has no Decision yet: run `abtest rebalance --wait` first")
    document = summary.summarise(experiment, decisions, retired=retired)
    document["unapproved"] = summary.unapproved(experiment, [found[key] for key in GROUPS.values()])
    html = page.render(document, decisions)
    with writing("--output"):
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(html, encoding="utf-8")
    if as_json:
        print_json({"report": str(output)})
    else:
        print_line(str(output))
