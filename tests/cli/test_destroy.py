import json

import pytest

from abtest.cli import destroy
from abtest.cli.destroy import refuse_if_protected
from abtest.cli.shown.output import UserError
from abtest.cli.stage import leftovers, stacks
from abtest.experiment.record.config import ExperimentConfig


def test_a_protected_stage_is_refused_before_anything_is_deleted() -> None:
    there = {
        "data": {"StackName": "reviews-prod-data", "EnableTerminationProtection": True},
        "api": {"StackName": "reviews-prod-api", "EnableTerminationProtection": False},
    }
    with pytest.raises(UserError, match=r"stage prod is protected: .* reviews-prod-data first"):
        refuse_if_protected("prod", there)


def test_nothing_to_destroy() -> None:
    with pytest.raises(UserError, match="stage demo is not deployed"):
        refuse_if_protected("demo", {})


def test_what_is_gone_and_what_is_kept_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "described", lambda name: {"StackName": name} if name.endswith("-data") else None)
    monkeypatch.setattr(stacks, "owned", lambda _: {"bucket": True})
    monkeypatch.setattr(destroy, "_delete", lambda *_: None)
    destroy.destroy("demo", yes=True, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "stage": "demo",
        "deleted": ["reviews-demo-data"],
        "kept": ["bucket"],
        "kept_endpoints": [],
    }


GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/reviews-champion"


@pytest.mark.parametrize(
    ("owned", "emptied"),
    [
        ({"bucket": False, GROUP: False}, ["bucket", "reviews-champion"]),
        ({"bucket": True, GROUP: True}, []),  # a kept stage
        ({"bucket": False}, ["bucket"]),  # the groups are the SageMaker project's, which other stages share
    ],
)
def test_only_what_goes_with_its_stack_is_emptied(
    owned: dict[str, bool], emptied: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(leftovers, "remove_endpoint", lambda _: [])
    monkeypatch.setattr(leftovers, "remove_pipeline", lambda _: [])

    def remove_packages(group: str) -> list[str]:
        done.append(group)
        return []

    def empty_bucket(bucket: str) -> int:
        done.append(bucket)
        return 0

    monkeypatch.setattr(leftovers, "remove_packages", remove_packages)
    monkeypatch.setattr(leftovers, "empty_bucket", empty_bucket)
    config = ExperimentConfig(project_name="reviews", stage_name="demo")
    stack = {"Outputs": [{"OutputKey": "BucketName", "OutputValue": "bucket"}]}
    for part in ("training", "data"):
        destroy._empty(part, config, stack, owned)
    assert sorted(done) == emptied
