import json
from collections.abc import Iterator

import pytest

from abtest.experiment.record.config_file import read_config
from abtest.experiment.record.function_environments import EndpointEnvironment, ExperimentEnvironment
from abtest.handlers.environment import VariableError, read

CONFIG = {"project_name": "reviews", "stage_name": "dev"}


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    read.cache_clear()
    yield
    read.cache_clear()


def test_fields_come_from_variables_of_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERIMENTS_TABLE_NAME", "experiments")
    monkeypatch.setenv("ENDPOINT_NAME", "sagemaker-reviews-dev")
    assert read(EndpointEnvironment) == EndpointEnvironment("experiments", "sagemaker-reviews-dev")


def test_the_configuration_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERIMENTS_TABLE_NAME", "experiments")
    monkeypatch.setenv("ENDPOINT_NAME", "sagemaker-reviews-dev")
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps(CONFIG))
    assert read(ExperimentEnvironment).experiment_config == read_config(CONFIG)


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPERIMENTS_TABLE_NAME", raising=False)
    with pytest.raises(VariableError, match="EXPERIMENTS_TABLE_NAME"):
        read(EndpointEnvironment)


@pytest.mark.parametrize("text", ["{", '{"project_name": "reviews"}'])
def test_a_wrong_configuration_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERIMENTS_TABLE_NAME", "experiments")
    monkeypatch.setenv("ENDPOINT_NAME", "sagemaker-reviews-dev")
    monkeypatch.setenv("EXPERIMENT_CONFIG", text)
    with pytest.raises(VariableError, match="EXPERIMENT_CONFIG"):
        read(ExperimentEnvironment)
