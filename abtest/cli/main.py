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
STAGE, MODELS, EXPERIMENT, PLANNING = "A stage", "Models", "The experiment", "Planning"

app.command(rich_help_panel=STAGE)(demo.demo)
app.add_typer(sandbox.app, name="sandbox", rich_help_panel=STAGE)
app.command(rich_help_panel=STAGE)(deploy.deploy)
app.command(rich_help_panel=STAGE)(outputs.outputs)
app.command(rich_help_panel=STAGE)(destroy.destroy)
app.command(rich_help_panel=STAGE)(synth.synth)
app.add_typer(synth.app, name="project", rich_help_panel=STAGE)
app.add_typer(pipeline.app, name="pipeline", rich_help_panel=MODELS)
app.add_typer(models.app, name="models", rich_help_panel=MODELS)
app.command("deploy-models", rich_help_panel=MODELS)(deploy_models.deploy_models)
app.command(rich_help_panel=EXPERIMENT)(simulate.simulate)
app.command(rich_help_panel=EXPERIMENT)(rebalance.rebalance)
app.command(rich_help_panel=EXPERIMENT)(status.status)
app.command(rich_help_panel=EXPERIMENT)(history.history)
app.command(rich_help_panel=EXPERIMENT)(report.report)
app.command(rich_help_panel=EXPERIMENT)(promote.promote)
app.command(rich_help_panel=EXPERIMENT)(rollback.rollback)
app.command(rich_help_panel=EXPERIMENT)(readmit.readmit)
app.command(rich_help_panel=EXPERIMENT)(adopt.adopt)
app.command(rich_help_panel=EXPERIMENT)(adopt.retire)
app.command("sample-size", rich_help_panel=PLANNING)(sample_size.sample_size)
app.command(rich_help_panel=PLANNING)(plan.plan)
app.command(rich_help_panel=PLANNING)(replay.replay)


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
