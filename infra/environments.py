"""The stages: `infra/config/{stage}.json`, read and checked before anything is created."""

import json
from pathlib import Path

from abtest.experiment.config import ConfigError, ExperimentConfig

CONFIG = Path(__file__).parent / "config"
KEPT = ("prod",)  # stages whose data survives `abtest destroy`


def load(stage: str, folder: Path = CONFIG) -> ExperimentConfig:
    """The stage's configuration; ConfigError names what is wrong with it, or that there is none."""
    path = folder / f"{stage}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.json") if not file.stem.endswith(".schema")))
        raise ConfigError(f"there is no stage {stage}: {path} is missing; the stages are {known}")
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON: {error}") from None
    config = ExperimentConfig.from_json(document)
    if config.stage_name != stage:
        raise ConfigError(f"{path}: stage_name is {config.stage_name}, it must be {stage}, as the file's name")
    return config


def is_kept(config: ExperimentConfig) -> bool:
    """True where stacks are protected and data outlives them."""
    return config.stage_name in KEPT
