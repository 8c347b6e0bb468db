import json
from collections.abc import Iterator

import pytest

from abtest.experiment.record.config_file import read_config
from abtest.handlers.settings import LeaseSettings, RegistrationSettings, SettingsError, read

CONFIG = {"project_name": "reviews", "stage_name": "dev"}


@pytest.fixture(autouse=True)
def unread() -> Iterator[None]:
    read.cache_clear()
    yield
    read.cache_clear()


def test_fields_come_from_variables_of_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERIMENTS_TABLE_NAME", "experiments")
    monkeypatch.setenv("ENDPOINT_NAME", "sagemaker-reviews-dev")
    assert read(LeaseSettings) == LeaseSettings("experiments", "sagemaker-reviews-dev")


def test_the_configuration_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERIMENTS_TABLE_NAME", "experiments")
    monkeypatch.setenv("ENDPOINT_NAME", "sagemaker-reviews-dev")
    monkeypatch.setenv("EXPERIMENT_CONFIG", json.dumps(CONFIG))
    assert read(RegistrationSettings).experiment_config == read_config(CONFIG)


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPERIMENTS_TABLE_NAME", raising=False)
    with pytest.raises(SettingsError, match="EXPERIMENTS_TABLE_NAME"):
        read(LeaseSettings)


@pytest.mark.parametrize("text", ["{", '{"project_name": "reviews"}'])
def test_a_wrong_configuration_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPERIMENTS_TABLE_NAME", "experiments")
    monkeypatch.setenv("ENDPOINT_NAME", "sagemaker-reviews-dev")
    monkeypatch.setenv("EXPERIMENT_CONFIG", text)
    with pytest.raises(SettingsError, match="EXPERIMENT_CONFIG"):
        read(RegistrationSettings)
