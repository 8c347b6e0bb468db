"""Sets a job's environment: clean, with the sandbox's address and the containers' SM_* names."""

import json
import os
import sys
from pathlib import Path

from ministack.core.responses import get_region

from abtest.sandbox import settings
from abtest.sandbox.sagemaker.jobs.paths import rewritten
from abtest.sandbox.sagemaker.wire import Json

HOST = "algo-1"


def base(root: Path) -> dict[str, str]:
    """Returns what every program gets: of the sandbox's own environment only where programs are found."""
    region = get_region()
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(root),
        "TMPDIR": str(root / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "AWS_ENDPOINT_URL": settings.current().url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def sagemaker(root: Path, channels: dict[str, Path], hyperparameters: dict[str, str], instance_type: str) -> Json:
    """Returns SM_MODEL_DIR, SM_CHANNEL_TRAIN, SM_HPS and the other names that SageMaker's training toolkit sets."""
    fixed = {
        "SM_MODEL_DIR": str(root / "model"),
        "SM_INPUT_DIR": str(root / "input"),
        "SM_INPUT_CONFIG_DIR": str(root / "input/config"),
        "SM_OUTPUT_DIR": str(root / "output"),
        "SM_OUTPUT_DATA_DIR": str(root / "output/data"),
        "SM_CHANNELS": json.dumps(sorted(channels)),
        "SM_HPS": json.dumps(hyperparameters, sort_keys=True),
        "SM_HOSTS": json.dumps([HOST]),
        "SM_CURRENT_HOST": HOST,
        "SM_CURRENT_INSTANCE_TYPE": instance_type,
        "SM_NUM_CPUS": str(os.cpu_count() or 1),
        "SM_NUM_GPUS": "0",
    }
    named = {f"SM_CHANNEL_{_name(name)}": str(path) for name, path in channels.items()}
    return fixed | named | {f"SM_HP_{_name(name)}": value for name, value in hyperparameters.items()}


def requested(environment: dict[str, str], root: Path) -> dict[str, str]:
    """Returns the job's own Environment, its paths below /opt/ml rewritten."""
    return {name: rewritten(value, root) for name, value in environment.items()}


def _name(text: str) -> str:
    return text.upper().replace("-", "_")
