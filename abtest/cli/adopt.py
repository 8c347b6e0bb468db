"""`abtest adopt` and `abtest retire`: an endpoint beside the stage's own takes part in tests, or no longer."""

import contextlib
import dataclasses
import datetime
import uuid
from collections.abc import Iterator
from typing import Annotated

import typer

from abtest.adapters.endpoint_description import DescriptionError
from abtest.adapters.experiments_table import ExperimentsTable
from abtest.adapters.table import StaleError
from abtest.cli.shown.errors import UserError
from abtest.cli.shown.output import JsonOption, StageOption, print_json, print_line
from abtest.cli.stage import stacks
from abtest.experiment.record.config import ConfigError
from abtest.experiment.record.config_file import validated
from abtest.experiment.record.settings import ExperimentSettings
from abtest.operations.adopt import Adopter, Adoption, AdoptionError

EndpointArgument = Annotated[
    str, typer.Argument(metavar="ENDPOINT", help="Its name, which begins with sagemaker-PROJECT-.")
]
ChampionOption = Annotated[
    str | None, typer.Option("--champion", help="The trusted variant; default: as tagged, else the first.")
]
StrategyOption = Annotated[str | None, typer.Option("--strategy", help="Default: as tagged, else the stage's.")]
EpsilonOption = Annotated[
    float | None,
    typer.Option("--epsilon", help="EpsilonGreedy's share that explores; default: as tagged, else the stage's."),
]
WarmupOption = Annotated[
    int | None,
    typer.Option("--warmup", help="Burn-in, invocations per variant; default: as tagged, else the stage's."),
]


def adopt(
    endpoint: EndpointArgument,
    champion: ChampionOption = None,
    strategy: StrategyOption = None,
    epsilon: EpsilonOption = None,
    warmup: WarmupOption = None,
    stage: StageOption = "dev",
    as_json: JsonOption = False,
) -> None:
    """Put the variants of an existing endpoint on trial; if they are already, nothing changes."""
    options = {"strategy": strategy, "epsilon": epsilon, "warmup": warmup}
    settings = {key: value for key, value in options.items() if value is not None}
    with refusals():
        validated(ExperimentSettings, settings, "--")
        done = adopter(stage, endpoint).adopt(endpoint, now(), champion=champion, settings=settings)
    tell(done, as_json)


def retire(endpoint: EndpointArgument, stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """End the test on an adopted endpoint, which itself stays as it is; its counts and Decisions are kept."""
    with refusals():
        done = adopter(stage, endpoint).retire(endpoint, now())
    tell(done, as_json)


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def adopter(stage: str, endpoint_name: str) -> Adopter:
    """Raises UserError for another stage's own endpoint, and if the stage is not deployed."""
    found, config = stacks.outputs(stage), stacks.load_config(stage)
    other = next((name for name in stacks.stages() if stacks.load_config(name).endpoint_name == endpoint_name), stage)
    if other != stage:
        raise UserError(f"{endpoint_name} is the own endpoint of the stage {other}: its build-endpoint looks after it")
    return Adopter(ExperimentsTable(found["ExperimentsTableName"]), config, execution=f"abtest-{uuid.uuid4()}")


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """What cannot be done, as a user's mistake."""
    try:
        yield
    except (AdoptionError, DescriptionError, ConfigError) as error:
        raise UserError(str(error)) from None
    except StaleError as error:
        raise UserError(f"{error} Try again.") from None


def tell(done: Adoption, as_json: bool) -> None:
    if as_json:
        print_json(dataclasses.asdict(done))
        return
    what = f"{done.experiment_id} is {done.change}" if done.change != "none" else "nothing changed"
    print_line(f"{done.endpoint_name}: {what}. {done.reason}")
