"""Makes the template of a SageMaker project: what Studio's *Create project* provisions."""

from aws_cdk import Aws, CfnOutput, CfnParameter, CliCredentialsStackSynthesizer, RemovalPolicy, Stack, Tags
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_servicecatalog as servicecatalog
from constructs import Construct

from infra.constructs.delivery_pipeline import DeliveryPipeline
from infra.stacks.delivery import source_parameters

ROLES = ("champion", "challenger")


class ProjectTemplate(Stack):
    """The template for the S3 template provider: no asset, and nothing of the CDK's bootstrap."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, synthesizer=CliCredentialsStackSynthesizer(), description=DESCRIPTION)
        provision(self)


class ProjectProduct(servicecatalog.ProductStack):
    """The template for the Service Catalog."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self.template_options.description = DESCRIPTION
        provision(self)


DESCRIPTION = "A/B tests of models: repository, model package groups, and the pipeline that delivers a stage"


def provision(stack: Stack) -> None:
    """Adds parameters and resources; SageMaker fills the project's name and id."""
    name = _parameter(
        stack, "SageMakerProjectName", "The project; begins all names.", 32, "^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$"
    )
    project_id = _parameter(stack, "SageMakerProjectId", "SageMaker's id of the project.", 16)
    stage = _parameter(stack, "StageName", "Of infra/config/{stage}.json.", 7, "^[a-z0-9]{1,7}$", "dev")
    url = CfnParameter(
        stack,
        "RepositoryUrl",
        description="The repository's address, to clone it in Studio.",
        allowed_pattern="^https://.+",
    )
    sagemaker.CfnCodeRepository(
        stack,
        "Repository",
        code_repository_name=f"sagemaker-{name}-{stage}",
        git_config=sagemaker.CfnCodeRepository.GitConfigProperty(repository_url=url.value_as_string),
    )
    for role in ROLES:
        group = sagemaker.CfnModelPackageGroup(
            stack,
            f"{role.capitalize()}Group",
            model_package_group_name=f"{name}-{role}",
            model_package_group_description=f"{role.capitalize()}s of {name}",
        )
        group.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
    DeliveryPipeline(
        stack,
        "Delivery",
        project_name=name,
        stage_name=stage,
        bucket_name=f"sagemaker-{project_id}-artifact-{stage}-{Aws.REGION}",
        source=source_parameters(stack),
        variables={"SAGEMAKER_PROJECT_NAME": name, "SAGEMAKER_PROJECT_ID": project_id},
    )
    CfnOutput(stack, "DeliveryPipelineName", value=f"sagemaker-{name}-{stage}")
    for key, value in project_tags(name, project_id).items():
        Tags.of(stack).add(key, value)
    Tags.of(stack).add("sagemaker:deployment-stage", stage)


def project_tags(name: str, project_id: str) -> dict[str, str]:
    """Returns the tags by which Studio shows a resource in its project."""
    return {"sagemaker:project-name": name, "sagemaker:project-id": project_id}


def _parameter(
    stack: Stack, key: str, description: str, longest: int, pattern: str | None = None, default: str | None = None
) -> str:
    return CfnParameter(
        stack,
        key,
        description=description,
        min_length=1,
        max_length=longest,
        allowed_pattern=pattern,
        default=default,
    ).value_as_string
