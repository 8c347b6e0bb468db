"""`abtest pipeline`: the training pipeline's definition, its creation, and its executions."""

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import ClientError

from abtest.cli.shown.output import JsonOption, StageOption, UserError, print_json, print_line, say
from abtest.cli.shown.waiting import meanwhile
from abtest.cli.stage.stacks import outputs
from pipelines import definition, run
from pipelines.reviews import ReviewsError, check_reviews

app = typer.Typer(help="The SageMaker pipeline that trains, evaluates and registers the models.", no_args_is_help=True)

FilledOption = Annotated[bool, typer.Option("--filled", help="Fill the placeholders from the stage's stacks.")]
ParamOption = Annotated[list[str] | None, typer.Option("--param", help="A pipeline parameter as NAME=VALUE.")]
SmallOption = Annotated[
    bool, typer.Option("--small-data", help="Split, hyperparameters and ranges for one or two thousand reviews.")
]
ReviewsOption = Annotated[
    str | None, typer.Option("--reviews", help="Files (comma separated) or an s3:// URI: checked, then uploaded.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait for the end; exit code 1 unless it succeeded.")]


@contextmanager
def user_errors() -> Iterator[None]:
    """Turns what the pipeline's modules refuse, and AWS for want of a pipeline, into a UserError."""
    try:
        yield
    except (definition.DefinitionError, ReviewsError) as error:
        raise UserError(str(error)) from None
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFound":
            raise
        raise UserError(f"{error} Run abtest pipeline upsert first.") from None


def parse_parameters(given: Sequence[str]) -> dict[str, str]:
    """Reads NAME=VALUE texts as a dictionary. Raises UserError for anything else."""
    wrong = [text for text in given if "=" not in text]
    if wrong:
        raise UserError(f"--param must be NAME=VALUE, not {wrong[0]!r}")
    return dict(text.split("=", 1) for text in given)


@app.command("definition")
def show_definition(stage: StageOption = "dev", filled: FilledOption = False) -> None:
    """Print the pipeline's definition as JSON: the template, or with --filled as your stage has it."""
    with user_errors():
        document = json.loads(run.filled_definition(outputs(stage))) if filled else definition.template()
    print_json(document)


@app.command()
def upsert(stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """Create the pipeline or update it, and upload its code."""
    with user_errors():
        arn = run.upsert(outputs(stage))
    if as_json:
        print_json({"pipeline_arn": arn})
    else:
        print_line(arn)


@app.command()
def start(
    stage: StageOption = "dev",
    param: ParamOption = None,
    small_data: SmallOption = False,
    reviews: ReviewsOption = None,
    wait: WaitOption = False,
    as_json: JsonOption = False,
) -> None:
    """Start an execution of the pipeline. Without --reviews it reads those under reviews/ in the stage's bucket."""
    parameters = dict(definition.SMALL_DATA_PARAMETERS) if small_data else {}
    parameters |= parse_parameters(param or [])
    with user_errors():
        definition.checked(parameters)
        stack_outputs = outputs(stage)
        if reviews:
            parameters["ReviewsS3Uri"] = uploaded(reviews, stack_outputs["BucketName"], parameters)
        execution_arn = run.start(stack_outputs["PipelineName"], parameters)
        ended = waited(execution_arn) if wait else None
    if ended:
        finish(ended, as_json)
    elif as_json:
        print_json({"execution_arn": execution_arn})
    else:
        print_line(execution_arn)


class Steps:
    """Tells each change of a step (`Step: Status`), and on request which steps execute and for how long."""

    def __init__(self) -> None:
        self._begun: dict[str, float] = {}

    def __call__(self, change: str) -> None:
        say(change)
        name, _, status = change.partition(": ")
        if status == "Executing":
            self._begun[name] = time.monotonic()
        else:
            self._begun.pop(name, None)

    def executing(self) -> str:
        now = time.monotonic()
        steps = (f"{name} for {now - begun:.0f} s" for name, begun in dict(self._begun).items())
        return f"executing: {', '.join(steps) or 'no step yet'}"


def waited(execution_arn: str) -> run.Outcome:
    """Waits until the execution ends and tells its steps meanwhile. Returns how it ended."""
    steps = Steps()
    with meanwhile(steps.executing):
        return run.wait(execution_arn, steps)


def uploaded(reviews: str, bucket: str, parameters: Mapping[str, str]) -> str:
    """Checks the reviews, puts them into the bucket and returns their URI."""
    with tempfile.TemporaryDirectory() as folder:
        paths = run.fetch_reviews(reviews, Path(folder))
        found = check_reviews(paths, source=reviews, parameters=parameters)
        say(f"{found.rows_kept:,} usable of {found.rows_read:,} reviews in {found.source}")
        for note in found.notes:
            say(note)
        return run.upload_reviews(bucket, paths)


def finish(outcome: run.Outcome, as_json: bool) -> None:
    """Prints how an execution ended. Raises UserError with the reasons unless it succeeded."""
    if as_json:
        print_json(asdict(outcome))
    else:
        print_line(f"{outcome.status}: {outcome.execution_arn}")
    if outcome.status != "Succeeded":
        raise UserError("; ".join(outcome.failures) or f"the execution is {outcome.status.lower()}")
