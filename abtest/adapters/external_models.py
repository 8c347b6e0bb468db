"""Models that were trained elsewhere: their artefact into the stage's bucket, a package into the registry."""

import dataclasses
import functools
import hashlib
import re
import tarfile
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from abtest.adapters import registry
from abtest.experiment.record.selection import PENDING

PREFIX = "models/brought"  # below what the stage's model role may read
SCHEME = "s3://"
NOT_IN_METADATA = re.compile(r"[^\w.:/=+@ -]")
MISSING = ("404", "403", "NoSuchKey", "NoSuchBucket", "AccessDenied")


class ArtefactError(Exception):
    """An artefact cannot be used; the message names it and says why."""


@dataclasses.dataclass(frozen=True)
class ExternalModel:
    """`artefact` is a model.tar.gz, a path or an s3:// URI; `image` the URI of the container that serves it."""

    artefact: str
    image: str
    content_type: str

    @property
    def is_local(self) -> bool:
        return not self.artefact.startswith(SCHEME)


@functools.cache
def client() -> Any:
    return boto3.client("s3")


def digest(model: ExternalModel) -> str:
    """What tells an artefact from others, in hex: of its content, in S3 by its ETag. Raises ArtefactError."""
    return _local_digest(Path(model.artefact)) if model.is_local else _remote_digest(model.artefact)


def _local_digest(path: Path) -> str:
    try:
        if not tarfile.is_tarfile(path):
            raise ArtefactError(f"{path} is no tar archive: an artefact is a model.tar.gz")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read: {error.strerror}") from error


def _remote_digest(uri: str) -> str:
    bucket, key = _split(uri)
    if not bucket or not key or key.endswith("/"):
        raise ArtefactError(f"{uri} names no object: say s3://BUCKET/KEY")
    try:
        found = client().head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            raise ArtefactError(f"{uri} does not exist, or you may not read it") from error
        raise
    if not found["ContentLength"]:
        raise ArtefactError(f"{uri} is empty")
    return hashlib.sha256(found["ETag"].encode()).hexdigest()[:16]


def store(model: ExternalModel, bucket: str) -> str:
    """Copies the artefact into the bucket, which the stage's model role can read; returns its URI there."""
    key = f"{PREFIX}/{digest(model)}/model.tar.gz"
    if model.is_local:
        client().upload_file(model.artefact, bucket, key)
    else:
        source_bucket, source_key = _split(model.artefact)
        client().copy({"Bucket": source_bucket, "Key": source_key}, bucket, key)
    return f"{SCHEME}{bucket}/{key}"


def register(model: ExternalModel, uri: str, group_name: str) -> str:
    """Registers the artefact at `uri`, pending approval; returns the package's ARN."""
    formats = {
        "SupportedContentTypes": [model.content_type],
        "SupportedResponseMIMETypes": [model.content_type],
    }
    return registry.register(
        {
            "ModelPackageGroupName": group_name,
            "ModelPackageDescription": "A model that was trained elsewhere, registered by abtest deploy-models",
            "InferenceSpecification": {"Containers": [{"Image": model.image, "ModelDataUrl": uri}], **formats},
            "ModelApprovalStatus": PENDING,
            "CustomerMetadataProperties": {"BroughtFrom": NOT_IN_METADATA.sub("_", model.artefact)[-256:]},
        }
    )


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    return bucket, key
