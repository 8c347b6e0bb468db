"""cdk-nag's AwsSolutions rules on an app."""

import re

import aws_cdk as cdk


def findings(app: cdk.App) -> list[tuple[str, str]]:
    """What the rules find and the code does not acknowledge: rule, and the construct's path."""
    from cdk_nag import AwsSolutionsChecks  # loads another module into the CDK's process: only where it is used

    report = AwsSolutionsChecks(app).validate_scope(app)
    return [
        (violation.rule_name, str(resource.construct_path))
        for violation in report.violations
        for resource in violation.violating_resources
    ]


def wildcard(rule: str) -> str | None:
    """The resource of a finding of IAM5; None for any other."""
    match = re.fullmatch(r"AwsSolutions-IAM5\[Resource::(.*)\]", rule)
    return match and match[1]
