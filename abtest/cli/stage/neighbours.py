"""Refuses projects with nested names: the roles of `reviews` reach `sagemaker-reviews-*`, so `reviews-x` too."""

from collections.abc import Iterable

from abtest.cli.shown.output import UserError
from abtest.cli.stage.stacks import PARTS, client

GONE = "DELETE_COMPLETE"


def refuse_nested(project_name: str) -> None:
    """Raises UserError if a deployed project would reach this one's endpoints, or this one that project's."""
    for other in sorted(projects(_stacks())):
        shorter, longer = sorted((f"{project_name}-", f"{other}-"), key=len)
        if other != project_name and longer.startswith(shorter):
            raise UserError(
                f"project_name: the project {other} is deployed in this account and region, and {project_name} would "
                f"share its endpoints: the names of both begin with sagemaker-{shorter}. Choose a project_name that "
                "does not begin so, or another account or region"
            )


def _stacks() -> Iterable[str]:
    pages = client().get_paginator("list_stacks").paginate()
    found = (stack for page in pages for stack in page["StackSummaries"])
    return (stack["StackName"] for stack in found if stack["StackStatus"] != GONE)


def projects(stack_names: Iterable[str]) -> set[str]:
    """Returns the projects with a stage whose stacks `{project}-{stage}-{part}` are all there.

    Stages have no hyphen.
    """
    names = set(stack_names)
    stages = {name.removesuffix(f"-{PARTS[0]}") for name in names if name.endswith(f"-{PARTS[0]}")}
    return {stage.rpartition("-")[0] for stage in stages if all(f"{stage}-{part}" in names for part in PARTS)}
