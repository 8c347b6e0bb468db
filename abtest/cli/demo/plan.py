"""What a demo is asked to do, and the reviews that it starts from."""

from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from abtest.cli.errors import UserError
from pipelines import run
from pipelines.definition import SMALL_DATA_PARAMETERS
from pipelines.reviews import CheckedReviews, ReviewsError, check_reviews, write_sample

STAGE = "demo"


@dataclass(frozen=True)
class Plan:
    """`reviews` is what the user named (None: a generated sample); `users` are spread evenly over `rounds`."""

    reviews: str | None
    seed: int
    users: int
    rounds: int
    port: int
    folder: Path

    @property
    def parameters(self) -> dict[str, str]:
        """The pipeline's parameters for a small data set."""
        return SMALL_DATA_PARAMETERS | {"Seed": str(self.seed)}

    def users_of_round(self, number: int) -> range:
        """The numbers of the users who come in round `number`, from 1 to `rounds`."""
        return range(self.users * (number - 1) // self.rounds, self.users * number // self.rounds)


@dataclass(frozen=True)
class Reviews:
    """Files of reviews that were read and found usable."""

    paths: list[Path]
    found: CheckedReviews
    generated: bool


def prepare_reviews(plan: Plan) -> Reviews:
    """The reviews, checked as the pipeline will read them. Raises UserError, before anything is deployed."""
    try:
        if plan.reviews is None:
            paths = [write_sample(plan.folder / "sample_reviews.tsv", seed=plan.seed)]
            source = "generated sample (synthetic, not real reviews)"
        else:
            paths, source = run.fetch_reviews(plan.reviews, plan.folder / "reviews"), plan.reviews
        found = check_reviews(paths, source=source, parameters=plan.parameters)
    except ReviewsError as error:
        raise UserError(f"REVIEWS: {error}") from None
    except (BotoCoreError, ClientError) as error:
        raise UserError(f"REVIEWS: {plan.reviews} cannot be read: {error}") from None
    return Reviews(paths, found, plan.reviews is None)
