"""Requests count as encrypted: the sandbox serves plain HTTP to this machine only.

Bucket policies that refuse what is not TLS, the CDK's and ours among them, would refuse every request.
"""

from typing import Any

from ministack import app


def install() -> None:
    pin = app.pin_request_origin

    def pinned(address: Any, _secure: Any) -> Any:
        return pin(address, True)

    app.pin_request_origin = pinned
