"""Python's side of a library's thread, kept from one callback to the next.

Without this Python makes a state for the thread at the beginning of each callback, 16 KB of stack included, and unmaps it
at its end: 0.25 µs of each event, measured, besides what the other cores do for the unmapping. It ends with its thread: in
what the C library calls at the end of a thread that Python did not start, before thread-specific data is taken away (a
destructor of such data would come too late: Python's own is gone by then).
"""

from __future__ import annotations

import _thread
import ctypes

__all__ = ["keep"]

_LOCKED = 0  # PyGILState_LOCKED: who holds the interpreter lock already

_kept = _thread._local()
# For destructors of thread_local objects in C++. Where there is none, nothing is kept.
_at_thread_exit = getattr(ctypes.CDLL(None), "__cxa_thread_atexit_impl", None)


def _release(_: object) -> None:
    """On the thread that ends. Takes back what `keep` took; the state goes when this callback returns."""
    ctypes.pythonapi.PyGILState_Release(_LOCKED)


_ended = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_release)


def keep() -> None:
    """From inside a callback: keeps Python's state of the calling thread until the thread ends."""
    if _at_thread_exit is None or hasattr(_kept, "state"):
        return
    _kept.state = ctypes.pythonapi.PyGILState_Ensure()
    # The last argument names an object that is not to be unloaded meanwhile, by any address in it.
    if _at_thread_exit(_ended, None, _at_thread_exit):
        ctypes.pythonapi.PyGILState_Release(_LOCKED)
