"""Fills the folder that becomes every Lambda function's code: pinned wheels and our own packages."""

import shutil
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from abtest.cli.shown.output import UserError
from abtest.cli.stage.stacks import ROOT

ASSET = ROOT / "build" / "lambda" / "asset"
REQUIREMENTS = ROOT / "requirements" / "lambda.txt"
PACKAGES = ("experiment", "adapters", "operations", "handlers")


class Platform(StrEnum):
    """The wheels to install: those of Lambda's Amazon Linux 2023, or those of this interpreter, for the sandbox."""

    MANYLINUX = "manylinux"
    LOCAL = "local"


TARGETS = {
    # Older manylinux tags silently resolve to old releases.
    Platform.MANYLINUX: ("--python-platform", "x86_64-manylinux_2_28", "--python-version", "3.12"),
    Platform.LOCAL: ("--python", sys.executable),
}


def build(platform: Platform, folder: Path = ASSET) -> Path:
    """Fills `folder` anew for the platform; the same inputs give the same contents. Raises UserError."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _install(platform, folder)
    ours = folder / "abtest"
    ours.mkdir()
    shutil.copy(ROOT / "abtest" / "__init__.py", ours)
    for package in PACKAGES:
        shutil.copytree(ROOT / "abtest" / package, ours / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _install(platform: Platform, folder: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        raise UserError(f"{uv} is missing: run make setup")
    command = [str(uv), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"]
    command += [*TARGETS[platform], "--target", str(folder), "--requirement", str(REQUIREMENTS)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1].strip()
        raise UserError(f"the Lambda code cannot be built from requirements/lambda.txt: {reason}")
    # What uv leaves for itself: a lock, and scripts that name this machine's interpreter.
    for name in ("bin", ".lock"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
