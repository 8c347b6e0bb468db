"""A job has a private folder, which stands for /opt/ml; paths that point there are rewritten."""

import re
import shutil
from pathlib import Path

from abtest.sandbox import settings
from abtest.sandbox.sagemaker.jobs.kinds import Kind

CONTAINER_ROOT = "/opt/ml"
LOG = "log.txt"

# At the beginning of a value, or of a part of it: --input=/opt/ml/x, /opt/ml/a:/opt/ml/b; not s3://bucket/opt/ml/x.
_REFERENCE = re.compile(r"(?<![\w./-])/opt/ml(?=/|$|[:,;\s\"'])")


def rewritten(value: str, root: Path) -> str:
    """Returns `value` with each path below /opt/ml moved below `root`."""
    return _REFERENCE.sub(lambda _: str(root), value)


def job_folder(kind: Kind, name: str) -> Path:
    """Returns the folder where a job's log stays: {data_dir}/jobs/{kind}/{name}."""
    return settings.current().data_dir.resolve() / "jobs" / kind.folder / name


def fresh_root(kind: Kind, name: str) -> Path:
    """Makes an empty folder for a job, whatever an earlier one left; returns what stands for /opt/ml."""
    folder = job_folder(kind, name)
    shutil.rmtree(folder, ignore_errors=True)
    root = folder / "ml"
    (root / "tmp").mkdir(parents=True)
    (folder / LOG).touch()
    return root


def drop_root(kind: Kind, name: str) -> None:
    """Removes a job's inputs and outputs; its log stays."""
    shutil.rmtree(job_folder(kind, name) / "ml", ignore_errors=True)


def log_file(kind: Kind, name: str) -> Path:
    return job_folder(kind, name) / LOG


def local(path: str, root: Path) -> Path:
    """Returns the local folder for a container's path; raises ValueError if it is not below /opt/ml."""
    moved = Path(rewritten(path, root))
    if not moved.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{path} is not below {CONTAINER_ROOT}")
    return moved
