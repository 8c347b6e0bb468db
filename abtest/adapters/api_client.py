"""A client of our own API: signed POST requests, as an application with AWS credentials sends them."""

import json
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session


class ApiClient:
    """Posts JSON to the routes under `endpoint`; credentials and region come from the environment."""

    def __init__(self, endpoint: str, *, timeout_seconds: float = 29.0) -> None:
        session = boto3.Session()
        self._endpoint = endpoint.rstrip("/")
        self._region = session.region_name
        self._credentials = session.get_credentials()
        # 29 s: API Gateway gives up after that.
        self._http = URLLib3Session(timeout=timeout_seconds, max_pool_connections=16)

    def post(self, route: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The HTTP status and the JSON body of the answer to a POST of `body` to `route` ("/invocation")."""
        request = AWSRequest(
            "POST",
            self._endpoint + route,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        SigV4Auth(self._credentials, "execute-api", self._region).add_auth(request)
        response = self._http.send(request.prepare())
        return response.status_code, json.loads(response.content or b"{}")
