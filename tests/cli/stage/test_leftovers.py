import boto3
import pytest

from abtest.adapters import alarms
from abtest.cli.stage import leftovers
from abtest.experiment.record.config import ExperimentConfig
from abtest.experiment.record.safety import CanaryConfig

pytestmark = pytest.mark.usefixtures("aws")

ROLE = "arn:aws:iam::123456789012:role/model"
CONFIG = ExperimentConfig(project_name="reviews", stage_name="demo")


def endpoint_config(name: str, model: str) -> None:
    sagemaker = boto3.client("sagemaker")
    image = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"}
    sagemaker.create_model(ModelName=model, ExecutionRoleArn=ROLE, PrimaryContainer=image)
    variant = {"VariantName": "Champion1", "ModelName": model, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def test_endpoint_configs_and_models_of_the_stage_go() -> None:
    sagemaker = boto3.client("sagemaker")
    endpoint_config("sagemaker-reviews-demo-0123456789ab", "reviews-demo-1-abc")
    endpoint_config("sagemaker-reviews-demo-two-0123456789ab", "reviews-demo-two-1-abc")
    assert leftovers.remove_endpoint(CONFIG) == ["sagemaker-reviews-demo-0123456789ab", "reviews-demo-1-abc"]
    left = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert [config["EndpointConfigName"] for config in left] == ["sagemaker-reviews-demo-two-0123456789ab"]
    assert [model["ModelName"] for model in sagemaker.list_models()["Models"]] == ["reviews-demo-two-1-abc"]


def test_what_an_adopted_endpoint_serves_stays_however_much_its_name_is_like_ours() -> None:
    endpoint_config("sagemaker-reviews-demo-churn", "churn-1")
    assert leftovers.remove_endpoint(CONFIG) == []
    assert len(boto3.client("sagemaker").list_models()["Models"]) == 1


def test_the_models_that_a_pipeline_evaluated_go_with_it() -> None:
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_pipeline(PipelineName="p", PipelineDefinition='{"Parameters": []}', RoleArn=ROLE)
    arn = sagemaker.start_pipeline_execution(PipelineName="p", PipelineParameters=[])["PipelineExecutionArn"]
    own = f"pipelines-{arn.rsplit('/', 1)[1]}-CreateChampion-0123"
    for name in (own, "pipelines-another-CreateChampion-0123"):
        image = {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"}
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=image)
    assert leftovers.remove_pipeline("p") == [own, "p"]
    assert [model["ModelName"] for model in sagemaker.list_models()["Models"]] == [
        "pipelines-another-CreateChampion-0123"
    ]


def test_where_nothing_was_made_nothing_goes() -> None:
    assert leftovers.remove_endpoint(CONFIG) == []
    assert leftovers.remove_pipeline("reviews-demo-pipeline") == []
    assert leftovers.remove_packages("reviews-champion") == []


@pytest.mark.parametrize("versioned", [False, True])
def test_every_version_of_every_object_goes(versioned: bool) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="data")
    if versioned:
        s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "b", "b"):
        s3.put_object(Bucket="data", Key=key, Body=b"x")
    s3.delete_object(Bucket="data", Key="a")
    assert leftovers.empty_bucket("data") == (4 if versioned else 1)
    s3.delete_bucket(Bucket="data")


def test_the_alarms_of_the_stages_variants_go() -> None:
    names = alarms.put(CONFIG.endpoint_name, "Challenger1", CanaryConfig())
    assert leftovers.remove_endpoint(CONFIG) == names
