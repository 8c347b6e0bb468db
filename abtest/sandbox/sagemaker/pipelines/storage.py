"""Reading S3 from inside the sandbox."""

from urllib.parse import urlsplit

from abtest.sandbox.clients import client


def read_object(uri: str, version: str | None = None) -> bytes:
    """The object at an s3:// URI; raises botocore's ClientError."""
    parts = urlsplit(uri, allow_fragments=False)
    wanted = {"VersionId": version} if version else {}
    response = client("s3").get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"), **wanted)
    body: bytes = response["Body"].read()
    return body
