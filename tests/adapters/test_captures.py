import base64
import datetime
import json

import boto3
import pytest

from abtest.adapters import captures
from tests.adapters.samples import ENDPOINT, NOW

BUCKET = "bucket"
VARIANTS = ("Champion1", "Challenger1")


def line(number: int, answer: str, at: datetime.datetime, *, inference_id: bool = True, plain: bool = False) -> str:
    data = answer if plain else base64.b64encode(answer.encode()).decode()
    output = {"observedContentType": "text/csv", "mode": "OUTPUT", "data": data}
    output["encoding"] = "CSV" if plain else "BASE64"
    about = {"eventId": f"e{number}", "inferenceTime": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    about |= {"inferenceId": f"i{number}"} if inference_id else {}
    return json.dumps({"captureData": {"endpointOutput": output}, "eventMetadata": about, "eventVersion": "0"})


def put(variant: str, at: datetime.datetime, *lines: str) -> None:
    key = f"captures/{ENDPOINT}/{variant}/{at:%Y/%m/%d/%H}/{len(lines)}-{at:%M}.jsonl"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body="\n".join(lines).encode())


@pytest.mark.usefixtures("aws")
def test_pairs_are_joined_over_hours_and_what_was_before_is_left_out() -> None:
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    later, before = NOW + datetime.timedelta(hours=1, minutes=30), NOW - datetime.timedelta(minutes=1)
    put("Champion1", NOW, line(1, "0.9", NOW), line(2, "0.9", NOW), line(3, "0.1", NOW, inference_id=False))
    put("Challenger1", NOW, line(1, "0.8", NOW, plain=True), line(3, "0.2", NOW, inference_id=False))
    put("Challenger1", later, line(2, "0.2", later), line(2, "0.9", later), line(9, "0.9", later))
    put("Champion1", before, line(4, "0.9", before))
    put("Challenger1", before, line(4, "0.9", before))
    now = later + datetime.timedelta(minutes=1)
    champion, challenger = captures.answers(BUCKET, ENDPOINT, VARIANTS, began=NOW, now=now)
    assert champion == {"i1": "0.9", "i2": "0.9", "e3": "0.1"}
    assert challenger == {"i1": "0.8", "e3": "0.2", "i2": "0.2", "i9": "0.9"}  # the first answer counts


@pytest.mark.usefixtures("aws")
def test_nothing_captured_is_no_answer() -> None:
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    assert captures.answers(BUCKET, ENDPOINT, VARIANTS, began=NOW, now=NOW) == [{}, {}]
