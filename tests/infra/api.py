"""Requests to a deployed API, signed or not."""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def post(url: str, body: Mapping[str, Any], *, sign: bool = True) -> tuple[int, Any]:
    """Status and document."""
    request = AWSRequest("POST", url, data=json.dumps(body), headers={"Content-Type": "application/json"})
    if sign:
        SigV4Auth(Credentials("test", "test"), "execute-api", "us-east-1").add_auth(request)
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=30)
    connection.request("POST", parts.path, request.data, dict(request.headers))
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()
    return response.status, document
