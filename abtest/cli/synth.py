"""`abtest synth`: the templates of a stage and of its delivery; and `abtest project publish`: the latter's in S3."""

import boto3
import typer

from abtest.cli import lambda_asset, stacks, toolkit
from abtest.cli.errors import UserError
from abtest.cli.lambda_asset import Platform
from abtest.cli.output import StageOption, print_line, say

PORTFOLIO = "abtest-portfolio"
KEY = "templates/abtest.yaml"  # JSON is YAML too

app = typer.Typer(help="The template of SageMaker projects.", no_args_is_help=True)


def synth(stage: StageOption = "dev") -> None:
    """Write the templates of the stage, of its delivery, of the portfolio and of the project; calls no AWS."""
    stacks.load_config(stage)
    with toolkit.alone():
        say("building the Lambda code")
        lambda_asset.build(Platform.MANYLINUX)
        say("synthesising the templates")
        toolkit.synthesise(stage)
        toolkit.synthesise_delivery(stage)
    print_line(f"{toolkit.BUILD / stage}\n{toolkit.BUILD / stage}-delivery")


@app.callback()
def project() -> None:
    """The template of SageMaker projects."""


@app.command()
def publish(stage: StageOption = "dev") -> None:
    """Put the project's template into the portfolio's bucket, where Studio shows it; print its address."""
    portfolio = stacks.described(PORTFOLIO)
    if portfolio is None:
        raise UserError(f"the stack {PORTFOLIO} is not deployed: see docs/delivery.md")
    with toolkit.alone():
        template = toolkit.synthesise_delivery(stage)
    bucket = stacks.outputs_of(portfolio)["TemplatesBucketName"]
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key=KEY, Body=template.read_bytes(), Tagging="sagemaker:studio-visibility=true")
    print_line(f"https://{bucket}.s3.{s3.meta.region_name}.amazonaws.com/{KEY}")
    say(f"tag the SageMaker domain, once: sagemaker:projectS3TemplatesLocation = s3://{bucket}/templates/")
