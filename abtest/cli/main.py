"""The `abtest` command: registers the verbs and turns a user's mistake into one line and an exit code."""

import sys

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
from abtest.cli.aws import aws_errors
from abtest.cli.demo import command as demo
from abtest.cli.errors import UserError

INTERRUPTED = 130  # 128 + SIGINT: what typer makes of an interrupt

app = typer.Typer(
    name="abtest",
    help="Decide in production which model is better, and move traffic to it safely, on Amazon SageMaker.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.add_typer(sandbox.app, name="sandbox")
app.command()(synth.synth)
app.add_typer(synth.app, name="project")
app.command()(deploy.deploy)
app.command("deploy-models")(deploy_models.deploy_models)
app.command()(outputs.outputs)
app.command()(destroy.destroy)
app.add_typer(pipeline.app, name="pipeline")
app.add_typer(models.app, name="models")
app.command()(simulate.simulate)
app.command()(rebalance.rebalance)
app.command()(status.status)
app.command()(history.history)
app.command()(promote.promote)
app.command()(readmit.readmit)
app.command()(rollback.rollback)
app.command()(adopt.adopt)
app.command()(adopt.retire)
app.command()(report.report)
app.command()(plan.plan)
app.command()(replay.replay)
app.command("sample-size")(sample_size.sample_size)


@app.callback()
def abtest() -> None:
    """Exit codes: 0 done, 1 the work failed (one line says why), 2 wrong usage, 130 interrupted."""


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
