import json
from pathlib import Path

import pytest

from abtest.experiment.record.config import ConfigError
from infra import environments


@pytest.mark.parametrize("stage", ["dev", "demo", "prod"])
def test_every_stage_is_valid(stage: str) -> None:
    config = environments.load(stage)
    assert config.stage_name == stage
    assert environments.is_kept(config) is (stage == "prod")


def write(folder: Path, text: str) -> Path:
    (folder / "x.json").write_text(text)
    return folder


def test_an_unknown_stage_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no stage y: .* the stages are x"):
        environments.load("y", write(tmp_path, "{}"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        (json.dumps({"stage_name": "x"}), "project_name"),
        (json.dumps({"project_name": "p", "stage_name": "x", "warmpu": 1}), "warmpu.*warmup"),
        (json.dumps({"project_name": "p", "stage_name": "x", "epsilon": 2}), "epsilon"),
        (json.dumps({"project_name": "p", "stage_name": "x", "authentication": "none"}), "authentication"),
        (json.dumps({"project_name": "p", "stage_name": "y"}), "stage_name: must be x, .*, not y"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        environments.load("x", write(tmp_path, text))


def test_a_sagemaker_projects_name_takes_the_place_of_the_configurations() -> None:
    assert environments.load("dev", environment={"SAGEMAKER_PROJECT_NAME": "other"}).prefix == "other-dev"
    with pytest.raises(ConfigError, match="project_name"):
        environments.load("dev", environment={"SAGEMAKER_PROJECT_NAME": "Not_A_Name"})


def test_a_list_is_no_configuration_in_a_sagemaker_project_either(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"x\.json: configuration: must be a JSON object"):
        environments.load("x", write(tmp_path, "[]"), {"SAGEMAKER_PROJECT_NAME": "other"})
