import json
from pathlib import Path

import boto3
import pytest

from abtest.cli import synth
from abtest.cli.shown.output import UserError
from abtest.cli.stage import cdk, lambda_asset, stacks

pytestmark = pytest.mark.usefixtures("aws")


def test_without_the_portfolio_there_is_no_place_for_the_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "described", lambda _: None)
    with pytest.raises(UserError, match="abtest-portfolio is not deployed"):
        synth.publish("dev")


def test_the_published_template_is_tagged_for_studio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="templates")
    output = {"OutputKey": "TemplatesBucketName", "OutputValue": "templates"}
    monkeypatch.setattr(stacks, "described", lambda _: {"Outputs": [output]})
    (tmp_path / "project.json").write_text("{}")
    monkeypatch.setattr(cdk, "BUILD", tmp_path)
    monkeypatch.setattr(cdk, "synthesise_delivery", lambda _: tmp_path / "project.json")
    synth.publish("dev")
    tags = s3.get_object_tagging(Bucket="templates", Key=synth.KEY)["TagSet"]
    assert tags == [{"Key": "sagemaker:studio-visibility", "Value": "true"}]
    address = "https://templates.s3.us-east-1.amazonaws.com/templates/abtest.yaml"
    assert capsys.readouterr().out == f"{address}\n"
    synth.publish("dev", as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "template_url": address,
        "domain_tag": {"sagemaker:projectS3TemplatesLocation": "s3://templates/templates/"},
    }


def test_the_folders_of_the_templates_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cdk, "BUILD", tmp_path)
    monkeypatch.setattr(lambda_asset, "build", lambda _: None)
    for name in ("synthesise", "synthesise_delivery"):
        monkeypatch.setattr(cdk, name, lambda _: None)
    synth.synth("dev", as_json=True)
    folders = {"stage_folder": str(tmp_path / "dev"), "delivery_folder": str(tmp_path / "dev-delivery")}
    assert json.loads(capsys.readouterr().out) == folders
