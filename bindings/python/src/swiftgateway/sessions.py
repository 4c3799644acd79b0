"""A place of one's own in which sessions survive the process, such as a database."""

from __future__ import annotations

import ctypes
import logging
from typing import Any, Protocol

from . import _declarations
from .enums import Status

__all__ = ["SessionStore"]

logger = logging.getLogger("swiftgateway")


class SessionStore(Protocol):
    """What ``session_store=`` takes. The document is JSON of some 200 bytes for each shard; what is in it belongs to the
    library. A session id lets its holder listen in, so keep it from others.

    Both may block and must not call the same cluster. What they raise is logged, gives an error event with Status.FILE,
    and the cluster goes on."""

    def load(self) -> bytes | str | None:
        """What was saved last; None when there is nothing. Called by the start, before it returns."""

    def save(self, document: bytes) -> object:
        """Keeps a document in place of the one before. Called on a thread of the library's, one call at a time: when
        something has changed, at most every 250 ms, and once more by the close, which waits for it."""


def callbacks_of(store: SessionStore) -> tuple[Any, Any]:
    waiting: list[bytes] = []  # what load gave, while the library asks again with a buffer that is large enough

    def load(buffer: Any, length: Any, _user: Any) -> int:
        try:
            if waiting:
                document = waiting.pop()
            else:
                loaded = store.load()
                document = loaded.encode() if isinstance(loaded, str) else loaded or b""
            capacity, length[0] = length[0], len(document)
            if len(document) > capacity:
                waiting.append(document)
                return Status.BUFFER_TOO_SMALL
            ctypes.memmove(buffer, document, len(document))
        except Exception:
            logger.exception("the session store could not load")
            return Status.FILE
        return Status.OK

    def save(document: bytes, length: int, _user: Any) -> int:
        try:
            store.save(document[:length])
        except Exception:
            logger.exception("the session store could not save")
            return Status.FILE
        return Status.OK

    return _declarations.SessionLoader(load), _declarations.SessionSaver(save)
