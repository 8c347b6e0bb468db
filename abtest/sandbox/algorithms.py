"""Lists the images that the sandbox stands in for as a model server, so that all are served the same way."""

from collections.abc import Callable
from dataclasses import dataclass

from abtest.sandbox.blazingtext import serving as blazingtext
from abtest.sandbox.model_server import Server
from abtest.sandbox.xgboost import serving as xgboost


class UnknownImageError(Exception):
    """No algorithm of the sandbox serves the image; the text names those that it knows."""


@dataclass(frozen=True)
class Algorithm:
    """`repositories`: the image's names in AWS's registries.

    `load` makes a server of a model.tar.gz; it raises ValueError for an artefact that is not the algorithm's, and
    ImportError where the algorithm's package is not installed.
    """

    name: str
    repositories: tuple[str, ...]
    load: Callable[[bytes], Server]


ALGORITHMS = (
    Algorithm("BlazingText", ("blazingtext",), blazingtext.load),
    Algorithm("XGBoost", ("sagemaker-xgboost", "xgboost"), xgboost.load),
)


def repository_of(image: str) -> str:
    """Returns an image's repository, between the registry and the tag or digest: `xgboost` of `registry/xgboost:1`."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def of_image(image: str) -> Algorithm:
    """Returns the algorithm whose repository the image names. Raises UnknownImageError."""
    repository = repository_of(image)
    for algorithm in ALGORITHMS:
        if repository in algorithm.repositories:
            return algorithm
    known = ", ".join(name for algorithm in ALGORITHMS for name in algorithm.repositories)
    raise UnknownImageError(
        f"The sandbox has no implementation of the image {image}. It serves images whose repository is: {known}."
    )
