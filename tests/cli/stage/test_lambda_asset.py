"""The Lambda code, built for both targets from the lock."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from abtest.cli.shown.output import UserError
from abtest.cli.stage import lambda_asset
from abtest.cli.stage.lambda_asset import Platform
from abtest.cli.stage.stacks import ROOT

pytestmark = pytest.mark.slow

MOST_BYTES = 250 * 2**20  # unpacked, of which AWS lets no more pass
RUNTIME = ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six.py")  # what Lambda brings
HANDLERS = sorted(
    path.stem for path in (ROOT / "abtest" / "handlers").glob("*.py") if "def handler(" in path.read_text()
)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lambda_asset.build(Platform.LOCAL, tmp_path_factory.mktemp("local") / "asset")


@pytest.fixture(scope="module")
def manylinux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lambda_asset.build(Platform.MANYLINUX, tmp_path_factory.mktemp("manylinux") / "asset")


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with boto3 and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("runtime")
    packages = Path(sysconfig.get_paths()["purelib"])
    for name in RUNTIME:
        (folder / name).symlink_to(packages / name)
    return folder


def test_there_are_seventeen_handlers() -> None:
    assert len(HANDLERS) == 17


@pytest.mark.parametrize("handler", HANDLERS)
def test_every_handler_imports_from_its_asset_alone(handler: str, local: Path, runtime: Path) -> None:
    program = f"import sys; sys.path[:0] = [{str(local)!r}, {str(runtime)!r}]; import abtest.handlers.{handler} as h; "
    program += "assert callable(h.handler); assert h.__file__.startswith(sys.path[0])"
    # -I and -S: neither the environment, nor this folder, nor site-packages.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_wheels_for_lambda_are_for_its_python_and_libc(manylinux: Path) -> None:
    wheels = list(manylinux.glob("*.dist-info/WHEEL"))
    tags = [tag for wheel in wheels for tag in re.findall(r"^Tag: (.+)$", wheel.read_text(), re.MULTILINE)]
    assert len(wheels) >= 5
    for tag in tags:
        assert re.fullmatch(r"(py2\.)?py3-none-any|py2-none-any|cp312-cp312-manylinux_?[0-9_]+_x86_64", tag), tag
        version = re.search(r"manylinux_2_(\d+)_", tag)
        assert version is None or int(version[1]) <= 28, tag


def test_compiled_modules_are_for_lambda(manylinux: Path) -> None:
    # Folders named *.libs hold plain C libraries, of no Python version.
    compiled = [path.name for path in manylinux.rglob("*.so") if not path.parent.name.endswith(".libs")]
    assert compiled
    assert all(name.endswith(".cpython-312-x86_64-linux-gnu.so") for name in compiled)


def test_the_asset_fits_lambda(manylinux: Path) -> None:
    assert sum(path.stat().st_size for path in manylinux.rglob("*") if path.is_file()) < MOST_BYTES


def test_both_targets_hold_the_same_releases(local: Path, manylinux: Path) -> None:
    def releases(folder: Path) -> set[str]:
        # The newest numpy leaves out Python 3.11: the lock has one release for that and one for the later ones.
        found = {path.name for path in folder.glob("*.dist-info")}
        return {"numpy" if name.startswith("numpy-") else name for name in found}

    assert releases(local) == releases(manylinux)


def test_neither_tests_nor_tools_are_shipped(local: Path) -> None:
    assert {path.name for path in (local / "abtest").iterdir()} == {"__init__.py", *lambda_asset.PACKAGES}
    assert not [
        *(local / "abtest").rglob("test_*.py"),
        *local.rglob("__pycache__"),
        *local.glob("boto*"),
        *local.glob("bin"),
    ]


def test_the_same_inputs_give_the_same_contents(local: Path, tmp_path: Path) -> None:
    again = lambda_asset.build(Platform.LOCAL, tmp_path / "asset")

    def contents(folder: Path) -> dict[Path, bytes]:
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert contents(again) == contents(local)


def test_what_cannot_be_resolved_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_asset, "REQUIREMENTS", tmp_path / "missing.txt")
    with pytest.raises(UserError, match=r"^the Lambda code cannot be built from requirements/lambda.txt: [^\n]+$"):
        lambda_asset.build(Platform.LOCAL, tmp_path / "asset")
