"""`abtest sandbox`: the local AWS, up, status, env and down."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from abtest.cli.shown.output import JsonOption, UserError, print_json, print_line, refusals, say, writing
from abtest.cli.shown.waiting import meanwhile
from abtest.sandbox import lifecycle

app = typer.Typer(help="The local AWS on one port of this machine, for development.", no_args_is_help=True)

PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1.")]
DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the sandbox's state; default: one for each port, under build/."),
]
DetachOption = Annotated[bool, typer.Option("--detach", help="Start in the background and return when it answers.")]
UpdateOption = Annotated[
    float | None,
    typer.Option("--endpoint-update-seconds", min=0, help="Seconds that an endpoint is Updating; default: 1."),
]
VerifyOption = Annotated[
    bool, typer.Option("--verify-identities", help="Refuse what signatures and IAM policies do not allow.")
]


@app.command()
def up(
    port: PortOption = lifecycle.DEFAULT_PORT,
    data_dir: DataDirOption = None,
    detach: DetachOption = False,
    endpoint_update_seconds: UpdateOption = None,
    verify_identities: VerifyOption = False,
    as_json: JsonOption = False,
) -> None:
    """Start a sandbox and print what to export to use it: eval "$(abtest sandbox up --detach)"."""
    if found := lifecycle.find(port):
        raise UserError(
            f"port {port} is in use by the sandbox with its data in {found.data_dir}: "
            f'eval "$(abtest sandbox env --port {port})" uses it; else choose another --port'
        )
    folder = data_dir or lifecycle.default_data_dir(port)
    options = ["--verify-identities"] if verify_identities else []
    if endpoint_update_seconds is not None:
        options += ["--endpoint-update-seconds", str(endpoint_update_seconds)]
    with writing("--data-dir"):
        folder.mkdir(parents=True, exist_ok=True)
    if detach:
        say(f"starting a sandbox on port {port}")
        with refusals(lifecycle.SandboxError), meanwhile("the sandbox starts"):
            running = lifecycle.start(port, folder, options)
        say(f"the sandbox serves AWS on {running.url}, process {running.pid}, data in {running.data_dir}")
    _print_environment(port, as_json)
    if not detach:
        sys.stdout.flush()
        command = lifecycle.command(port, folder, options)
        os.execv(command[0], command)  # noqa: S606 - this process becomes the sandbox, so that signals reach it


@app.command()
def status(port: PortOption = lifecycle.DEFAULT_PORT, as_json: JsonOption = False) -> None:
    """Say whether a sandbox answers on the port; exit code 1 if none does."""
    found = lifecycle.find(port)
    if as_json:
        print_json({"running": found is not None, **(vars(found) | {"url": found.url} if found else {"port": port})})
        raise typer.Exit(0 if found else 1)
    if found is None:
        raise UserError(absent(port))
    print_line(f"running on {found.url}, process {found.pid}, data in {found.data_dir}")


@app.command()
def env(port: PortOption = lifecycle.DEFAULT_PORT, as_json: JsonOption = False) -> None:
    """Print what to export to use the sandbox on the port, as `up` does: eval "$(abtest sandbox env)"."""
    if lifecycle.find(port) is None:
        raise UserError(absent(port))
    _print_environment(port, as_json)


@app.command()
def down(port: PortOption = lifecycle.DEFAULT_PORT, as_json: JsonOption = False) -> None:
    """Stop the sandbox on the port, after it has saved everything."""
    with refusals(lifecycle.SandboxError), meanwhile("the sandbox saves its state and ends"):
        stopped = lifecycle.stop(port)
    if as_json:
        print_json({"running": False, "port": port, "data_dir": stopped.data_dir})
    else:
        print_line(f"stopped; its data stays in {stopped.data_dir}")


def absent(port: int) -> str:
    return f"no sandbox answers on port {port}: start one with `abtest sandbox up --port {port}`"


def _print_environment(port: int, as_json: bool) -> None:
    variables = lifecycle.environment(port)
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        print_line(f"export {name}={value}")
