"""`abtest demo` runs one phase after the other, and tells and times each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from abtest.adapters import registry
from abtest.cli import deploy, simulate
from abtest.cli.demo import promotion, result, traffic
from abtest.cli.demo.local_sandbox import local_sandbox
from abtest.cli.demo.memory import PeakMemory
from abtest.cli.demo.request import ENDPOINT_SECONDS, STAGE, Request, Reviews, check_parameters, prepare_reviews
from abtest.cli.demo.stopwatch import Stopwatch
from abtest.cli.models import GROUPS
from abtest.cli.pipeline import parse_parameters, waited
from abtest.cli.shown.output import JsonOption, UserError, counted, print_json, print_line, print_table, say, writing
from abtest.cli.stage import stacks
from abtest.cli.stage.build_endpoint import BuildEndpoint
from abtest.experiment.record.selection import APPROVED
from abtest.report.words import percent, standing
from pipelines import run

ReviewsOption = Annotated[
    str, typer.Option(envvar="REVIEWS", help="Files (comma separated) or an s3:// URI; default: a generated sample.")
]
SeedOption = Annotated[int, typer.Option(envvar="SEED", min=0, max=2**31 - 1, help="Seed: the same one repeats a run.")]
UsersOption = Annotated[int, typer.Option(envvar="USERS", min=1, help="Simulated users.")]
RoundsOption = Annotated[int, typer.Option(envvar="ROUNDS", min=1, help="Rebalances, users spread evenly over them.")]
PortOption = Annotated[int, typer.Option(envvar="PORT", min=0, max=65535, help="Port of the sandbox; 0: a free one.")]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", envvar="PARAMS", help="A pipeline parameter as NAME=VALUE.")
]
FolderOption = Annotated[Path, typer.Option("--output", "-o", help="Folder of the result and of the sandbox's data.")]


def demo(
    reviews: ReviewsOption = "",
    seed: SeedOption = 1,
    users: UsersOption = 1600,
    rounds: RoundsOption = 10,
    port: PortOption = 0,
    param: ParamOption = None,
    output: FolderOption = Path("build/demo"),
    as_json: JsonOption = False,
) -> None:
    """Run the whole loop on this machine: reviews, models, endpoint, users, rebalancing, report."""
    if rounds > users:
        raise typer.BadParameter(
            f"ROUNDS: {counted(rounds, 'round')} cannot be filled by {counted(users, 'user')}: each takes one at least"
        )
    given = check_parameters(parse_parameters(param or []))
    request = Request(reviews or None, seed, users, rounds, port, output, given)
    with writing("--output"):
        output.mkdir(parents=True, exist_ok=True)
    with PeakMemory() as peak:
        document, decisions, generated = _loop(request)
    document["peak_memory_bytes"] = peak.bytes
    paths = result.write(output, document, decisions, generated)
    if as_json:
        print_json(document)
    else:
        _print_result(document, paths)


def _loop(request: Request) -> tuple[dict[str, Any], list[Any], bool]:
    watch = Stopwatch()
    with watch.phase("reviews", "checking the reviews"):
        reviews = prepare_reviews(request)
        say(f"{reviews.found.rows_kept:,} usable of {reviews.found.rows_read:,} reviews: {reviews.found.source}")
    result.remove(request.folder)
    with local_sandbox(request.folder / "sandbox", request.port, watch):
        outputs = _deploy(watch)
        document, decisions = _experiment(request, reviews, outputs, watch)
    return document | {"seconds": watch.seconds}, decisions, reviews.generated


def _deploy(watch: Stopwatch) -> dict[str, str]:
    with watch.phase("deploy", "deploying the stacks by `cdk deploy`"):
        deploy.deploy_stage(STAGE, "local")
        return stacks.outputs(STAGE)


def _experiment(
    request: Request, reviews: Reviews, outputs: Mapping[str, str], watch: Stopwatch
) -> tuple[dict[str, Any], list[Any]]:
    with watch.phase("pipeline", "training, tuning, evaluating and registering"):
        _train(request, reviews, outputs)
    with watch.phase("endpoint", "approving both models; build-endpoint makes the endpoint"):
        build_endpoint = BuildEndpoint(outputs)
        experiment = build_endpoint.served(_approve_newest(outputs), seconds=ENDPOINT_SECONDS)
        say(f"experiment {experiment.experiment_id}: {', '.join(experiment.variant_names)}")
    with watch.phase("traffic", f"{counted(request.users, 'user')} in {counted(request.rounds, 'round')}"):
        held_out = simulate.held_out_reviews(outputs["BucketName"], experiment)
        traffic.play(request, outputs, experiment, held_out)
    with watch.phase("result", "recomputing the accuracies from the registered artefacts"):
        document, decisions = result.collect(request, reviews, outputs, len(held_out))
    with watch.phase("promotion", "promoting the winner, if a challenger won"):
        document["promotion"] = promotion.promote_winner(outputs)
    return document, decisions


def _train(request: Request, reviews: Reviews, outputs: Mapping[str, str]) -> None:
    """Trains and registers the models. Raises UserError if the gate refuses a model or a step fails."""
    uri = run.upload_reviews(outputs["BucketName"], reviews.paths)
    run.upsert(outputs)
    execution = run.start(outputs["PipelineName"], request.parameters | {"ReviewsS3Uri": uri})
    outcome = waited(execution)
    if outcome.status != "Succeeded":
        raise UserError("; ".join(outcome.failures) or f"the pipeline's execution is {outcome.status.lower()}")


def _approve_newest(outputs: Mapping[str, str]) -> list[str]:
    """Approves the newest champion and the newest challenger, one right after the other; returns their ARNs."""
    newest = [registry.packages(outputs[key])[0] for key in GROUPS.values()]
    for package in newest:
        registry.set_status(package.arn, APPROVED, "Approved by `abtest demo`.")
    return [package.arn for package in newest]


def _print_result(document: dict[str, Any], paths: tuple[Path, Path]) -> None:
    columns = ("variant", "first share", "share now", "invocations", "conversions", "P(best)", "test accuracy")
    rows = [
        (
            v["variant_name"],
            percent(v["initial_weight"]),
            percent(v["current_weight"]),
            v["invocation_count"],
            v["conversion_count"],
            percent(v["probability_best"]),
            percent(v["test_accuracy"]),
        )
        for v in document["variants"]
    ]
    print_table(columns, rows)
    for line in [*standing(document), *promotion.ending(document)]:
        print_line(line)
    total = sum(document["seconds"].values())
    print_line(f"{total:.0f} s, peak memory {document['peak_memory_bytes'] / 2**20:,.0f} MiB, seed {document['seed']}")
    for path in paths:
        print_line(str(path))
