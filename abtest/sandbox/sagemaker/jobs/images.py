"""Says which container images the sandbox stands in for, in which kind of job."""

from abtest.sandbox.algorithms import ALGORITHMS, repository_of
from abtest.sandbox.sagemaker.jobs.kinds import PROCESSING, TRAINING, TRANSFORM, Kind

IMAGES = (  # by their repositories
    *((name, TRAINING) for algorithm in ALGORITHMS if algorithm.training for name in algorithm.repositories),
    *((name, TRANSFORM) for algorithm in ALGORITHMS for name in algorithm.repositories),
    ("sagemaker-scikit-learn", PROCESSING),
)


class UnknownImageError(Exception):
    """The sandbox does not stand in for the image; the text becomes the job's FailureReason."""


def check(image: str | None, kind: Kind) -> None:
    """Raises UnknownImageError if nothing stands in for `image`; its text names the images that are known."""
    if (repository_of(image or ""), kind) in IMAGES:
        return
    known = ", ".join(f"{known_repository} ({known_kind.noun})" for known_repository, known_kind in IMAGES)
    raise UnknownImageError(
        f"ClientError: The sandbox has no local implementation of the image {image or '(none)'} for a {kind.noun}. "
        f"It knows images whose repository is: {known}."
    )
