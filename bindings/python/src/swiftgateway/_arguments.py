"""Turns Python values into what the C API takes. ctypes itself cuts numbers off and text at a NUL without a word."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, SupportsIndex, Union

from .errors import InvalidArgumentError

__all__ = [
    "Json",
    "Snowflake",
    "StrPath",
    "boolean",
    "file_path",
    "json_bytes",
    "milliseconds",
    "number",
    "sequence_of",
    "snowflake",
    "snowflakes",
    "text",
    "texts",
]

#: A JSON object: as Python objects, or as text that is passed on as it is.
Json = Union[Mapping[str, Any], str, bytes]
#: A Discord id: a number, or its decimal digits as they are in JSON.
Snowflake = Union[int, str]
StrPath = Union[str, "os.PathLike[str]"]

#: SG_WAIT_FOREVER
FOREVER = 0xFFFFFFFF


def text(value: object, name: str) -> bytes:
    """Text as NUL-terminated UTF-8."""
    if value is None:
        raise InvalidArgumentError(f"{name} is None")
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{name} must be a str, not {type(value).__name__}")
    if "\0" in value:
        raise InvalidArgumentError(f"{name} holds a NUL")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{name} holds a lone surrogate, which is not UTF-8") from None


def file_path(value: StrPath, name: str) -> bytes:
    """The path of a file; the library takes UTF-8."""
    try:
        return text(os.fspath(value), name)
    except TypeError:
        raise InvalidArgumentError(f"{name} must be a path, not {type(value).__name__}") from None


def number(value: object, name: str, bits: int = 32) -> int:
    """A whole number that fits into so many bits without a sign."""
    if not isinstance(value, SupportsIndex) or isinstance(value, bool):
        raise InvalidArgumentError(f"{name} must be an int, not {type(value).__name__}")
    whole = value.__index__()
    if not 0 <= whole < 1 << bits:
        raise InvalidArgumentError(f"{name} is {whole}; it must be from 0 to {(1 << bits) - 1}")
    return whole


def boolean(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{name} must be True or False, not {value!r}")
    return value


def snowflake(value: Snowflake, name: str) -> int:
    """A Discord id."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit()):
            raise InvalidArgumentError(f"{name} is {value!r}, which is no id")
        value = int(value)
    return number(value, name, 64)


def sequence_of(values: object, name: str) -> Sequence[Any]:
    """Several values; a str or bytes is one value and refused, because it would come apart into letters."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InvalidArgumentError(f"{name} must be several values, such as a list, not {type(values).__name__}")
    return list(values)


def snowflakes(values: Iterable[Snowflake], name: str) -> tuple[ctypes.Array[ctypes.c_uint64], int]:
    """An array of ids and its length."""
    ids = [snowflake(value, f"{name}[{index}]") for index, value in enumerate(sequence_of(values, name))]
    return (ctypes.c_uint64 * len(ids))(*ids), len(ids)


def texts(values: Iterable[str], name: str) -> tuple[ctypes.Array[ctypes.c_char_p], int]:
    """An array of strings and its length."""
    all = [text(value, f"{name}[{index}]") for index, value in enumerate(sequence_of(values, name))]
    return (ctypes.c_char_p * len(all))(*all), len(all)


def milliseconds(seconds: object, name: str) -> int:
    """Seconds as whole milliseconds. None, or infinity, is for ever where a wait is meant: see :func:`timeout`."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise InvalidArgumentError(f"{name} must be a number of seconds, not {type(seconds).__name__}")
    if not 0 <= seconds < FOREVER / 1000:
        raise InvalidArgumentError(f"{name} is {seconds} s; it must be from 0 to {FOREVER // 1000 - 1} s")
    return round(seconds * 1000)


def json_bytes(value: Json, name: str) -> bytes:
    """The bytes of a JSON object."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(f"{name} must be a dict, or JSON as str or bytes, not {type(value).__name__}")
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{name} cannot be written as JSON: {error}") from None


def json_text(value: Json, name: str) -> bytes:
    """The same for functions that take it NUL-terminated."""
    whole = json_bytes(value, name)
    if b"\0" in whole:
        raise InvalidArgumentError(f"{name} holds a NUL")
    return whole
