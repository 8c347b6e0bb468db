"""`abtest models`: the model registry, and the approval that puts a model on trial."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from abtest.adapters import lineage, registry
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.cli.shown import model_card
from abtest.cli.shown.output import (
    JsonOption,
    StageOption,
    UserError,
    picture,
    print_json,
    print_line,
    print_table,
    say,
    writing,
)
from abtest.cli.stage.build_endpoint import BuildEndpoint
from abtest.cli.stage.stacks import outputs
from abtest.experiment.record.selection import APPROVED, REJECTED, Package

GROUPS = {"champion": "ChampionGroupName", "challenger": "ChallengerGroupName"}

Row = dict[str, Any]  # of a table or of JSON

app = typer.Typer(help="The registered models: list, show, trials, approve, reject.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(metavar="MODEL", help="champion, challenger (the newest), or champion/3.")]
References = Annotated[list[str], typer.Argument(metavar="MODEL...", help="As in champion, challenger, champion/3.")]
PlotOption = Annotated[
    Path | None, typer.Option("--plot", parser=picture, metavar="FILE", help="Also draw them: .svg or .png.")
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait until the endpoint serves them; exit code 1 if that fails.")
]
NoteOption = Annotated[
    str, typer.Option("--note", help="Your reason, kept in the registry; default: the command that did it.")
]


@app.command("list")
def list_models(stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """List the registered models, newest first."""
    found = outputs(stage)
    rows = [summary(role, package) for role, key in GROUPS.items() for package in registry.packages(found[key])]
    if as_json:
        print_json(rows)
        return
    if not rows:
        print_line(f"no model is registered: abtest pipeline start --stage {stage} trains and registers two")
        return
    print_table(("model", "status", "created", "model package"), (tuple(row.values()) for row in rows))


def summary(role: str, package: Package) -> dict[str, str]:
    return {
        "model": f"{role}/{package.version}",
        "status": package.status,
        "created_at": package.created_at.isoformat(timespec="seconds"),
        "model_package_arn": package.arn,
    }


@app.command()
def show(model: Reference, stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """Show one model: status, metrics, artefact, and the training job, hyperparameters, data and code it comes from."""
    package = find(model, stage)
    document = summary(model.partition("/")[0], package) | model_card.details(registry.describe(package.arn))
    if as_json:
        print_json(document)
        return
    for name, value in model_card.lines(document):
        print_line(f"{name:<18} {value}")


@app.command()
def trials(model: Reference, stage: StageOption = "dev", plot: PlotOption = None, as_json: JsonOption = False) -> None:
    """List the trials of the search that found the model, best first, with their hyperparameters."""
    job = lineage.training_job(registry.describe(find(model, stage).arn))
    search = lineage.search(job) if job else None
    if search is None:
        raise UserError(f"{model} was not found by a search: abtest models show tells its training job")
    if plot:
        from abtest.report import trials_chart  # matplotlib: only where it is needed

        with writing("--plot"):
            trials_chart.write(plot, search)
        say(str(plot))
    if as_json:
        print_json(dataclasses.asdict(search))
        return
    print_table(*model_card.trial_table(search))


@app.command()
def approve(
    models: References,
    stage: StageOption = "dev",
    note: NoteOption = "",
    wait: WaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Approve models, so that build-endpoint puts them on the endpoint."""
    build_endpoint = BuildEndpoint(outputs(stage)) if wait else None
    finish(change(models, APPROVED, stage, note), build_endpoint, as_json)


def finish(rows: list[Row], build_endpoint: BuildEndpoint | None, as_json: bool) -> None:
    """Prints the models. With a `build_endpoint` it waits until they serve, and prints as which variants."""
    if not as_json:
        tell(rows)
    if build_endpoint:
        rows = served(build_endpoint, rows)
        if not as_json:
            tell_served(rows)
    if as_json:
        print_json(rows)


def served(build_endpoint: BuildEndpoint, rows: list[Row]) -> list[Row]:
    """Waits until the models serve, and adds their variants to the rows; None for a model that is a shadow first."""
    experiment = build_endpoint.served([row["model_package_arn"] for row in rows])
    names = {arn: name for name, arn in experiment.packages.items()}
    return [
        row | {"experiment_id": experiment.experiment_id, "variant_name": names.get(row["model_package_arn"])}
        for row in rows
    ]


def tell_served(rows: list[Row]) -> None:
    for row in rows:
        how = f"is served as {row['variant_name']}" if row["variant_name"] else "is a shadow and serves nobody yet"
        print_line(f"{row['model']} {how} in {row['experiment_id']}")


@app.command()
def reject(models: References, stage: StageOption = "dev", note: NoteOption = "", as_json: JsonOption = False) -> None:
    """Reject models, so that the next run of build-endpoint leaves them out."""
    rows = change(models, REJECTED, stage, note)
    warn_of_served({row["model_package_arn"] for row in rows}, stage)
    print_json(rows) if as_json else tell(rows)


def change(models: list[str], status: str, stage: str, note: str) -> list[Row]:
    """Sets the status of models, once all are found, and returns a row for each."""
    chosen = {model: find(model, stage) for model in models}
    for package in chosen.values():
        registry.set_status(package.arn, status, note or f"{status} with the abtest command.")
    return [summary(model.partition("/")[0], package) | {"status": status} for model, package in chosen.items()]


def tell(rows: list[Row]) -> None:
    for row in rows:
        print_line(f"{row['model']} is {row['status']}: {row['model_package_arn']}")


def warn_of_served(package_arns: set[str], stage: str) -> None:
    """Warns of rejected packages that still serve: a rejection starts nothing by itself."""
    found = outputs(stage)
    experiment = ExperimentsTable(found["ExperimentsTableName"]).current(found["EndpointName"])
    for variant in experiment.variants if experiment else ():
        if variant.model_package_arn in package_arns and experiment:
            name, share = variant.variant_name, experiment.shares[variant.variant_name]
            say(f"warning: {name} is rejected and serves {share:.1%} of the traffic until the next approval")


def find(model: str, stage: str) -> Package:
    """Returns the package that `model` (champion, or champion/3) means. Raises UserError."""
    role, _, version = model.partition("/")
    if role not in GROUPS or (version and not version.isdecimal()):
        raise UserError(f"{model}: say champion or challenger, with a version if not the newest (champion/3)")
    packages = registry.packages(outputs(stage)[GROUPS[role]])
    wanted = [package for package in packages if not version or package.version == int(version)]
    if not wanted:
        raise UserError(f"{model}: no such model is registered; abtest models list shows them")
    return wanted[0]
