"""Which container images the sandbox stands in for, and by what."""

from abtest.sandbox.sagemaker.jobs.kinds import PROCESSING, TRAINING, TRANSFORM, Kind

BLAZINGTEXT = "blazingtext"
SCRIPT = "script"

# (part of the image's repository name, kind of job, local implementation)
IMAGES = (
    ("blazingtext", TRAINING, BLAZINGTEXT),
    ("blazingtext", TRANSFORM, BLAZINGTEXT),
    ("sagemaker-scikit-learn", PROCESSING, SCRIPT),
)


class UnknownImageError(Exception):
    """The text becomes the job's FailureReason."""


def implementation(image: str | None, kind: Kind) -> str:
    """BLAZINGTEXT or SCRIPT for `image`; raises UnknownImageError, whose text names the images that are known."""
    repository = (image or "").rpartition("/")[2].partition(":")[0]
    for pattern, known_kind, local in IMAGES:
        if known_kind == kind and pattern in repository:
            return local
    known = ", ".join(f"{pattern} ({known_kind.noun})" for pattern, known_kind, _ in IMAGES)
    raise UnknownImageError(
        f"ClientError: The sandbox has no local implementation of the image {image or '(none)'} for a {kind.noun}. "
        f"It knows images whose repository name contains: {known}."
    )
