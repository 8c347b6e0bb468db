import sys
import threading
from pathlib import Path

import pytest

from abtest.cli.shown.errors import UserError
from abtest.cli.stage import cdk as toolkit
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
    assert toolkit.complaint(lines) == reason


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(toolkit, "ROOT", tmp_path)
    monkeypatch.setattr(toolkit, "BUILD", tmp_path / "cdk")
    return tmp_path / "cdk"


def python(program: str) -> list[str | Path]:
    return [sys.executable, "-c", program]


def test_output_goes_to_the_log_and_is_told_line_by_line(build: Path) -> None:
    told: list[str] = []
    build.mkdir()
    toolkit.run(python("print('one'); print(' two ')"), "try", tell=told.append, folder=build)
    assert told == ["one", "two"]
    assert (build / "try.log").read_text() == "one\n two \n"


def test_a_failure_names_its_reason_and_its_log(build: Path) -> None:
    with toolkit.alone(), pytest.raises(UserError, match=r"^no luck \(the whole log: cdk/try.log\)$"):
        toolkit.run(python("raise SystemExit('no luck')"), "try", folder=build)


def test_commands_neither_warn_nor_report(build: Path) -> None:
    build.mkdir()
    program = "import os; print(os.environ['CDK_DISABLE_CLI_TELEMETRY'], os.environ['PATH'].split(os.pathsep)[0])"
    told: list[str] = []
    toolkit.run(python(program), "try", tell=told.append, folder=build)
    assert told == [f"true {Path(sys.executable).parent}"]


def test_a_second_deployment_waits_and_says_so(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entered = threading.Event()

    def second() -> None:
        with toolkit.alone():
            entered.set()

    with toolkit.alone():
        waiting = threading.Thread(target=second)
        waiting.start()
        wait_for(lambda: "waiting for another deployment" in capsys.readouterr().err)
        assert not entered.is_set()
    waiting.join(10)
    assert entered.is_set()


def test_a_missing_program_says_how_to_get_it(build: Path) -> None:
    with toolkit.alone(), pytest.raises(UserError, match="cdk is missing: run make setup"):
        toolkit.run([build / "cdk"], "try")
