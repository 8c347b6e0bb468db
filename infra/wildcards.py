"""Says why a policy has a wildcard: AWS knows no smaller resource, or the name is not ours to know.

cdk-nag reports each as IAM5 with the resource's text, which holds logical names and exports that change when
constructs move; so these are accepted by pattern, and a test refuses both a wildcard without a pattern and the reverse.
"""

import re
from collections.abc import Mapping

# Actions for which AWS knows no resource (service authorization reference).
NO_RESOURCE: Mapping[str, str] = {
    "cloudwatch:DescribeAlarms": "a list of alarms by prefix is checked against all of them",
    "cloudwatch:GetMetricStatistics": "metrics have no ARN",
    "cloudwatch:PutMetricData": "restricted to SageMaker's namespace by a condition",
    "ecr:GetAuthorizationToken": "a token for the registry; each pull names the repository",
    "sagemaker:ListEndpointConfigs": "a list has no resource",
    "sagemaker:ListEndpoints": "a list has no resource",
    "xray:PutTelemetryRecords": "added by the CDK for active tracing",
    "xray:PutTraceSegments": "added by the CDK for active tracing",
}

# What only the launch role of project templates may do to any resource.
LAUNCH_NO_RESOURCE: Mapping[str, str] = {
    "cloudformation:GetTemplateSummary": "reads a template before there is a stack",
    "cloudformation:ValidateTemplate": "reads a template before there is a stack",
    "s3:GetObject": "the Service Catalog's buckets; restricted to what it has tagged by a condition",
}

# What the build that deploys may do, beside.
DEPLOY_NO_RESOURCE: Mapping[str, str] = {"cloudformation:ListStacks": "a list has no resource"}

# What the build that upserts the pipeline may do, beside.
UPSERT_NO_RESOURCE: Mapping[str, str] = {"sagemaker:ListPipelines": "a list has no resource"}

# Wildcards in names of the stages' stacks, with what AWS or the run-time chooses in their place.
STAGE: Mapping[str, str] = {
    r".*/(captures|events|events-errors|checkpoints|evidence|quarantine|models|runs|reviews|code)/\*": "below a prefix",
    r".*:\*:repository/(blazingtext|sagemaker-scikit-learn|sagemaker-xgboost)": "AWS's accounts differ by region",
    r".*:log-group:/aws/sagemaker/\*": "logs that SageMaker names",
    r".*:(processing-job|transform-job|model)/pipelines-\*": "SageMaker names what a pipeline starts",
    r".*:(training-job|hyper-parameter-tuning-job)/\*": "SageMaker shortens the names of tuning jobs beyond a prefix",
    r".*:model-package/reviews-(champion|challenger)/\*": "the versions of a group",
    r".*:model/reviews-[a-z]+-\*": "the models of a stage end in a version and a digest",
    r".*:endpoint-config/sagemaker-reviews-[a-z]+-\?{12}": "the endpoint configs of a stage end in a digest",
    r".*:alarm:sagemaker-reviews-[a-z]+/\*": "the variants of the stage's endpoint",
    r".*:endpoint(-config)?/\*": "a config or a model that any endpoint of the account uses must stay",
    r".*:(endpoint-config|model)/\*": "what an adopted endpoint serves bears the names that its owner chose",
    r".*:endpoint/sagemaker-reviews-\*": "the API and rebalance serve the project's endpoints, adopted ones too",
}

# The same for delivery: the pipelines, and what provisions projects whose names nobody knows yet.
DELIVERY: Mapping[str, str] = {
    r".*Artifacts.*/\*": "CodePipeline names the artefacts in the bucket, which is its own",
    r".*:stack/.*-\*/\*": "the stacks of a stage, and the id that CloudFormation gives each",
    r".*:stack/CDKToolkit/\*": "the id that CloudFormation gives the stack",
    r".*:stack/S[CP]-\*": "the Service Catalog, and SageMaker for templates in S3, name their stacks so",
    r".*:role/abtest/\*": "CloudFormation names the roles; their path is fixed",
    r".*:(alarm:|project/|rule/|code-repository/|log-group:/aws/codebuild/)?sagemaker-\*": "begins with the project",
    r".*:s3:::sagemaker-\*-artifact-\*": "the artefacts of a project, by its id",
    r".*:model-package-group/\*-(champion|challenger)": "begins with the project",
    r".*:log-group:\*": "CloudFormation looks for a log group among all",
    r".*:(codeconnections|codestar-connections):.*:connection/\*": "the connection is the project's creator's choice",
}


def reason(finding: str, known: Mapping[str, str]) -> str | None:
    """Says why the resource in `finding` may have its wildcard; None if nobody has said so."""
    return next((why for pattern, why in known.items() if re.fullmatch(pattern, finding)), None)
