"""Sets the environment variables that MiniStack reads while it is imported."""

import os
import shutil
import tempfile
from pathlib import Path

from abtest.sandbox.settings import ACCOUNT, HOST, REGION, Settings


def prepare(settings: Settings) -> None:
    """Makes the data folder and points MiniStack, and every process that it starts, into it.

    Inherited AWS_* variables would win over ours in Lambda workers, so they go.
    """
    for name in [name for name in os.environ if name.startswith(("AWS_", "LOCALSTACK_", "MINISTACK_", "SFN_"))]:
        del os.environ[name]
    os.environ.update(_variables(settings))
    for name in ("NO_PROXY", "no_proxy"):  # a proxy that the user has cannot reach this machine's loopback address
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), HOST, "localhost")))
    for name in ("STATE_DIR", "S3_DATA_DIR", "TMPDIR"):
        Path(os.environ[name]).mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = os.environ["TMPDIR"]


def tidy(settings: Settings) -> None:
    """Removes what a killed predecessor left in the folder for temporary files; the data folder must be ours."""
    for path in (settings.data_dir.resolve() / "tmp").iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _variables(settings: Settings) -> dict[str, str]:
    folder = settings.data_dir.resolve()
    return {
        "GATEWAY_PORT": str(settings.port),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": "localhost",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AUTH": "true" if settings.verify_identities else "false",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(folder / "s3"),
        "TMPDIR": str(folder / "tmp"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "SFN_WAIT_SCALE": str(settings.wait_scale),
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        "DOCKER_HOST": "unix:///nonexistent",  # no container is ever started or removed
    }
