"""Names the ARNs of what the stacks do not create, and the statements and principals of roles."""

from collections.abc import Sequence

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct


def sagemaker_arn(scope: Construct, kind: str, name: str) -> str:
    """Returns `arn:aws:sagemaker:region:account:kind/name`, in this account and region."""
    return Stack.of(scope).format_arn(service="sagemaker", resource=kind, resource_name=name)


def allow(actions: Sequence[str], *resources: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(actions), resources=list(resources))


def pass_role(*role_arns: str, service: str | list[str] = "sagemaker.amazonaws.com") -> iam.PolicyStatement:
    """Lets the roles be given to the service, or each of several, and to nothing else."""
    return iam.PolicyStatement(
        actions=["iam:PassRole"],
        resources=list(role_arns),
        conditions={"StringEquals": {"iam:PassedToService": service}},
    )


def service_here(name: str) -> iam.ServicePrincipal:
    """Returns the AWS service as a principal, on behalf of this account alone."""
    return iam.ServicePrincipal(name, conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}})
