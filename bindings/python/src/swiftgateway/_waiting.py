"""Waits of the library's, cut into slices: between two of them Python looks at signals, and at who has given up."""

from __future__ import annotations

import threading
from typing import Callable, TypeVar

from ._arguments import FOREVER, milliseconds
from .errors import CancelledError, TimeoutError

__all__ = ["in_slices"]

_T = TypeVar("_T")
_SLICE_MS = 200


def in_slices(wait: Callable[[int], _T], timeout: float | None, given_up: threading.Event | None = None) -> _T:
    """Calls ``wait`` with milliseconds until it returns, or raises anything but TimeoutError before ``timeout`` seconds
    (None for ever) have passed. Raises CancelledError when the wait was given up, which nobody sees."""
    left = whole = FOREVER if timeout is None else milliseconds(timeout, "timeout")
    while given_up is None or not given_up.is_set():
        slice = min(left, _SLICE_MS)
        try:
            return wait(slice)
        except TimeoutError:
            if whole != FOREVER:
                left -= slice
                if left <= 0:
                    raise
    raise CancelledError("the wait was given up")
