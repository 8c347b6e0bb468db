"""Every algorithm's server shares this form, its refusals, and the reading of the artefact's archive."""

import gzip
import io
import tarfile
import zlib
from typing import Protocol

GZIP_MAGIC = b"\x1f\x8b"


class Server(Protocol):
    """A loaded model; safe to use from several threads."""

    def respond(self, body: bytes, content_type: str, accept: str | None) -> tuple[bytes, str]:
        """Returns the response and its content type; raises ClientFault for a request that it refuses."""


class ClientFault(Exception):  # noqa: N818 - a fault of the client, as HTTP says
    """The request is wrong, not the model; `status` (400..499) is what the algorithm's container answers then."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def media_type(header: str) -> str:
    """Returns the media type without parameters, in lower case: `text/csv` of `Text/CSV; charset=utf-8`."""
    return header.split(";")[0].strip().lower()


def files(model_tar: bytes) -> dict[str, bytes]:
    """Reads the files in a model.tar.gz by path, without a leading `./`; raises ValueError if it is no tar archive."""
    try:
        # As a whole first: tarfile stops before gzip's checksum, and fastText may never end on damaged bytes.
        content = gzip.decompress(model_tar) if model_tar.startswith(GZIP_MAGIC) else model_tar
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as archive:
            return {
                member.name.removeprefix("./"): file.read()
                for member in archive.getmembers()
                if member.isfile() and (file := archive.extractfile(member))
            }
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"the model artefact is no tar archive: {error}") from error
