"""Accepts findings that stand, each with its reason: of cdk-nag's AwsSolutions rules, and of the CDK's own checks."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def accept(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledges the rule on the construct and all below it: its number in AwsSolutions, or `checker::number`."""
    full = rule if "::" in rule else f"AwsSolutions-{rule}"
    Validations.of(construct).acknowledge(Acknowledgment(id=full, reason=reason))
