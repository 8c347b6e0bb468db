"""What was deployed to an endpoint, now and before: by it a rollback finds its way."""

import dataclasses
from collections.abc import Mapping

from abtest.experiment.record.codec import Record


@dataclasses.dataclass(frozen=True)
class ReleasedVariant(Record):
    """A variant and the model package that it serves."""

    variant_name: str
    model_package_arn: str


@dataclasses.dataclass(frozen=True)
class Release(Record):
    """One deployment; the champion is the first of its variants."""

    endpoint_config_name: str
    experiment_id: str
    variants: tuple[ReleasedVariant, ...]  # a list when stored: DynamoDB's maps have no order

    @classmethod
    def of(cls, endpoint_config_name: str, experiment_id: str, packages: Mapping[str, str]) -> "Release":
        """The release of the `packages`, model package ARNs by variant name, the champion's first."""
        variants = tuple(ReleasedVariant(name, arn) for name, arn in packages.items())
        return cls(endpoint_config_name, experiment_id, variants)

    @property
    def packages(self) -> dict[str, str]:
        """Model package ARNs by variant name, the champion's first."""
        return {variant.variant_name: variant.model_package_arn for variant in self.variants}


@dataclasses.dataclass(frozen=True)
class Releases(Record):
    """The deployments of an endpoint that a rollback knows.

    `current` was deployed last, `previous` is the last one before it that served other packages. `resume` is the id of
    the experiment that a rollback wants back. `revision` counts the writes.
    """

    current: Release | None = None
    previous: Release | None = None
    resume: str | None = None
    revision: int = 0

    def then(self, release: Release) -> "Releases":
        """After `release` was deployed. What a rollback wants holds until there is another experiment."""
        if release == self.current:
            return self
        before = self.current
        others = before and set(before.packages.values()) != set(release.packages.values())
        goes_on = before and before.experiment_id == release.experiment_id
        return Releases(
            current=release,
            previous=before if others else self.previous,
            resume=self.resume if goes_on else None,
            revision=self.revision + 1,
        )

    def wanting(self, experiment_id: str | None) -> "Releases":
        """After a rollback asked for a past experiment (None: the running one goes on)."""
        if experiment_id == self.resume:
            return self
        return dataclasses.replace(self, resume=experiment_id, revision=self.revision + 1)
