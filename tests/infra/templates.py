"""A stage's templates, synthesised in this process, and ways to look into them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abtest.experiment.record.config import ExperimentConfig
from infra.environments import Delivery

if TYPE_CHECKING:
    import aws_cdk as cdk

Json = dict[str, Any]


class Templates:
    """The templates of one stage by part: data, training, workflows, api."""

    def __init__(self, folder: Path, prefix: str, app: "cdk.App") -> None:
        self.app = app
        self.files = sorted(folder.glob("*.template.json"))
        self._parts = {
            path.name.removeprefix(f"{prefix}-").removesuffix(".template.json"): json.loads(path.read_text())
            for path in folder.glob("*.template.json")
        }
        self.manifest: Json = json.loads((folder / "manifest.json").read_text())

    def __getitem__(self, part: str) -> Json:
        template: Json = self._parts[part]
        return template

    @property
    def parts(self) -> Iterable[str]:
        return self._parts.keys()

    def outputs(self) -> Mapping[str, list[str]]:
        """Output keys by part, without those that the CDK makes for references between stacks."""
        return {
            part: sorted(key for key in template["Outputs"] if not key.startswith("ExportsOutput"))
            for part, template in self._parts.items()
        }

    def resources(self, kind: str) -> list[Json]:
        """All resources of the type `kind`."""
        return [resource for _, resource in self.named(kind)]

    def named(self, kind: str) -> Iterator[tuple[str, Json]]:
        """Logical name and resource."""
        for template in self._parts.values():
            for name, resource in template["Resources"].items():
                if kind in ("*", resource["Type"]):
                    yield name, resource

    def properties(self, kind: str) -> list[Json]:
        return [resource["Properties"] for resource in self.resources(kind)]

    def statements(self) -> Iterator[tuple[str, Json]]:
        """Every Allow statement of a role's policy, with the policy's logical name."""
        for name, policy in self.named("AWS::IAM::Policy"):
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Allow"
                yield name, statement


def synthesise(config: ExperimentConfig, folder: Path, delivery: Delivery | None = None) -> Templates:
    """The templates of the stage that `config` describes; the Lambda code is one empty file."""
    from infra import app as infra

    asset = folder / "asset"
    asset.mkdir(parents=True)
    (asset / "empty").touch()
    app = new_app(folder)
    infra.compose(app, config, asset, delivery or infra.BY_HAND)
    app.synth()
    return Templates(folder / "out", config.prefix, app)


def synthesise_delivery(config: ExperimentConfig, folder: Path) -> Templates:
    """The templates of the stage's delivery, of the portfolio, and of the project."""
    from infra import delivery

    app = new_app(folder)
    delivery.compose(app, config)
    app.synth()
    return Templates(folder / "out", config.prefix, app)


def new_app(folder: Path) -> "cdk.App":
    import aws_cdk as cdk

    from infra.app import FLAGS

    return cdk.App(analytics_reporting=False, context=FLAGS, outdir=str(folder / "out"))


def text(value: Any) -> str:
    """A property as one string: references by logical name in braces."""
    if isinstance(value, str):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(text(part) for part in parts)
    if "Fn::GetAtt" in value:
        return "{" + ".".join(value["Fn::GetAtt"]) + "}"
    if "Fn::ImportValue" in value:
        return "{" + text(value["Fn::ImportValue"]) + "}"
    return "{" + str(value["Ref"]) + "}"


def listed(value: Any) -> list[Any]:
    """IAM's lists of one are the one alone."""
    return value if isinstance(value, list) else [value]
