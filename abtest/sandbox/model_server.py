"""What serving has in common for every algorithm: the server's form, its refusals, and the artefact's archive."""

import io
import tarfile
from typing import Protocol


class Server(Protocol):
    """A loaded model; safe to use from several threads."""

    def respond(self, body: bytes, content_type: str, accept: str | None) -> tuple[bytes, str]:
        """The response and its content type; raises ClientFault for a request that it refuses."""


class ClientFault(Exception):  # noqa: N818 - a fault of the client, as HTTP says
    """The request is wrong, not the model; `status` (400..499) is what the algorithm's container answers then."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def media_type(header: str) -> str:
    """`text/csv` of `Text/CSV; charset=utf-8`."""
    return header.split(";")[0].strip().lower()


def files(model_tar: bytes) -> dict[str, bytes]:
    """The files in a model.tar.gz by path, without a leading `./`; raises ValueError if it is no tar archive."""
    try:
        with tarfile.open(fileobj=io.BytesIO(model_tar), mode="r:*") as archive:
            return {
                member.name.removeprefix("./"): file.read()
                for member in archive.getmembers()
                if member.isfile() and (file := archive.extractfile(member))
            }
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"the model artefact is no tar archive: {error}") from error
