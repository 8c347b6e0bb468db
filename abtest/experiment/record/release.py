"""What was deployed to an endpoint, now and before: by it a rollback finds its way."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Release:
    """One deployment. `packages` holds model package ARNs by variant name, the champion's first."""

    endpoint_config_name: str
    experiment_id: str
    packages: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The variants are a list: DynamoDB's maps have no order."""
        variants = [{"variant_name": name, "model_package_arn": arn} for name, arn in self.packages.items()]
        return {
            "endpoint_config_name": self.endpoint_config_name,
            "experiment_id": self.experiment_id,
            "variants": variants,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Release":
        packages = {variant["variant_name"]: variant["model_package_arn"] for variant in document["variants"]}
        return cls(document["endpoint_config_name"], document["experiment_id"], packages)


@dataclasses.dataclass(frozen=True)
class Releases:
    """`current` was deployed last, `previous` is the last one before it that served other packages.

    `resume` is the id of the experiment that a rollback wants back. `revision` counts the writes.
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

    def to_json(self) -> dict[str, Any]:
        return {
            "current": self.current and self.current.to_json(),
            "previous": self.previous and self.previous.to_json(),
            "resume": self.resume,
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Releases":
        """What `to_json` wrote; numbers may be of any kind, other keys are ignored."""
        current, previous = (document[key] and Release.from_json(document[key]) for key in ("current", "previous"))
        return cls(current, previous, document["resume"], int(document["revision"]))
