"""Which container images the sandbox stands in for, and by what."""

from abtest.sandbox.algorithms import ALGORITHMS, repository_of
from abtest.sandbox.sagemaker.jobs.kinds import PROCESSING, TRAINING, TRANSFORM, Kind

BLAZINGTEXT = "blazingtext"
SERVER = "server"
SCRIPT = "script"

# (the image's repository, kind of job, local implementation)
IMAGES = (
    ("blazingtext", TRAINING, BLAZINGTEXT),
    *((repository, TRANSFORM, SERVER) for algorithm in ALGORITHMS for repository in algorithm.repositories),
    ("sagemaker-scikit-learn", PROCESSING, SCRIPT),
)


class UnknownImageError(Exception):
    """The text becomes the job's FailureReason."""


def implementation(image: str | None, kind: Kind) -> str:
    """BLAZINGTEXT, SERVER or SCRIPT for `image`; raises UnknownImageError, whose text names those that are known."""
    repository = repository_of(image or "")
    for known_repository, known_kind, local in IMAGES:
        if known_kind == kind and known_repository == repository:
            return local
    known = ", ".join(f"{known_repository} ({known_kind.noun})" for known_repository, known_kind, _ in IMAGES)
    raise UnknownImageError(
        f"ClientError: The sandbox has no local implementation of the image {image or '(none)'} for a {kind.noun}. "
        f"It knows images whose repository is: {known}."
    )
