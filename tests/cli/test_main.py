"""What ends a command: one line on standard error, and an exit code."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from abtest.cli import main
from abtest.cli.shown.output import UserError


def ended(monkeypatch: pytest.MonkeyPatch, command: Callable[[], None]) -> int:
    monkeypatch.setattr(main, "app", command)
    with pytest.raises(SystemExit) as end:
        main.main()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("there is no stage x"), "abtest: there is no stage x\n"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeStacks"),
            "abtest: An error occurred (AccessDenied) when calling the DescribeStacks operation: no\n",
        ),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
            'abtest: Could not connect to the endpoint URL: "http://127.0.0.1:9". '
            "Start the sandbox (abtest sandbox up), or check your connection to AWS.\n",
        ),
        *(
            (
                error,
                f'abtest: {said}. For the sandbox: eval "$(abtest sandbox env)". '
                "For an account: set AWS credentials and region.\n",
            )
            for error, said in [
                (NoRegionError(), "You must specify a region"),
                (NoCredentialsError(), "Unable to locate credentials"),
            ]
        ),
    ],
)
def test_what_a_user_can_put_right_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, line: str
) -> None:
    def command() -> None:
        raise error

    assert ended(monkeypatch, command) == 1
    assert capsys.readouterr().err == line


def test_an_interrupt_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        raise SystemExit(main.INTERRUPTED)

    assert ended(monkeypatch, command) == 130
    assert capsys.readouterr().err == "abtest: interrupted\n"


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> None:
        raise KeyError("ours")

    monkeypatch.setattr(main, "app", command)
    with pytest.raises(KeyError):
        main.main()
