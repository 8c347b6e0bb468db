"""Jobs and pipelines read objects from S3 and write them; jobs pack and unpack archives."""

import gzip
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from abtest.sandbox import clients


class StorageError(Exception):
    """S3 refused, or there is nothing at the address; the text begins as AWS's FailureReason does."""


def split(uri: str) -> tuple[str, str]:
    """Splits `s3://bucket/some/key` into (`bucket`, `some/key`); raises StorageError for any other form."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise StorageError(f"ClientError: {uri} is not an S3 URI")
    return bucket, key


def relative_key(prefix: str, key: str) -> str:
    """Returns an object's place below the local folder of its prefix: the object itself, its folder, or a sibling."""
    if key == prefix:
        return key.rpartition("/")[2]
    if key.startswith(prefix.rstrip("/") + "/") or not prefix:
        return key[len(prefix) :].lstrip("/")
    return key[len(prefix.rpartition("/")[0]) :].lstrip("/")


def download(uri: str, folder: Path) -> int:
    """Copies every object whose key begins with the URI's into `folder`; returns how many. Raises StorageError."""
    bucket, prefix = split(uri)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        keys = [key for key in _keys(bucket, prefix) if not key.endswith("/")]
        for key in keys:
            _fetch(bucket, key, _below(folder, relative_key(prefix, key)))
    except ClientError as error:
        raise StorageError(f"ClientError: Data download failed: {error} ({uri})") from error
    if not keys:
        raise StorageError(
            f'ClientError: Data download failed: NoSuchKey: no S3 objects found under S3 URL "{uri}" given in input '
            "data source. Please ensure that the bucket exists, and that objects exist under that S3 prefix."
        )
    return len(keys)


def upload(folder: Path, uri: str) -> list[str]:
    """Copies every file below `folder` to below the URI; returns the URIs written. Raises StorageError."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [put(path, f"{uri.rstrip('/')}/{path.relative_to(folder).as_posix()}") for path in files]


def put(path: Path, uri: str) -> str:
    bucket, key = split(uri)
    try:
        with path.open("rb") as body:
            _s3().put_object(Bucket=bucket, Key=key, Body=body)
    except ClientError as error:
        raise StorageError(f"ClientError: Data upload to {uri} failed: {error}") from error
    return uri


def read_object(uri: str, version: str | None = None) -> bytes:
    """Returns the object at an s3:// URI. Raises StorageError, or botocore's errors."""
    bucket, key = split(uri)
    wanted = {"VersionId": version} if version else {}
    body: bytes = _s3().get_object(Bucket=bucket, Key=key, **wanted)["Body"].read()
    return body


def pack(folder: Path, archive: Path) -> Path:
    """Writes `folder`'s content as a .tar.gz that depends on names and bytes only: no times, owners, order."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", 1, raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anonymous)
    return archive


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member


def _s3() -> Any:
    return clients.client("s3")


def _keys(bucket: str, prefix: str) -> Iterator[str]:
    for page in _s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (item["Key"] for item in page.get("Contents", []))


def _below(folder: Path, relative: str) -> Path:
    path = folder / relative
    if not path.resolve().is_relative_to(folder.resolve()):
        raise StorageError(f"ClientError: the key {relative} leads out of the job's folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _fetch(bucket: str, key: str, path: Path) -> None:
    body = _s3().get_object(Bucket=bucket, Key=key)["Body"]
    with path.open("wb") as file:
        shutil.copyfileobj(body, file)
