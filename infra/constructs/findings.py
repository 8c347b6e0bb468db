"""Findings of cdk-nag's AwsSolutions rules that stand, each with its reason."""

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def accept(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledges the rule, given by its number in AwsSolutions, on the construct and all below it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason))
