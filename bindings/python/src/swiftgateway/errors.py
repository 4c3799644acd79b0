"""Exceptions: one class for each status of the library, all of them a :class:`GatewayError`.

The text is the library's own sentence about what was wrong with which value. It never holds the token.
"""

from __future__ import annotations

import builtins
import sys
import warnings
from typing import Callable, TypeVar

from .enums import Status

__all__ = [
    "BufferTooSmallError",
    "CancelledError",
    "FileError",
    "GatewayClosedError",
    "GatewayError",
    "GatewayWarning",
    "HTTPError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidStateError",
    "NetworkError",
    "NotFoundError",
    "PayloadTooLargeError",
    "ProtocolError",
    "QueueFullError",
    "RateLimitedError",
    "SessionLimitError",
    "TLSError",
    "TimeoutError",
    "UnauthorizedError",
    "UnsupportedError",
    "WouldDeadlockError",
    "error_for",
]


class GatewayError(Exception):
    """Something the library refused or could not do. ``status`` says what kind of thing it was."""

    status: Status = Status.INTERNAL


class GatewayWarning(UserWarning):
    """Something that is allowed and probably not meant, such as intents without which an event never comes."""


def warn(message: str) -> None:
    """Warns the one who called this package from outside."""
    level = 1
    frame = sys._getframe(0)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
        level += 1
    warnings.warn(message, GatewayWarning, stacklevel=level)


_E = TypeVar("_E", bound=GatewayError)
_CLASSES: dict[int, type[GatewayError]] = {}


def _of(status: Status) -> Callable[[type[_E]], type[_E]]:
    def register(cls: type[_E]) -> type[_E]:
        cls.status = status
        _CLASSES[status] = cls
        return cls

    return register


@_of(Status.INVALID_ARGUMENT)
class InvalidArgumentError(GatewayError, ValueError):
    """An argument that can never be right."""


@_of(Status.INVALID_STATE)
class InvalidStateError(GatewayError, RuntimeError):
    """Not now: the state of the object forbids the call, such as a command to a cluster that was not started."""


@_of(Status.NOT_FOUND)
class NotFoundError(GatewayError, LookupError):
    """No such shard, or no such value in an event."""


@_of(Status.PAYLOAD_TOO_LARGE)
class PayloadTooLargeError(GatewayError, ValueError):
    """A command of more than 4096 bytes."""


@_of(Status.QUEUE_FULL)
class QueueFullError(GatewayError):
    """1024 commands of this shard wait to be sent already."""


@_of(Status.TIMEOUT)
class TimeoutError(GatewayError, builtins.TimeoutError):
    """The given time passed."""


@_of(Status.CANCELLED)
class CancelledError(GatewayError):
    """Shut down while the call waited. Not ``asyncio.CancelledError``."""


@_of(Status.WOULD_DEADLOCK)
class WouldDeadlockError(GatewayError, RuntimeError):
    """The call waits for handlers and came from inside one."""


@_of(Status.BUFFER_TOO_SMALL)
class BufferTooSmallError(GatewayError):
    """The library asked for a larger buffer. This package enlarges it itself: not seen by its users."""


@_of(Status.NETWORK)
class NetworkError(GatewayError, ConnectionError):
    """Name resolution or connect failed, or the connection broke."""


@_of(Status.TLS)
class TLSError(GatewayError, ConnectionError):
    """The handshake was refused, or the certificate is untrusted, expired or for another host."""


@_of(Status.HTTP)
class HTTPError(GatewayError):
    """The API or the upgrade was answered with an unexpected HTTP status or body."""


@_of(Status.UNAUTHORIZED)
class UnauthorizedError(GatewayError, PermissionError):
    """The token was refused: HTTP 401, or close code 4004."""


@_of(Status.RATE_LIMITED)
class RateLimitedError(GatewayError):
    """HTTP 429, close code 4008, or a RATE_LIMITED answer."""


@_of(Status.SESSION_LIMIT)
class SessionLimitError(GatewayError):
    """Fewer identifies are left today than there are shards to start."""


@_of(Status.GATEWAY_CLOSED)
class GatewayClosedError(GatewayError):
    """The gateway closed the connection for a reason that would repeat: wrong or forbidden intents, wrong shards."""


@_of(Status.PROTOCOL)
class ProtocolError(GatewayError):
    """The peer broke the protocol, or an event's data is not JSON."""


@_of(Status.FILE)
class FileError(GatewayError, OSError):
    """A file could not be read, written or understood."""


@_of(Status.UNSUPPORTED)
class UnsupportedError(GatewayError, NotImplementedError):
    """Not available here, such as zstd without ``libzstd.so.1``, or a function that the loaded library does not have."""


@_of(Status.INTERNAL)
class InternalError(GatewayError):
    """A defect of the library, or no memory."""


def error_for(status: int | Status, message: str) -> GatewayError:
    """The exception for a status, such as that of an error event. An unknown number gives a plain GatewayError."""
    error = _CLASSES.get(int(status), GatewayError)(message)
    error.status = Status(status)
    return error
