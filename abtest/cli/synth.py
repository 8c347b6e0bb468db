"""`abtest synth` writes a stage's templates, and `abtest project publish` puts the project template into S3."""

import boto3
import typer

from abtest.cli.shown.output import JsonOption, StageOption, UserError, print_json, print_line, say
from abtest.cli.shown.waiting import meanwhile
from abtest.cli.stage import cdk, lambda_asset, stacks
from abtest.cli.stage.lambda_asset import Platform

PORTFOLIO = "abtest-portfolio"
DOMAIN_TAG = "sagemaker:projectS3TemplatesLocation"
KEY = "templates/abtest.yaml"  # JSON is YAML too

app = typer.Typer(help="The template of SageMaker projects.", no_args_is_help=True)


def synth(stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """Write the templates of the stage, its delivery, the portfolio and the project. Calls no AWS."""
    stacks.load_config(stage)
    with cdk.alone():
        say("building the Lambda code")
        with meanwhile("building"):
            lambda_asset.build(Platform.MANYLINUX)
        say("synthesising the templates")
        with meanwhile("synthesising"):
            cdk.synthesise(stage)
            cdk.synthesise_delivery(stage)
    folders = {"stage_folder": str(cdk.BUILD / stage), "delivery_folder": f"{cdk.BUILD / stage}-delivery"}
    print_json(folders) if as_json else print_line("\n".join(folders.values()))


@app.callback()
def project() -> None:
    """Publish the template of SageMaker projects."""


@app.command()
def publish(stage: StageOption = "dev", as_json: JsonOption = False) -> None:
    """Publish the project template in the portfolio's bucket, where Studio shows it, and print its address."""
    stacks.load_config(stage)
    portfolio = stacks.described(PORTFOLIO)
    if portfolio is None:
        raise UserError(f"the stack {PORTFOLIO} is not deployed: see docs/delivery.md")
    with cdk.alone():
        template = cdk.synthesise_delivery(stage)
    bucket = stacks.outputs_of(portfolio)["TemplatesBucketName"]
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket, Key=KEY, Body=template.read_bytes(), Tagging="sagemaker:studio-visibility=true")
    address, tag = f"https://{bucket}.s3.{s3.meta.region_name}.amazonaws.com/{KEY}", f"s3://{bucket}/templates/"
    if as_json:
        print_json({"template_url": address, "domain_tag": {DOMAIN_TAG: tag}})
        return
    print_line(address)
    say(f"tag the SageMaker domain, once: {DOMAIN_TAG} = {tag}")
