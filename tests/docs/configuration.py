"""docs/configuration.md, from infra/config/experiment.schema.json."""

import json

from tests.conftest import ROOT
from tests.docs.tables import Json, fields

SCHEMA = ROOT / "infra" / "config" / "experiment.schema.json"

HEAD = """# The configuration of a stage

You write one JSON file for each stage: `infra/config/dev.json` configures the stage `dev`. Its JSON Schema is
`infra/config/experiment.schema.json`, by which an editor completes and checks what you write. A wrong key or value is
refused before anything is created; the message names the key and says what it must be. `range` says which values are
allowed; a key that you leave out has its default.
"""


def page() -> str:
    schema: Json = json.loads(SCHEMA.read_text())
    nested = {name: part for name, part in schema["$defs"].items() if "type" in part and "properties" in part}
    lines = [HEAD, *fields(schema, schema)]
    for name, part in nested.items():
        lines += ["", f"## {name}", "", *([part["description"], ""] if "description" in part else [])]
        lines += fields(part, schema)
    return "\n".join(lines) + "\n"
