"""`abtest simulate`: users who send held-out reviews to the API and convert if the answer was right."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from abtest.adapters import artefacts
from abtest.adapters.api_client import ApiClient
from abtest.cli.demo.users import REVIEWS_PER_USER, ApiRefusedError, Review, Visit, parse_reviews, run
from abtest.cli.shown import summary
from abtest.cli.shown.output import (
    EndpointOption,
    JsonOption,
    StageOption,
    UserError,
    counted,
    print_json,
    print_table,
    refusals,
    say,
)
from abtest.cli.stage.stacks import outputs
from abtest.experiment.record.experiment import Experiment

UsersOption = Annotated[int, typer.Option(min=1, help="How many users.")]
FirstOption = Annotated[
    int, typer.Option(min=0, help="Number of the first user; a user who came before is a known one.")
]
SeedOption = Annotated[
    int, typer.Option(envvar="SEED", min=0, help="Seed of what each user sends; the same one repeats it.")
]


def held_out_reviews(bucket: str, experiment: Experiment) -> list[Review]:
    """Returns the traffic slice of the pipeline execution that made the champion. Raises UserError if it is empty."""
    if ":model/" in experiment.variants[0].model_package_arn:
        raise UserError(
            f"{experiment.variants[0].variant_name} was made from no model package of the pipeline, "
            "so there are no held-out reviews to send: have your own users call the API"
        )
    champion = artefacts.registered_model(experiment.variants[0].model_package_arn)
    slice_ = artefacts.read(f"{champion.features_uri(bucket)}/traffic/traffic.jsonl")
    traffic = parse_reviews(slice_.decode().splitlines())
    if not traffic:
        raise UserError("the pipeline kept no reviews for simulated users: start it with --param TrafficFraction=0.15")
    return traffic


def simulate(
    stage: StageOption = "dev",
    endpoint: EndpointOption = None,
    users: UsersOption = 100,
    first_user: FirstOption = 0,
    seed: SeedOption = 1,
    as_json: JsonOption = False,
) -> None:
    """Send simulated users to the stage's API: they send held-out reviews, and convert if the answer is right."""
    found = outputs(stage)
    experiment, _, _ = summary.latest(found, endpoint)
    traffic = held_out_reviews(found["BucketName"], experiment)
    say(f"{counted(users, 'user')}, {REVIEWS_PER_USER} of {len(traffic)} held-out reviews each")
    with refusals(ApiRefusedError):
        visits = run(
            ApiClient(found["ApiEndpoint"]).post,
            endpoint_name=experiment.endpoint_name,
            traffic=traffic,
            users=range(first_user, first_user + users),
            seed=seed,
        )
    _print_visits(visits, as_json)


def _print_visits(visits: Sequence[Visit], as_json: bool) -> None:
    served = Counter(visit.endpoint_variant for visit in visits)
    converted = Counter(visit.endpoint_variant for visit in visits if visit.reward > 0)
    rows = [(name, served[name], converted[name]) for name in sorted(served)]
    if as_json:
        print_json([{"variant_name": n, "invocation_count": i, "conversion_count": c} for n, i, c in rows])
    else:
        print_table(("variant", "invocations", "conversions"), rows)
