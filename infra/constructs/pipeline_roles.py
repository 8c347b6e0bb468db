"""Makes the role of the training pipeline and its jobs, the one that serves models, and what upserting needs."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.constructs.arns import allow, pass_role, sagemaker_arn
from infra.constructs.sagemaker_role import SageMakerRole

SERVING = ("blazingtext", "sagemaker-xgboost")  # the repositories of the images that serve
PREFIXES = ("reviews/*", "code/*", "runs/*", "models/*")


class ModelExecutionRole(SageMakerRole):
    """A model reads its artefact, and what it answers in shadow is captured.

    A batch transform reads its input and writes predictions beside it.
    """

    def __init__(self, scope: Construct, name: str, *, bucket: s3.IBucket) -> None:
        super().__init__(scope, name, images=SERVING)
        self.add_to_policy(
            allow(["s3:GetObject"], bucket.arn_for_objects("models/*"), bucket.arn_for_objects("runs/*"))
        )
        written = (bucket.arn_for_objects(prefix) for prefix in ("captures/*", "runs/*"))
        self.add_to_policy(allow(["s3:PutObject"], *written))
        self.add_to_policy(allow(["s3:ListBucket"], bucket.bucket_arn))


class PipelineRole(SageMakerRole):
    """Starts the pipeline's jobs, which run with it too, and registers models in the two groups."""

    def __init__(
        self, scope: Construct, name: str, *, bucket: s3.IBucket, group_names: tuple[str, ...], model_role: iam.IRole
    ) -> None:
        super().__init__(scope, name)
        self._objects(bucket)
        self._jobs()
        self._registry(group_names)
        self.add_to_policy(pass_role(self.role_arn, model_role.role_arn))

    def _objects(self, bucket: s3.IBucket) -> None:
        objects = [bucket.arn_for_objects(prefix) for prefix in PREFIXES]
        self.add_to_policy(allow(["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], *objects))
        self.add_to_policy(allow(["s3:GetBucketLocation", "s3:ListBucket"], bucket.bucket_arn))

    def _jobs(self) -> None:
        """Allows jobs and models named `pipelines-...`; a tuning job's name has no such prefix."""
        for kind, noun in (("ProcessingJob", "processing-job"), ("TransformJob", "transform-job")):
            self.add_to_policy(allow(self._verbs(kind), sagemaker_arn(self, noun, "pipelines-*")))
        for kind, noun in (("TrainingJob", "training-job"), ("HyperParameterTuningJob", "hyper-parameter-tuning-job")):
            self.add_to_policy(allow(self._verbs(kind), sagemaker_arn(self, noun, "*")))
        self.add_to_policy(
            allow(
                ["sagemaker:ListTrainingJobsForHyperParameterTuningJob"],
                sagemaker_arn(self, "hyper-parameter-tuning-job", "*"),
            )
        )
        models = ["sagemaker:AddTags", "sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:DescribeModel"]
        self.add_to_policy(allow(models, sagemaker_arn(self, "model", "pipelines-*")))

    def _verbs(self, kind: str) -> list[str]:
        return ["sagemaker:AddTags", *(f"sagemaker:{verb}{kind}" for verb in ("Create", "Describe", "Stop"))]

    def _registry(self, group_names: tuple[str, ...]) -> None:
        groups = [sagemaker_arn(self, "model-package-group", group) for group in group_names]
        packages = [sagemaker_arn(self, "model-package", f"{group}/*") for group in group_names]
        register = ["sagemaker:AddTags", "sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackageGroup"]
        self.add_to_policy(allow([*register, "sagemaker:DescribeModelPackage"], *groups, *packages))


class UpsertPolicy(iam.CfnRolePolicy):
    """Gives the build that runs `abtest pipeline upsert` its rights, once there is something to name in them."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        role_name: str,
        pipeline_name: str,
        pipeline_role: iam.IRole,
        bucket: s3.IBucket,
    ) -> None:
        pipeline = sagemaker_arn(scope, "pipeline", pipeline_name)
        statements = [
            allow(["s3:AbortMultipartUpload", "s3:PutObject"], bucket.arn_for_objects("code/*")),
            allow(["sagemaker:CreatePipeline", "sagemaker:UpdatePipeline"], pipeline),
            allow(["sagemaker:ListPipelines"], "*"),
            pass_role(pipeline_role.role_arn),
        ]
        super().__init__(
            scope,
            name,
            role_name=role_name,
            policy_name=f"upsert-{pipeline_name}",
            policy_document=iam.PolicyDocument(statements=statements),
        )
