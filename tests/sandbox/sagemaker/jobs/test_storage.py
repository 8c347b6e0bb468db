"""S3 keys to local paths, and archives that depend on their content alone."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from abtest.sandbox import clients
from abtest.sandbox.sagemaker.jobs import storage


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        client.create_bucket(Bucket="bucket")
        monkeypatch.setattr(clients, "client", lambda _: client)
        yield client


@pytest.mark.parametrize(
    ("prefix", "key", "expected"),
    [
        ("data/train.txt", "data/train.txt", "train.txt"),
        ("data/", "data/a/b.txt", "a/b.txt"),
        ("data", "data/a/b.txt", "a/b.txt"),
        ("data/tr", "data/train.txt", "train.txt"),
        ("data/tr", "data/train/x.txt", "train/x.txt"),
        ("", "a/b.txt", "a/b.txt"),
        ("da", "data/x", "data/x"),
    ],
)
def test_where_an_object_of_a_prefix_goes(prefix: str, key: str, expected: str) -> None:
    assert storage.relative_key(prefix, key) == expected


def test_a_prefix_goes_there_and_back(s3: Any, tmp_path: Path) -> None:
    for key in ("in/a.txt", "in/deep/b.txt", "in/folder/", "other/c.txt"):
        s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
    assert storage.download("s3://bucket/in", tmp_path) == 2
    assert (tmp_path / "deep/b.txt").read_text() == "in/deep/b.txt"
    assert storage.upload(tmp_path, "s3://bucket/out/") == ["s3://bucket/out/a.txt", "s3://bucket/out/deep/b.txt"]
    assert s3.get_object(Bucket="bucket", Key="out/a.txt")["Body"].read() == b"in/a.txt"


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://bucket/none", "NoSuchKey: no S3 objects found under"),
        ("s3://missing/x", "NoSuchBucket"),
        ("https://bucket/x", "is not an S3 URI"),
    ],
)
def test_nothing_to_download_is_an_error(s3: Any, tmp_path: Path, uri: str, message: str) -> None:
    with pytest.raises(storage.StorageError, match=message) as caught:
        storage.download(uri, tmp_path)
    assert str(caught.value).startswith("ClientError: ")


def test_a_key_cannot_leave_the_folder(s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket="bucket", Key="in/../../x.txt", Body=b"x")
    with pytest.raises(storage.StorageError, match="leads out of the job's folder"):
        storage.download("s3://bucket/in/", tmp_path / "input")


def test_an_archive_depends_on_names_and_bytes_only(tmp_path: Path) -> None:
    archives = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        for name in ["b.txt", "code/a.txt"][:: 1 if number == 1 else -1]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
            os.utime(folder / name, (number, number))
            (folder / name).chmod(0o600 if number == 1 else 0o644)
        archives.append(storage.pack(folder, tmp_path / f"{number}.tar.gz").read_bytes())
    assert archives[0] == archives[1]
    with tarfile.open(tmp_path / "1.tar.gz") as archive:
        assert archive.getnames() == ["b.txt", "code", "code/a.txt"]
        assert {member.mtime for member in archive.getmembers()} == {0}
