"""CloudFormation deletes a bucket as DeleteBucket does, and empties it where the CDK says so."""

from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import provisioners

EMPTIED = "Custom::S3AutoDeleteObjects"

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]


def install() -> None:
    assert EMPTIED not in provisioners._RESOURCE_HANDLERS, f"MiniStack has {EMPTIED} now"
    assert callable(s3._delete_bucket)
    provisioners._RESOURCE_HANDLERS[EMPTIED] = {"create": create_emptied, "update": keep, "delete": empty}
    provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["delete"] = delete


def create_emptied(logical_id: str, _: Properties, stack: str) -> Created:
    """Stands in for the CDK's function behind this type, which is JavaScript and needs an SDK that Node lacks."""
    return f"{stack}-{logical_id}", {}


def keep(physical_id: str, _: Properties, __: Properties, ___: str) -> Created:
    return physical_id, {}


def empty(_: str, properties: Properties) -> None:
    name = properties.get("BucketName")
    bucket = s3._buckets.get(name)
    if bucket is not None:
        bucket["objects"].clear()
        for key in [key for key in s3._object_versions if key[0] == name]:
            del s3._object_versions[key]


def delete(name: str, _: Properties) -> None:
    """Deletes a bucket. AWS: refused while it holds objects. MiniStack: it goes, and its files bring it back later."""
    status, _headers, body = s3._delete_bucket(name)
    if status == 409:
        raise ValueError(body.decode())
