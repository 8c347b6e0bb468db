"""`abtest sandbox`: the local AWS, up, status and down."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from abtest.cli.errors import UserError
from abtest.cli.output import JsonOption, print_json, print_line, say
from abtest.sandbox import lifecycle

app = typer.Typer(help="The local AWS on one port of this machine, for development.", no_args_is_help=True)

PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on 127.0.0.1.")]
DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of its state; default: build/sandbox, apart by port.")
]
DetachOption = Annotated[bool, typer.Option("--detach", help="Start in the background and return when it answers.")]
UpdateOption = Annotated[
    float | None, typer.Option("--endpoint-update-seconds", min=0, help="How long an endpoint is Updating.")
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
    folder = data_dir or lifecycle.default_data_dir(port)
    options = ["--verify-identities"] if verify_identities else []
    if endpoint_update_seconds is not None:
        options += ["--endpoint-update-seconds", str(endpoint_update_seconds)]
    if detach:
        say(f"starting a sandbox on port {port}")
        try:
            running = lifecycle.start(port, folder, options)
        except lifecycle.SandboxError as error:
            raise UserError(str(error)) from error
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
        raise UserError(f"no sandbox answers on port {port}: start one with `abtest sandbox up --port {port}`")
    print_line(f"running on {found.url}, process {found.pid}, data in {found.data_dir}")


@app.command()
def down(port: PortOption = lifecycle.DEFAULT_PORT, as_json: JsonOption = False) -> None:
    """Stop the sandbox on the port, after it has saved everything."""
    try:
        stopped = lifecycle.stop(port)
    except lifecycle.SandboxError as error:
        raise UserError(str(error)) from error
    if as_json:
        print_json({"running": False, "port": port, "data_dir": stopped.data_dir})
    else:
        print_line(f"stopped; its data stays in {stopped.data_dir}")


def _print_environment(port: int, as_json: bool) -> None:
    variables = lifecycle.environment(port)
    if as_json:
        print_json(variables)
        return
    for name, value in variables.items():
        print_line(f"export {name}={value}")
