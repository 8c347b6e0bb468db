"""Checks what you ask a demo to do, and the reviews that it starts from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from abtest.cli.shown.output import UserError, refusals, say
from pipelines import run
from pipelines.definition import SMALL_DATA_PARAMETERS, DefinitionError, checked
from pipelines.reviews import CheckedReviews, ReviewsError, check_reviews, write_sample

STAGE = "demo"
ENDPOINT_SECONDS = 600.0  # that build-endpoint may take; the sandbox takes a few


@dataclass(frozen=True)
class Request:
    """What you ask a demo to do: `reviews` are yours (None: a generated sample); `users` come evenly over `rounds`."""

    reviews: str | None
    seed: int
    users: int
    rounds: int
    port: int
    folder: Path
    given: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str]:
        """The pipeline's parameters for a small data set, but for those that the user has `given`."""
        return {**SMALL_DATA_PARAMETERS, **self.given, "Seed": str(self.seed)}

    def users_of_round(self, number: int) -> range:
        """Returns the numbers of the users who come in round `number`, from 1 to `rounds`."""
        return range(self.users * (number - 1) // self.rounds, self.users * number // self.rounds)


def check_parameters(given: Mapping[str, str]) -> Mapping[str, str]:
    """Returns `given`. Raises UserError for an unfit value, or a parameter that the pipeline lacks or the demo sets."""
    for name, remedy in {"Seed": "SEED=", "ReviewsS3Uri": "REVIEWS="}.items():
        if name in given:
            raise UserError(f"the demo sets {name} itself: set {remedy} instead")
    with refusals(DefinitionError):
        checked(given)
    return given


@dataclass(frozen=True)
class Reviews:
    """Files of reviews that were read and found usable."""

    paths: list[Path]
    found: CheckedReviews
    generated: bool


def prepare_reviews(request: Request) -> Reviews:
    """Checks the reviews as the pipeline will read them. Raises UserError, before anything is deployed."""
    try:
        if request.reviews is None:
            paths = [write_sample(request.folder / "sample_reviews.tsv", seed=request.seed)]
            source = "generated sample (synthetic, not real reviews)"
        else:
            paths, source = run.fetch_reviews(request.reviews, request.folder / "reviews"), request.reviews
        found = check_reviews(paths, source=source, parameters=request.parameters)
        for note in found.notes:
            say(note)
    except ReviewsError as error:
        raise UserError(f"REVIEWS: {error}") from None
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"REVIEWS: {request.reviews} cannot be read: {error}") from None
    return Reviews(paths, found, request.reviews is None)
