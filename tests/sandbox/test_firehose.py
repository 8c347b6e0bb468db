"""Accepted records arrive once, in order, compressed, under the hour's prefix, also after a kill."""

import gzip
import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from abtest.sandbox.patches.firehose import Buffer
from tests.conftest import Sandbox, wait_for

Factory = Callable[..., Sandbox]

pytestmark = pytest.mark.slow


def create(sandbox: Sandbox, name: str, seconds: int = 60, megabytes: int = 1, bucket: bool = True) -> None:
    if bucket:
        sandbox.client("s3").create_bucket(Bucket=name)
    sandbox.client("firehose").create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::{name}",
            "RoleARN": "arn:aws:iam::000000000000:role/firehose",
            "Prefix": "events/!{timestamp:yyyy/MM/dd/HH/}",
            "ErrorOutputPrefix": "events-errors/!{firehose:error-output-type}/",
            "CompressionFormat": "GZIP",
            "BufferingHints": {"IntervalInSeconds": seconds, "SizeInMBs": megabytes},
        },
    )


def put(sandbox: Sandbox, name: str, numbers: range) -> None:
    records = [{"Data": (json.dumps({"n": n}) + "\n").encode()} for n in numbers]
    answer = sandbox.client("firehose").put_record_batch(DeliveryStreamName=name, Records=records)
    assert answer["FailedPutCount"] == 0


def objects(sandbox: Sandbox, name: str) -> list[Any]:
    found: list[Any] = sandbox.client("s3").list_objects_v2(Bucket=name).get("Contents", [])
    return found


def delivered(sandbox: Sandbox, name: str) -> list[int]:
    bodies = [sandbox.client("s3").get_object(Bucket=name, Key=o["Key"])["Body"].read() for o in objects(sandbox, name)]
    return [json.loads(line)["n"] for body in bodies for line in gzip.decompress(body).splitlines()]


def test_records_of_a_buffering_interval_are_one_compressed_object_under_the_hour(sandbox: Sandbox) -> None:
    create(sandbox, "firehose-interval")
    for start in (0, 5):
        put(sandbox, "firehose-interval", range(start, start + 5))
    sandbox.client("firehose").put_record(DeliveryStreamName="firehose-interval", Record={"Data": b'{"n": 10}\n'})
    (only,) = wait_for(lambda: objects(sandbox, "firehose-interval"))
    assert only["Key"].startswith("events/2") and only["Key"].count("/") == 5 and only["Key"].endswith(".gz")
    assert delivered(sandbox, "firehose-interval") == list(range(11))


def test_a_full_buffer_does_not_wait_for_the_interval(sandbox: Sandbox) -> None:
    create(sandbox, "firehose-size", seconds=900)
    for _ in range(3):
        sandbox.client("firehose").put_record(
            DeliveryStreamName="firehose-size", Record={"Data": b'{"n": 1, "x": "%s"}\n' % (b"x" * 400_000)}
        )
    assert wait_for(lambda: delivered(sandbox, "firehose-size"), 5) == [1, 1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_accepted_arrives_after_a_stop_and_a_kill(
    sandbox_factory: Callable[..., Sandbox], number: int
) -> None:
    sandbox = sandbox_factory()
    create(sandbox, "accepted", seconds=900)
    if number == signal.SIGKILL:
        saved = [sandbox.data_dir / "state" / f"{service}.json" for service in ("s3", "firehose")]
        wait_for(lambda: all(path.exists() and "'accepted'" in path.read_text() for path in saved))
    put(sandbox, "accepted", range(7))
    sandbox.restart(number)
    assert wait_for(lambda: delivered(sandbox, "accepted"), 10) == list(range(7))
    wait_for(lambda: not list((sandbox.data_dir / "firehose").iterdir()))


def test_a_bucket_that_comes_late_gets_its_records(sandbox: Sandbox) -> None:
    create(sandbox, "firehose-late", bucket=False)
    put(sandbox, "firehose-late", range(3))
    wait_for(lambda: "not delivered to s3://firehose-late" in sandbox.log)
    sandbox.client("s3").create_bucket(Bucket="firehose-late")
    assert wait_for(lambda: delivered(sandbox, "firehose-late"), 15) == [0, 1, 2]


def test_a_record_torn_by_a_kill_is_left_out(tmp_path: Any) -> None:
    buffer = Buffer(tmp_path / "1.buffer", "bucket", "key", False, "us-east-1", "role", 0.0, 10)
    buffer.write_header()
    buffer.append([("id", b"whole\n")])
    with buffer.path.open("ab") as file:
        file.write(b"dG9")
    assert Buffer.left(buffer.path).body() == b"whole\n"


def test_records_whose_bucket_never_comes_are_given_up_after_a_scaled_day(sandbox_factory: Factory) -> None:
    sandbox = sandbox_factory("--buffer-scale", "0.00001")
    create(sandbox, "never", bucket=False)
    put(sandbox, "never", range(3))
    wait_for(lambda: "given up: the records for s3://never/" in sandbox.log)
    assert not list((sandbox.data_dir / "firehose").iterdir())
