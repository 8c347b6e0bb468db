"""CloudFormation: model package groups, and outputs with an API's address that can be reached.

MiniStack refuses a template with a type that it does not know. AWS serves an API at
`https://{api}.execute-api.{region}.amazonaws.com/{stage}/`; the sandbox serves it at a path of its own port.
"""

import re
from typing import Any

from ministack.services.cloudformation import handlers, provisioners

from abtest.sandbox.sagemaker import operations
from abtest.sandbox.sagemaker.errors import ServiceError
from abtest.sandbox.settings import Settings

GROUP = "AWS::SageMaker::ModelPackageGroup"
API_ADDRESS = re.compile(rb"https://([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?=[/<])")

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]


def install(settings: Settings) -> None:
    assert GROUP not in provisioners._RESOURCE_HANDLERS, f"MiniStack has {GROUP} now"
    provisioners._RESOURCE_HANDLERS[GROUP] = {"create": create_group, "update": update_group, "delete": delete_group}
    describe = handlers._ACTION_HANDLERS["DescribeStacks"]
    local = f"{settings.url}/_aws/execute-api/".encode()

    def describe_stacks(params: Any) -> Any:
        status, headers, body = describe(params)
        return status, headers, API_ADDRESS.sub(local + rb"\1", body)

    handlers._ACTION_HANDLERS["DescribeStacks"] = describe_stacks


def create_group(_: str, properties: Properties, __: str) -> Created:
    """Creates a group, whose Ref is its ARN, as on AWS; a group of that name makes the stack fail."""
    try:
        arn = operations.call("CreateModelPackageGroup", properties)["ModelPackageGroupArn"]
    except ServiceError as error:
        raise ValueError(error.message) from None
    return arn, {"ModelPackageGroupArn": arn, "ModelPackageGroupStatus": "Completed"}


def update_group(arn: str, old: Properties, new: Properties, stack: str) -> Created:
    """Replaces a group whose name or description changed: AWS makes a new one and deletes the old one."""
    fixed = ("ModelPackageGroupName", "ModelPackageGroupDescription")
    if any(old.get(key) != new.get(key) for key in fixed):
        created = create_group("", new, stack)
        delete_group(arn, old)
        return created
    removed = {tag["Key"] for tag in old.get("Tags", [])} - {tag["Key"] for tag in new.get("Tags", [])}
    if removed:
        operations.call("DeleteTags", {"ResourceArn": arn, "TagKeys": sorted(removed)})
    if new.get("Tags"):
        operations.call("AddTags", {"ResourceArn": arn, "Tags": new["Tags"]})
    return arn, {"ModelPackageGroupArn": arn, "ModelPackageGroupStatus": "Completed"}


def delete_group(arn: str, _: Properties) -> None:
    """Deletes a group, if it is there; one that holds packages makes the deletion fail."""
    try:
        operations.call("DeleteModelPackageGroup", {"ModelPackageGroupName": arn.rsplit("/", 1)[-1]})
    except ServiceError as error:
        if "does not exist" not in error.message:
            raise ValueError(error.message) from None
