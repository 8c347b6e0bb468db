"""S3 on a disk that takes no more: the request fails and the object stays what it was, on disk and in memory.

AWS: never full. MiniStack: warns in its log, answers 200, and after a restart has the old object, none, or new content
under old metadata. Here content and metadata are drafted first and put in their places together.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.services import s3

DRAFT = ".abtest-draft"
STORED = ("_put_object", "_copy_object", "_complete_multipart_upload")  # each called with bucket, key and more

_persisting = threading.local()


class DiskError(Exception):
    """An object could not be written; the text is the system's."""


def install() -> None:
    assert callable(s3._persist_object)
    write, persist = s3._atomic_write, s3._persist_object

    def atomic_write(path: str, data: Any, *, text: bool = False) -> None:
        if getattr(_persisting, "drafts", None) is None:
            write(path, data, text=text)
            return
        try:
            write(path + DRAFT, data, text=text)
        except OSError as error:
            _persisting.failure = error
            raise
        _persisting.drafts.append(path)

    def persist_object(bucket: str, key: str, record: Any) -> None:
        _persisting.drafts, _persisting.failure = [], None
        try:
            persist(bucket, key, record)  # which only logs what atomic_write raises
            _settle(_persisting.drafts, _persisting.failure)
        finally:
            _persisting.drafts = None

    s3._atomic_write, s3._persist_object = atomic_write, persist_object
    for name in STORED:
        setattr(s3, name, undone(getattr(s3, name)))


def _settle(drafts: list[str], failure: OSError | None) -> None:
    """Puts the drafts in their places, or removes them and raises DiskError."""
    for path in drafts:
        if failure:
            Path(path + DRAFT).unlink()
        else:
            Path(path + DRAFT).replace(path)
    if failure:
        raise DiskError(str(failure))


def undone(store: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps `store`, which stores an object: if the disk does not take it, nothing changes and the answer is 500."""

    def stored(bucket_name: str, key: str, *rest: Any, **named: Any) -> Any:
        objects = (s3._buckets.get(bucket_name) or {}).get("objects", {})
        before, versions = objects.get(key), list(s3._object_versions.get((bucket_name, key), []))
        try:
            return store(bucket_name, key, *rest, **named)
        except DiskError as error:
            if before is None:
                objects.pop(key, None)
            else:
                objects[key] = before
            if versions:
                s3._object_versions[(bucket_name, key)] = versions
            else:
                s3._object_versions.pop((bucket_name, key), None)
            return s3._error("InternalError", f"The sandbox's disk took no more: {error}", 500)

    return stored
