"""`python -m infra.schema` writes the JSON Schema of the stages' files beside them, which editors read."""

import json

from abtest.experiment.record.config_file import config_schema
from infra.environments import CONFIG

if __name__ == "__main__":
    (CONFIG / "experiment.schema.json").write_text(json.dumps(config_schema(), indent=2) + "\n")
