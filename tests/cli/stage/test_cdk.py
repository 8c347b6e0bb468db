import sys
import threading
from pathlib import Path

import pytest

from abtest.cli.shown.output import UserError
from abtest.cli.stage import cdk
from tests.conftest import wait_for


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], "the command failed and said nothing"),
        (["building", "no space left", ""], "no space left"),
        (["abtest: there is no stage x"], "there is no stage x"),
        (["❌  a failed to deploy", "‣ ValidationError: wrong type"], "ValidationError: wrong type"),
        (["a: fail: no access to the bucket", "‣ AggregateError:"], "a: fail: no access to the bucket"),
    ],
)
def test_the_reason_is_one_line(lines: list[str], reason: str) -> None:
    assert cdk.complaint(lines) == reason


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cdk, "ROOT", tmp_path)
    monkeypatch.setattr(cdk, "BUILD", tmp_path / "cdk")
    return tmp_path / "cdk"


def python(program: str) -> list[str | Path]:
    return [sys.executable, "-c", program]


def test_output_goes_to_the_log_and_is_told_line_by_line(build: Path) -> None:
    told: list[str] = []
    build.mkdir()
    cdk.run(python("print('one'); print(' two ')"), "try", tell=told.append, folder=build)
    assert told == ["one", "two"]
    assert (build / "try.log").read_text() == "one\n two \n"


def test_a_failure_names_its_reason_and_its_log(build: Path) -> None:
    with cdk.alone(), pytest.raises(UserError, match=r"^no luck \(the whole log: cdk/try.log\)$"):
        cdk.run(python("raise SystemExit('no luck')"), "try", folder=build)


def test_commands_neither_warn_nor_report(build: Path) -> None:
    build.mkdir()
    program = "import os; print(os.environ['CDK_DISABLE_CLI_TELEMETRY'], os.environ['PATH'].split(os.pathsep)[0])"
    told: list[str] = []
    cdk.run(python(program), "try", tell=told.append, folder=build)
    assert told == [f"true {Path(sys.executable).parent}"]


def test_a_second_deployment_waits_and_says_so(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entered = threading.Event()

    def second() -> None:
        with cdk.alone():
            entered.set()

    with cdk.alone():
        waiting = threading.Thread(target=second)
        waiting.start()
        wait_for(lambda: "waiting for another deployment" in capsys.readouterr().err)
        assert not entered.is_set()
    waiting.join(10)
    assert entered.is_set()


def test_a_missing_program_says_how_to_get_it(build: Path) -> None:
    with cdk.alone(), pytest.raises(UserError, match="cdk is missing: run make setup"):
        cdk.run([build / "cdk"], "try")
