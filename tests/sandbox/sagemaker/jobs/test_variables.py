import json
from pathlib import Path

import pytest

from abtest.sandbox.sagemaker.jobs import variables

ROOT = Path("/data/ml")


def test_the_environment_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    base = variables.base(ROOT)
    assert not {"AWS_PROFILE", "PYTHONPATH"} & base.keys()
    assert base["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert base["AWS_ACCESS_KEY_ID"] == "test"


def test_the_names_of_the_containers() -> None:
    made = variables.sagemaker(ROOT, {"train": ROOT / "input/data/train"}, {"learning_rate": "0.1"}, "ml.c5.xlarge")
    assert made["SM_CHANNEL_TRAIN"] == "/data/ml/input/data/train"
    assert made["SM_MODEL_DIR"] == "/data/ml/model"
    assert made["SM_OUTPUT_DATA_DIR"] == "/data/ml/output/data"
    assert json.loads(made["SM_HPS"]) == {"learning_rate": "0.1"}
    assert made["SM_HP_LEARNING_RATE"] == "0.1"


def test_a_jobs_own_variables_are_rewritten() -> None:
    given = {"PYTHONPATH": "/opt/ml/processing/code:/usr/lib", "MODE": "full"}
    assert variables.requested(given, ROOT) == {"PYTHONPATH": "/data/ml/processing/code:/usr/lib", "MODE": "full"}
