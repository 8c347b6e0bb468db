"""Reads the stages, `infra/config/{stage}.json`, and checks them before anything is created."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from abtest.experiment.record.config import ConfigError, ExperimentConfig
from abtest.experiment.record.config_file import read_stage

CONFIG = Path(__file__).parent / "config"
KEPT = ("prod",)  # stages whose data survives `abtest destroy`


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What the delivery pipeline tells its builds; all None where somebody deploys by hand.

    Name and id are those of the SageMaker project; the role is that of the build that upserts the pipeline.
    """

    project_name: str | None = None
    project_id: str | None = None
    upsert_role_name: str | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Delivery":
        return cls(
            project_name=environment.get("SAGEMAKER_PROJECT_NAME"),
            project_id=environment.get("SAGEMAKER_PROJECT_ID"),
            upsert_role_name=environment.get("UPSERT_ROLE_NAME"),
        )


def load(stage: str, folder: Path = CONFIG, environment: Mapping[str, str] = os.environ) -> ExperimentConfig:
    """Reads the stage's configuration; ConfigError names what is wrong with it, or that there is none."""
    path = folder / f"{stage}.json"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.json") if not file.stem.endswith(".schema")))
        raise ConfigError(f"there is no stage {stage}: {path} is missing; the stages are {known}")
    try:
        return read_stage(path.read_text(), stage, Delivery.of(environment).project_name)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def is_kept(config: ExperimentConfig) -> bool:
    """Says whether stacks are protected and data outlives them."""
    return config.stage_name in KEPT
