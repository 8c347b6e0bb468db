"""Runs the CDK's command line and our CDK app as subprocesses, with their logs in `build/cdk`."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

import boto3

from abtest import interrupts
from abtest.cli.shown.output import UserError, say
from abtest.cli.stage.stacks import ROOT, WHOLE, described

BUILD = ROOT / "build" / "cdk"
CDK = ROOT / "node_modules" / ".bin" / "cdk"
BOOTSTRAP_STACK = "CDKToolkit"
OPTIONS = ("--ci", "--no-notices", "--no-version-reporting")  # --ci: progress on standard output
QUIET = {
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DISABLE_VERSION_CHECK": "true",
    "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED": "true",
    "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "18,20,22",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20,22",
    "JSII_SILENCE_WARNING_KNOWN_BROKEN_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    "NO_COLOR": "1",
}

Tell = Callable[[str], None]


@contextmanager
def alone() -> Iterator[None]:
    """Waits until no other process deploys from this folder: they would share the Lambda code and the templates."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another deployment from this folder")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def needs_bootstrap() -> bool:
    """Says whether account and region lack what every CDK deployment uses. Raises UserError if AWS does not answer."""
    stack = described(BOOTSTRAP_STACK)
    return stack is None or stack["StackStatus"] not in WHOLE


def bootstrap() -> None:
    account = boto3.client("sts").get_caller_identity()["Account"]
    region = boto3.session.Session().region_name
    run([CDK, "bootstrap", f"aws://{account}/{region}", *OPTIONS], "bootstrap")


def synthesise(stage: str) -> None:
    """Writes the stage's templates and assets to its folder in BUILD; calls no AWS."""
    context = {"CDK_CONTEXT_JSON": json.dumps({"stage": stage}), "CDK_OUTDIR": str(BUILD / stage)}
    run([sys.executable, "-m", "infra.app"], f"{stage}-synth", folder=ROOT, variables=context)


def synthesise_delivery(stage: str) -> Path:
    """Writes the templates of the stage's delivery, the portfolio and the project; returns the project's."""
    folder = BUILD / f"{stage}-delivery"
    context = {"CDK_CONTEXT_JSON": json.dumps({"stage": stage}), "CDK_OUTDIR": str(folder)}
    run([sys.executable, "-m", "infra.delivery"], f"{stage}-delivery-synth", folder=ROOT, variables=context)
    return folder / "abtest-project.template.json"


def deploy(stage: str, tell: Tell) -> None:
    """Deploys what `synthesise` wrote, stacks side by side where one does not need the other."""
    command: list[str | Path] = [CDK, "deploy", "--app", BUILD / stage, "--all", "--require-approval", "never"]
    run([*command, "--method", "direct", "--concurrency", "4", *OPTIONS], f"{stage}-deploy", tell=tell)


def ignore(_: str) -> None:
    """Ignores a line of output: only the log wants it."""


def run(
    command: Sequence[str | Path],
    log_name: str,
    *,
    tell: Tell = ignore,
    folder: Path = BUILD,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Runs the command in `folder`; each line of its output goes to the log and to `tell`.

    Raises UserError with the line that says what is wrong. The folder is not the project's for cdk commands:
    with a cdk.json there each of them would run the app.
    """
    if shutil.which(command[0]) is None:
        raise UserError(f"{command[0]} is missing: run make setup")
    log = BUILD / f"{log_name}.log"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    lines: list[str] = []
    with (
        log.open("w") as file,
        _started(
            [str(part) for part in command], folder, os.environ | QUIET | {"PATH": path} | dict(variables)
        ) as process,
    ):
        for line in process.stdout or ():
            file.write(line)
            file.flush()
            lines.append(line.strip())
            tell(line.strip())
    if process.returncode:
        raise UserError(f"{complaint(lines)} (the whole log: {log.relative_to(ROOT)})")


@contextmanager
def _started(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Starts a command that ends with the block, even if an interrupt reached this process alone."""
    with ExitStack() as ending:
        with interrupts.deferred():
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            ending.enter_context(process)
            ending.push(lambda kind, *_: process.terminate() if kind else None)
        yield process


def complaint(lines: Sequence[str]) -> str:
    """Returns the line of a failed command's output that says why: the CDK marks it, other programs say it last."""
    said = [line for line in lines if line]
    marked = [line.lstrip("‣❌ ") for line in said if line.startswith(("‣", "❌")) and not line.endswith(":")]
    publishing = [line for line in said if ": fail: " in line]
    candidates = publishing[-1:] or marked[-1:] or said[-1:] or ["the command failed and said nothing"]
    return candidates[0].removeprefix("abtest: ")
