"""`abtest adopt` puts an endpoint of yours on trial beside the stage's own, and `abtest retire` ends its test."""

import dataclasses
import datetime
import uuid
from typing import Annotated

import typer

from abtest.adapters.endpoint_description import DescriptionError
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import StaleError
from abtest.cli.shown.output import JsonOption, StageOption, UserError, print_json, print_line, refusals
from abtest.cli.stage import stacks
from abtest.experiment.record.config import ConfigError
from abtest.experiment.record.config_file import validated
from abtest.experiment.record.settings import ExperimentSettings
from abtest.operations.adopt import Adopter, Adoption, AdoptionError

EndpointArgument = Annotated[
    str, typer.Argument(metavar="ENDPOINT", help="Name of the endpoint; it begins with sagemaker-PROJECT-.")
]
ChampionOption = Annotated[
    str | None, typer.Option("--champion", help="The variant that you trust; default: as tagged, else the first.")
]
StrategyOption = Annotated[str | None, typer.Option("--strategy", help="Default: as tagged, else the stage's.")]
EpsilonOption = Annotated[
    float | None,
    typer.Option("--epsilon", help="Share that EpsilonGreedy explores with; default: as tagged, else the stage's."),
]
WarmupOption = Annotated[
    int | None,
    typer.Option("--warmup", help="Invocations per variant before shares move; default: as tagged, else the stage's."),
]

REFUSED = (AdoptionError, DescriptionError, ConfigError, StaleError)


def adopt(
    endpoint: EndpointArgument,
    champion: ChampionOption = None,
    strategy: StrategyOption = None,
    epsilon: EpsilonOption = None,
    warmup: WarmupOption = None,
    stage: StageOption = "dev",
    as_json: JsonOption = False,
) -> None:
    """Put the variants of an endpoint of yours on trial. Nothing changes if they are on trial already."""
    options = {"strategy": strategy, "epsilon": epsilon, "warmup": warmup}
    settings = {key: value for key, value in options.items() if value is not None}
    with refusals(*REFUSED):
        validated(ExperimentSettings, settings, "--")
        done = adopter(stage, endpoint).adopt(endpoint, now(), champion=champion, settings=settings)
    tell(done, as_json)


def retire(endpoint: EndpointArgument, stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """End the test on an adopted endpoint. The endpoint stays as it is; its counts and Decisions are kept."""
    with refusals(*REFUSED):
        done = adopter(stage, endpoint).retire(endpoint, now())
    tell(done, as_json)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def adopter(stage: str, endpoint_name: str) -> Adopter:
    """Returns what adopts endpoints. Raises UserError for another stage's own endpoint, or if nothing is deployed."""
    found, config = stacks.outputs(stage), stacks.load_config(stage)
    other = next((name for name in stacks.stages() if stacks.load_config(name).endpoint_name == endpoint_name), stage)
    if other != stage:
        raise UserError(
            f"{endpoint_name} is the stage {other}'s own, and its build-endpoint looks after it: name another endpoint"
        )
    return Adopter(ExperimentsTable(found["ExperimentsTableName"]), config, execution=f"abtest-{uuid.uuid4()}")


def tell(done: Adoption, as_json: bool) -> None:
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    what = f"{done.experiment_id} is {done.change}" if done.change != "none" else "nothing changed"
    print_line(f"{done.endpoint_name}: {what}. {done.reason}")
