"""`python -m tests.infra.snapshot` writes the committed snapshots of all templates anew."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra import environments
from tests.infra.templates import synthesise, synthesise_delivery

FOLDER = Path(__file__).parent / "snapshots"
STAGE = "prod"  # has all there is: a schedule, an approval, what is kept
# What is committed elsewhere, or changes with the Lambda code or the CDK's version alone.
ELSEWHERE = {"EXPERIMENT_CONFIG": "infra/config", "DefinitionString": "workflows", "S3Key": "asset"}
PARTS = ("Parameters", "Resources", "Outputs")
ASSET = re.compile(r"[0-9a-f]{64}")


def snapshots(folder: Path) -> Iterator[tuple[str, str]]:
    """File name and text for each template; `folder` is for the CDK's output."""
    config = environments.load(STAGE, environment={})
    synthesise(config, folder / "stage")
    synthesise_delivery(config, folder / "delivery")
    for path in sorted(folder.glob("*/out/*.template.json")):
        if ".product." not in path.name:  # the same as the project's
            yield path.name.replace(".template", ""), text(json.loads(path.read_text()))


def text(template: dict[str, Any]) -> str:
    """JSON with one line for each resource, output and parameter, so that a change is one line of a diff."""
    parts = [
        f"{json.dumps(part)}: {{\n" + ",\n".join(f"{json.dumps(name)}: {line(value)}" for name, value in rows) + "\n}"
        for part, rows in ((part, sorted(template.get(part, {}).items())) for part in PARTS)
        if rows
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def line(value: Any) -> str:
    return ASSET.sub("asset", json.dumps(without(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def without(value: Any) -> Any:
    """The value, with what is elsewhere replaced by the name of the place."""
    if isinstance(value, dict):
        return {key: f"<{ELSEWHERE[key]}>" if key in ELSEWHERE else without(part) for key, part in value.items()}
    return [without(part) for part in value] if isinstance(value, list) else value


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder:
        for name, content in snapshots(Path(folder)):
            (FOLDER / name).write_text(content)


if __name__ == "__main__":
    main()
