"""The algorithms that the sandbox serves and trains, in one table, by the names of their images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from abtest.sandbox.blazingtext import hyperparameters
from abtest.sandbox.blazingtext import serving as blazingtext
from abtest.sandbox.model_server import Server
from abtest.sandbox.xgboost import serving as xgboost


class UnknownImageError(Exception):
    """No algorithm of the sandbox serves the image; the text names those that it knows."""


@dataclass(frozen=True)
class Training:
    """A training job runs `python -m {program} --root FOLDER`; FOLDER is what a container finds as /opt/ml.

    `metrics` are the objective metrics, each with the regular expression that finds it in the log. `tunable` are the
    hyperparameters that a tuning job may vary.
    """

    program: str
    metrics: Mapping[str, str]
    tunable: tuple[str, ...]


@dataclass(frozen=True)
class Algorithm:
    """`repositories` are the image's names in AWS's registries; `training` is None where the sandbox only serves.

    `load` makes a server of a model.tar.gz; it raises ValueError for an artefact that is not the algorithm's, and
    ImportError where the algorithm's package is not installed.
    """

    name: str
    repositories: tuple[str, ...]
    load: Callable[[bytes], Server]
    training: Training | None = None


BLAZINGTEXT = Training("abtest.sandbox.blazingtext.training", hyperparameters.METRICS, hyperparameters.TUNABLE)
ALGORITHMS = (
    Algorithm("BlazingText", ("blazingtext",), blazingtext.load, BLAZINGTEXT),
    Algorithm("XGBoost", ("sagemaker-xgboost", "xgboost"), xgboost.load),
)


def repository_of(image: str) -> str:
    """Returns an image's repository, between the registry and the tag or digest: `xgboost` of `registry/xgboost:1`."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def find(image: str) -> Algorithm | None:
    """The algorithm whose image this is, by the name of its repository; None for any other image."""
    return next((algorithm for algorithm in ALGORITHMS if repository_of(image) in algorithm.repositories), None)


def of_image(image: str) -> Algorithm:
    """As `find`, but raises UnknownImageError, which names the images that the sandbox serves."""
    if found := find(image):
        return found
    known = ", ".join(name for algorithm in ALGORITHMS for name in algorithm.repositories)
    raise UnknownImageError(
        f"The sandbox has no implementation of the image {image}. It serves images whose repository is: {known}."
    )
