"""The delivery stacks: which nothing here deploys."""

from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from tests.infra.templates import Json, Templates, listed, text

pytestmark = pytest.mark.slow

STAGES = ["Source", "Test", "Synth", "Deploy", "Upsert"]


def only(template: Json, kind: str) -> Any:
    """The properties of the one resource of that type."""
    (found,) = [resource["Properties"] for resource in template["Resources"].values() if resource["Type"] == kind]
    return found


def kinds(template: Json) -> set[str]:
    return {resource["Type"] for resource in template["Resources"].values()}


def stages(template: Json) -> list[str]:
    return [stage["Name"] for stage in only(template, "AWS::CodePipeline::Pipeline")["Stages"]]


def test_a_kept_stage_is_deployed_after_somebody_agreed(delivery: Templates) -> None:
    assert stages(delivery["delivery"]) == [*STAGES[:3], "Approve", *STAGES[3:]]
    assert stages(delivery["abtest-project"]) == STAGES


def test_each_push_to_the_branch_is_delivered(delivery: Templates) -> None:
    source = only(delivery["abtest-project"], "AWS::CodePipeline::Pipeline")["Stages"][0]["Actions"][0]
    assert source["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert {key: text(value) for key, value in source["Configuration"].items()} == {
        "ConnectionArn": "{ConnectionArn}",
        "FullRepositoryId": "{RepositoryName}",
        "BranchName": "{BranchName}",
        "DetectChanges": "true",
        "OutputArtifactFormat": "CODE_ZIP",
    }


def test_each_build_runs_a_buildspec_of_its_name(delivery: Templates) -> None:
    for part in ("delivery", "abtest-project"):
        builds = [r for r in delivery[part]["Resources"].values() if r["Type"] == "AWS::CodeBuild::Project"]
        specs = {text(build["Properties"]["Name"]): build["Properties"]["Source"]["BuildSpec"] for build in builds}
        assert {f"buildspecs/{name.rsplit('-', 1)[1]}.yml" for name in specs} == set(specs.values())
        assert len(specs) == 4


def test_tests_and_synthesis_may_only_log_and_hand_on(delivery: Templates) -> None:
    rights: dict[str, set[str]] = {}
    for name, statement in delivery.statements():
        for build in ("DeliveryTest", "DeliverySynth"):
            if name.startswith(build):
                rights.setdefault(build, set()).update(action.split(":")[0] for action in listed(statement["Action"]))
    assert rights == {"DeliveryTest": {"logs", "s3"}, "DeliverySynth": {"logs", "s3"}}


def test_deployment_is_left_to_the_roles_of_the_bootstrap(delivery: Templates) -> None:
    assumed = [text(r) for _, s in delivery.statements() if s["Action"] == "sts:AssumeRole" for r in s["Resource"]]
    assert {role.split("/")[1].split("-{")[0] for role in assumed} == {
        f"cdk-hnb659fds-{role}-role" for role in ("deploy", "file-publishing", "lookup")
    }


def test_a_failure_raises_an_alarm(delivery: Templates) -> None:
    rule = only(delivery["abtest-project"], "AWS::Events::Rule")
    assert rule["EventPattern"]["detail"]["state"] == ["FAILED"]
    assert only(delivery["abtest-project"], "AWS::CloudWatch::Alarm")["Threshold"] == 0


def test_the_project_has_the_published_parameters(delivery: Templates) -> None:
    parameters = delivery["abtest-project"]["Parameters"]
    assert set(parameters) == {
        *("SageMakerProjectName", "SageMakerProjectId", "StageName"),
        *("ConnectionArn", "RepositoryName", "RepositoryUrl", "BranchName"),
    }
    assert parameters["SageMakerProjectName"]["MaxLength"] == 32
    assert parameters["StageName"]["Default"] == "dev"


def test_the_project_provisions_repository_pipeline_rules_and_groups(delivery: Templates) -> None:
    template = delivery["abtest-project"]
    assert kinds(template) >= {
        "AWS::SageMaker::CodeRepository",
        "AWS::CodePipeline::Pipeline",
        "AWS::Events::Rule",
        "AWS::SageMaker::ModelPackageGroup",
    }
    groups = {text(group["ModelPackageGroupName"]) for group in groups_of(template)}
    assert groups == {"{SageMakerProjectName}-champion", "{SageMakerProjectName}-challenger"}
    tags = {tag["Key"]: text(tag["Value"]) for tag in groups_of(template)[0]["Tags"]}
    assert tags["sagemaker:project-id"] == "{SageMakerProjectId}"


def groups_of(template: Json) -> list[Json]:
    kind = "AWS::SageMaker::ModelPackageGroup"
    return [resource["Properties"] for resource in template["Resources"].values() if resource["Type"] == kind]


def test_the_project_needs_nothing_of_the_cdk(delivery: Templates) -> None:
    template = delivery["abtest-project"]
    assert "Rules" not in template
    assert "BootstrapVersion" not in template["Parameters"]
    assert "cdk-hnb659fds-assets" not in str(template)


def test_both_providers_have_the_same_template(delivery: Templates) -> None:
    (product,) = [part for part in delivery.parts if part.endswith(".product")]
    assert delivery[product]["Resources"] == delivery["abtest-project"]["Resources"]


def test_the_product_is_shown_in_studio_and_launched_by_its_role(delivery: Templates) -> None:
    template = delivery["abtest-portfolio"]
    product = only(template, "AWS::ServiceCatalog::CloudFormationProduct")
    assert {"Key": "sagemaker:studio-visibility", "Value": "true"} in product["Tags"]
    constraint = only(template, "AWS::ServiceCatalog::LaunchRoleConstraint")
    assert text(constraint["RoleArn"]).startswith("{LaunchRole")
    association = only(template, "AWS::ServiceCatalog::PortfolioPrincipalAssociation")
    assert text(association["PrincipalARN"]) == "{StudioRoleArn}"


# What the handlers of CloudFormation's registry call to make, read and delete a resource that has no more properties
# than ours (`handlers` in the schemas of the types); AccessDenied on one of them fails the project.
HANDLERS = {
    "AWS::CloudWatch::Alarm": "cloudwatch: DescribeAlarms ListTagsForResource PutMetricAlarm TagResource DeleteAlarms",
    "AWS::CodePipeline::Pipeline": "codepipeline: CreatePipeline GetPipeline GetPipelineState ListTagsForResource "
    "TagResource DeletePipeline",
    "AWS::Events::Rule": "events: PutRule DescribeRule PutTargets ListTargetsByRule RemoveTargets DeleteRule",
    "AWS::IAM::Policy": "iam: PutRolePolicy GetRolePolicy DeleteRolePolicy",
    "AWS::IAM::Role": "iam: CreateRole GetRole ListAttachedRolePolicies ListRolePolicies TagRole DeleteRole",
    "AWS::Logs::LogGroup": "logs: DescribeLogGroups CreateLogGroup PutRetentionPolicy TagResource ListTagsForResource "
    "GetDataProtectionPolicy DeleteLogGroup",
    "AWS::S3::Bucket": "s3: CreateBucket ListBucket GetBucketAcl PutBucketTagging PutEncryptionConfiguration "
    "PutLifecycleConfiguration PutBucketPublicAccessBlock PutBucketOwnershipControls GetBucketOwnershipControls "
    "GetBucketCORS GetBucketVersioning GetReplicationConfiguration GetBucketMetadataTableConfiguration DeleteBucket",
    "AWS::S3::BucketPolicy": "s3: GetBucketPolicy PutBucketPolicy DeleteBucketPolicy",
    "AWS::SQS::Queue": "sqs: CreateQueue GetQueueUrl GetQueueAttributes ListQueueTags TagQueue DeleteQueue",
    "AWS::SQS::QueuePolicy": "sqs: SetQueueAttributes",
    "AWS::SageMaker::CodeRepository": "sagemaker: CreateCodeRepository DescribeCodeRepository ListTags AddTags",
    "AWS::SageMaker::ModelPackageGroup": "sagemaker: CreateModelPackageGroup DescribeModelPackageGroup ListTags "
    "AddTags GetModelPackageGroupPolicy DeleteModelPackageGroup DeleteModelPackageGroupPolicy",
    "AWS::CodeBuild::Project": "codebuild: CreateProject BatchGetProjects DeleteProject",  # not in the registry
}


def test_the_launch_role_may_do_what_cloudformation_does_for_each_resource_of_the_project(delivery: Templates) -> None:
    granted = {a for n, s in delivery.statements() if n.startswith("LaunchRole") for a in listed(s["Action"])}
    assert set(HANDLERS) == kinds(delivery["abtest-project"])
    for kind, called in HANDLERS.items():
        service, *verbs = called.split()
        assert {f"{service}{verb}" for verb in verbs} <= granted, kind
    for role in delivery["abtest-project"]["Resources"].values():
        if role["Type"] == "AWS::IAM::Role":
            assert role["Properties"]["Path"] == "/abtest/"


def test_a_project_that_could_not_be_made_leaves_no_name_taken(delivery: Templates, prod: Templates) -> None:
    """Retain keeps also what a failed stack had made, and the next try finds the name in use."""
    for template in (delivery["abtest-project"], prod["training"]):
        kept = [r["DeletionPolicy"] for r in template["Resources"].values() if r.get("UpdateReplacePolicy") == "Retain"]
        assert kept and set(kept) == {"RetainExceptOnCreate"}


def test_the_tests_are_not_told_the_names_of_the_project(delivery: Templates) -> None:
    """They would read the repository's configuration as the project's, and fail."""
    builds = delivery["abtest-project"]["Resources"].values()
    projects = [build["Properties"] for build in builds if build["Type"] == "AWS::CodeBuild::Project"]
    told = {
        project["Source"]["BuildSpec"]: {v["Name"] for v in project["Environment"].get("EnvironmentVariables", [])}
        for project in projects
    }
    assert told.pop("buildspecs/test.yml") == set()
    assert all({"STAGE", "SAGEMAKER_PROJECT_NAME", "SAGEMAKER_PROJECT_ID"} <= names for names in told.values())


def test_studios_role_can_be_given_what_the_s3_provider_needs(delivery: Templates) -> None:
    """Its stacks, SP-..., are made with the rights of the user, and the launch role is handed to CloudFormation."""
    template = delivery["abtest-portfolio"]
    statements = only(template, "AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]
    allowed = {action: statement for statement in statements for action in listed(statement["Action"])}
    for verb in ("CreateStack", "DeleteStack", "DescribeStacks", "TagResource", "UpdateStack"):
        assert text(allowed[f"cloudformation:{verb}"]["Resource"]).endswith(":stack/SP-*")
    assert allowed["iam:PassRole"]["Condition"]["StringEquals"] == {
        "iam:PassedToService": "cloudformation.amazonaws.com"
    }
    assert "StudioPolicyArn" in template["Outputs"]


def test_a_project_can_be_created_from_the_template_in_s3(delivery: Templates) -> None:
    """The request that a user makes, checked against botocore's own model of it."""
    given = {key: "x" for key in delivery["abtest-project"]["Parameters"] if not key.startswith("SageMakerProject")}
    provider = {
        "TemplateName": "abtest",
        "TemplateURL": "https://templates.s3.us-east-1.amazonaws.com/templates/abtest.yaml",
        "RoleARN": "arn:aws:iam::123456789012:role/launch",
        "Parameters": [{"Key": key, "Value": value} for key, value in given.items()],
    }
    request = {"ProjectName": "reviews", "TemplateProviders": [{"CfnTemplateProvider": provider}]}
    model = boto3.client("sagemaker", region_name="us-east-1").meta.service_model.operation_model("CreateProject")
    assert not ParamValidator().validate(request, model.input_shape).has_errors()
