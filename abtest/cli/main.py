"""The `abtest` command: registers the verbs and turns a user's mistake into one line and an exit code."""

import sys
from collections.abc import Callable

import typer

from abtest.cli import (
    adopt,
    deploy,
    deploy_models,
    destroy,
    history,
    models,
    outputs,
    pipeline,
    plan,
    promote,
    readmit,
    rebalance,
    replay,
    report,
    rollback,
    sample_size,
    sandbox,
    simulate,
    status,
    synth,
)
from abtest.cli.demo import command as demo
from abtest.cli.shown.aws import aws_errors
from abtest.cli.shown.output import UserError

INTERRUPTED = 130  # 128 + SIGINT: what typer makes of an interrupt

app = typer.Typer(
    name="abtest",
    help="Decide in production which model is better, and move traffic to it safely, on Amazon SageMaker.",
    epilog="Exit codes: 0 done, 1 the work failed (one line says why), 2 wrong usage, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# By the panel of --help in which they stand.
GROUPS = {
    "A stage": {"sandbox": sandbox.app, "project": synth.app},
    "Models": {"pipeline": pipeline.app, "models": models.app},
}
VERBS: dict[str, tuple[Callable[..., None], ...]] = {
    "A stage": (demo.demo, deploy.deploy, outputs.outputs, destroy.destroy, synth.synth),
    "Models": (deploy_models.deploy_models,),
    "The experiment": (
        *(simulate.simulate, rebalance.rebalance, status.status, history.history, report.report, promote.promote),
        *(rollback.rollback, readmit.readmit, adopt.adopt, adopt.retire),
    ),
    "Planning": (sample_size.sample_size, plan.plan, replay.replay),
}
for panel, groups in GROUPS.items():
    for name, group in groups.items():
        app.add_typer(group, name=name, rich_help_panel=panel)
for panel, verbs in VERBS.items():
    for verb in verbs:
        app.command(rich_help_panel=panel)(verb)


@app.callback()
def abtest() -> None:
    """Stands for all commands; typer shows the text of `help` in its place."""


def main() -> None:
    try:
        with aws_errors():
            app()
    except UserError as error:
        typer.echo(f"abtest: {error}", err=True)
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            typer.echo("abtest: interrupted", err=True)
        raise
