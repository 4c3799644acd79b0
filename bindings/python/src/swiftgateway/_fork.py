"""A child of fork() has a copy of the library's memory and none of its threads: a call in it could wait for ever."""

from __future__ import annotations

import os
import weakref
from typing import Any

from .errors import InvalidStateError

__all__ = ["check", "forked_while_running", "running"]

#: What runs in this process.
running: weakref.WeakSet[Any] = weakref.WeakSet()
_forked_while_running = False


def forked_while_running() -> bool:
    """Is this a process in which nothing of the library may be called?"""
    return _forked_while_running


def check() -> None:
    """Raises InvalidStateError in a process that was forked while a cluster or shard ran."""
    if _forked_while_running:
        raise InvalidStateError(
            "this process was forked from one in which a cluster was running, and swiftgateway's threads did not come "
            "along: start processes with multiprocessing's 'spawn' or with subprocess, or fork before starting a cluster"
        )


def _in_child() -> None:
    global _forked_while_running
    if len(running):
        _forked_while_running = True
        for one in list(running):
            one._forget()
        running.clear()


os.register_at_fork(after_in_child=_in_child)
