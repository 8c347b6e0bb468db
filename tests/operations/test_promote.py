import dataclasses
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from abtest.adapters import registry
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.experiment import Experiment
from abtest.operations import promote as promotion
from abtest.operations.promote import Promotion, PromotionError, winner
from tests.adapters.samples import NOW, config, experiment, plan

GROUP = "reviews-champion"
METRICS = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://bucket/evaluation.json"}}}


def promote(
    experiment: Experiment, settings: ExperimentConfig, group_name: str, variant_name: str | None = None
) -> Promotion:
    return promotion.promote(experiment, winner(experiment, settings, variant_name), settings, group_name)


def registered(role: str) -> str:
    container = {"Image": "image:1", "ModelDataUrl": f"s3://bucket/{role}.tar.gz"}
    arn: str = boto3.client("sagemaker").create_model_package(
        ModelPackageGroupName=f"reviews-{role}",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        ModelMetrics=METRICS,
        CustomerMetadataProperties={"TestAccuracy": "0.75"},
    )["ModelPackageArn"]
    return arn


@pytest.fixture
def decided(aws: None) -> Experiment:
    """An experiment of registered packages that the challenger has won."""
    for role in ("champion", "challenger"):
        boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName=f"reviews-{role}")
    arns = {"Champion1": registered("champion"), "Challenger1": registered("challenger")}
    planned = plan()
    variants = tuple(dataclasses.replace(v, model_package_arn=arns[v.variant_name]) for v in planned.variants)
    of = dataclasses.replace(planned, variants=variants)
    return experiment(of, status="decided", leader="Challenger1", started_at=NOW)


def test_who_is_out_is_not_promoted_by_hand_either(decided: Experiment) -> None:
    out = dataclasses.replace(decided, status="running", leader=None, out={"Challenger1": "5XX rate above 0.05."})
    with pytest.raises(
        PromotionError, match=r"Challenger1 is out \(5XX rate above 0.05.\): abtest readmit Challenger1"
    ):
        promote(out, config(), GROUP, variant_name="Challenger1")
    assert versions() == [1]


def versions() -> list[int]:
    return [package.version for package in registry.packages(GROUP)]


def test_the_winner_becomes_a_champion_that_waits_for_approval(decided: Experiment) -> None:
    done = promote(decided, config(), GROUP)
    assert (done.variant_name, done.change, done.package.version) == ("Challenger1", "registered", 2)
    assert done.package.status == "PendingManualApproval"
    made, won = registry.describe(done.package.arn), registry.describe(decided.variants[1].model_package_arn)
    assert made["InferenceSpecification"] == won["InferenceSpecification"]
    assert made["ModelMetrics"] == METRICS
    assert made["CustomerMetadataProperties"] == {
        "TestAccuracy": "0.75",
        "PromotedFrom": decided.variants[1].model_package_arn,
        "PromotedIn": decided.experiment_id,
    }


def test_it_is_approved_in_the_name_that_the_configuration_gives(decided: Experiment) -> None:
    done = promote(decided, config(promotion_approver="Release board"), GROUP)
    assert done.package.status == "Approved"
    assert registry.describe(done.package.arn)["CustomerMetadataProperties"]["ApprovedBy"] == "Release board"


def test_promoting_again_changes_nothing(decided: Experiment) -> None:
    first = promote(decided, config(), GROUP)
    again = promote(decided, config(promotion_approver="Anna"), GROUP)
    assert (again.package.arn, again.change) == (first.package.arn, "none")
    assert versions() == [2, 1]
    boto3.client("sagemaker").update_model_package(
        ModelPackageArn=first.package.arn,
        ModelApprovalStatus="Rejected",
        # moto forgets the metadata that an update does not repeat; SageMaker and the sandbox keep it.
        CustomerMetadataProperties=registry.describe(first.package.arn)["CustomerMetadataProperties"],
    )
    assert promote(decided, config(), GROUP).package.status == "Rejected"


@pytest.mark.parametrize("status", ["running", "equivalent", "stopped"])
def test_nothing_decided_is_refused_unless_a_variant_is_named(decided: Experiment, status: str) -> None:
    undecided = dataclasses.replace(decided, status=status, leader=None)
    with pytest.raises(PromotionError, match=f"it is {status}.*--variant Champion1 or Challenger1"):
        promote(undecided, config(), GROUP)
    assert versions() == [1]
    assert promote(undecided, config(), GROUP, variant_name="Challenger1").change == "registered"


def test_a_winner_that_somebody_rejected_is_refused(decided: Experiment) -> None:
    boto3.client("sagemaker").update_model_package(
        ModelPackageArn=decided.variants[1].model_package_arn, ModelApprovalStatus="Rejected"
    )
    with pytest.raises(PromotionError, match="Challenger1 is rejected in the registry"):
        promote(decided, config(promotion_approver="Anna"), GROUP)
    assert versions() == [1]


def test_a_winner_that_somebody_deleted_is_refused(decided: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    describe = registry.client().describe_model_package

    def gone(**request: str) -> Any:
        if request["ModelPackageName"] != decided.variants[1].model_package_arn:
            return describe(**request)
        said = {"Code": "ValidationException", "Message": "ModelPackage x does not exist."}  # as SageMaker, unlike moto
        raise ClientError({"Error": said}, "DescribeModelPackage")

    monkeypatch.setattr(registry.client(), "describe_model_package", gone)
    with pytest.raises(PromotionError, match="Challenger1 is deleted from the registry: register and approve another"):
        promote(decided, config(), GROUP)


def test_a_variant_that_is_none_is_refused(decided: Experiment) -> None:
    with pytest.raises(PromotionError, match="Challenger9 is no variant of reviews-dev-v1-1"):
        promote(decided, config(), GROUP, variant_name="Challenger9")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"champion_variant_config": {"model_package_version": 1}}, "champion_variant_config"),
        (
            {"challenger_variant_config": [{}, {"model_package_version": 1}], "challenger_variant_count": 2},
            r"challenger_variant_config\[1\]",
        ),
    ],
)
def test_a_configuration_that_names_versions_is_refused(decided: Experiment, changes: Any, key: str) -> None:
    with pytest.raises(PromotionError, match=f"^{key}.model_package_version"):
        promote(decided, config(**changes), GROUP)
    assert versions() == [1]


def test_two_promotions_at_once_ask_with_one_token(decided: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    register = registry.register

    def seen(request: dict[str, Any]) -> str:
        asked.append(request)
        return register(request)

    monkeypatch.setattr(registry, "register", seen)
    monkeypatch.setattr(promotion, "already", lambda *_: None)
    for _ in range(2):
        promote(decided, config(), GROUP)
    assert asked[0]["ClientToken"] == asked[1]["ClientToken"]
