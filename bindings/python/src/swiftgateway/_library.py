"""Finds and loads ``libswiftgateway.so`` and gives its functions the types of ``_declarations``."""

from __future__ import annotations

import ctypes
import os
import pathlib
import platform
import sys
from collections.abc import Iterator
from typing import Any, Callable, Protocol, cast

from . import _declarations
from ._version import __version__
from .errors import BufferTooSmallError, UnsupportedError, error_for

__all__ = ["Functions", "lib", "library_path", "memory", "text_from"]

_NAME = "libswiftgateway.so"
_HERE = pathlib.Path(__file__).resolve().parent


def _candidates() -> Iterator[str]:
    """Where the library may be: what the environment says, beside this file (a wheel), a checkout, the system."""
    chosen = os.environ.get("SWIFTGATEWAY_LIBRARY")
    if chosen:
        yield chosen
        return
    inside = _HERE / "_lib" / _NAME
    if inside.exists():
        yield str(inside)
        return
    if len(_HERE.parents) > 3:
        root = _HERE.parents[3]
        built = root / "build" / "lib" / _NAME
        if (root / "include" / "swiftgateway.h").exists() and built.exists():
            yield str(built)
            return
    yield f"{_NAME}.{__version__.split('.')[0]}"
    yield _NAME


def _advice(reason: str) -> str:
    """What to do about a failed load."""
    if not sys.platform.startswith("linux"):
        return f"it is built for Linux, this is {sys.platform}"
    if "libssl.so.3" in reason or "libcrypto.so.3" in reason or "OPENSSL_3" in reason:
        return "it needs OpenSSL 3: install 'libssl3' (Debian, Ubuntu) or 'openssl-libs' (Fedora, RHEL)"
    if "GLIBC" in reason or "CXXABI" in reason:
        return (
            f"it was built for a newer system than this one (C library: {' '.join(platform.libc_ver()) or '?'}); "
            "build the wheel on this system with 'make wheel'"
        )
    if "wrong ELF class" in reason or "invalid ELF header" in reason or "Exec format" in reason:
        return f"it was built for another machine than this one ({platform.machine()})"
    return (
        "install the wheel that 'make wheel' builds, or run 'make lib' in the checkout, or name the file in the "
        "environment variable SWIFTGATEWAY_LIBRARY"
    )


def _load() -> tuple[ctypes.CDLL, str]:
    reason = "not found"
    path = _NAME
    for path in _candidates():
        try:
            return ctypes.CDLL(path), path
        except OSError as error:
            reason = str(error)
    raise ImportError(f"swiftgateway cannot load its library {path}: {reason}; {_advice(reason)}")


class Functions:
    """The functions of the library by their C names. One that can fail raises instead of returning a status.

    A function that the loaded library does not have raises UnsupportedError when it is called.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        for name, (result, arguments) in _declarations.FUNCTIONS.items():
            try:
                function: Any = getattr(library, name)
            except AttributeError:
                function = _missing(name)
            else:
                function.argtypes = arguments
                if result is _declarations.STATUS:
                    function.restype = ctypes.c_uint32
                    function.errcheck = self._check
                else:
                    function.restype = result
            setattr(self, name, function)

    def has(self, name: str) -> bool:
        """Does the loaded library have this function?"""
        return hasattr(self._library, name)

    def _check(self, status: int, _function: object, _arguments: object) -> int:
        if status:
            raise error_for(status, self.last_error())
        return status

    def last_error(self) -> str:
        """The calling thread's last failure, as the library tells it."""
        text: bytes = self.sg_last_error()
        return text.decode("utf-8", "replace")

    def __getattr__(self, name: str) -> Any:  # for type checkers: every C name is there
        raise AttributeError(name)


def _missing(name: str) -> Callable[..., Any]:
    def call(*_: object) -> Any:
        raise UnsupportedError(f"the library at {library_path} has no function {name}: it is older than this package")

    return call


_loaded, library_path = _load()
lib = Functions(_loaded)


class _Memory(Protocol):
    def __getitem__(self, index: slice) -> bytes: ...


#: All memory as one array: ``memory[a : a + n]`` copies n bytes from address a, several times faster than string_at.
memory = cast(_Memory, (ctypes.c_char * (1 << 47 if sys.maxsize > 1 << 32 else 1 << 30)).from_address(0))


def _check_version() -> None:
    """While the major number is 0, the minor number changes with every change that is not compatible."""
    theirs = lib.sg_version().decode()
    if theirs.split(".")[:2] != __version__.split(".")[:2]:
        raise ImportError(
            f"swiftgateway {__version__} needs a library of version "
            f"{'.'.join(__version__.split('.')[:2])}, and {library_path} is version {theirs}"
        )


_check_version()


def text_from(function: Callable[..., Any], *arguments: object, capacity: int = 0) -> bytes:
    """Calls a function that writes text into a buffer, with as large a buffer as the text needs. `capacity`: one that is
    large enough at once, for a function that works anew for each call."""
    length = ctypes.c_size_t(capacity)
    buffer: Any = ctypes.create_string_buffer(capacity) if capacity else None
    while True:
        try:
            function(*arguments, buffer, ctypes.byref(length))
        except BufferTooSmallError:
            # With some room to spare, for text that grows between two calls.
            length.value += length.value // 8 + 1
            buffer = ctypes.create_string_buffer(length.value)
        else:
            return bytes(buffer.raw[: length.value]) if buffer is not None else b""
