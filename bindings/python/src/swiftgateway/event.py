"""One event, as the gateway sent it or the engine tells it."""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Callable

from ._arguments import sequence_of, text, texts
from ._declarations import SGEvent
from ._library import lib, memory, text_from
from .enums import Dispatch, EventKind, Intents, ShardState, Status
from .errors import GatewayError, error_for

try:
    import orjson

    _loads: Callable[[bytes], Any] = orjson.loads
except ImportError:
    import json

    _loads = json.loads

__all__ = ["Event", "events_at", "intents_for", "intents_for_events"]

#: struct_size, kind, shard_id, type, sequence, name, name_length, data, data_length, state, code, status, reserved,
#: value_ns, received_ns. Read with ``struct``, because ctypes takes four times as long for one field.
LAYOUT = struct.Struct("=IIIIQQQQQIIIIQQ")

_Fields = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int, int, int]


def _names() -> list[str]:
    """The dispatch names by number, as the loaded library knows them."""
    names = [""]
    while True:
        name = lib.sg_event_type_name(len(names))
        if name is None:
            return names
        names.append(name.decode())


_NAMES = _names()
_DISPATCH = EventKind.DISPATCH
_KINDS = list(EventKind)
_TYPES = [Dispatch(number) for number in range(len(_NAMES))]


class Event:
    """One event. Holds a copy of its bytes: it may be kept for as long as you like, and passed to other threads."""

    __slots__ = ("_data", "_fields", "name", "raw")

    #: The bytes as they came. DISPATCH: the JSON of ``d``, byte for byte. CLOSED: the reason. ERROR: a sentence.
    #: PAYLOAD: the whole payload. Else empty.
    raw: bytes
    #: DISPATCH: its name, such as "MESSAGE_CREATE". Else empty.
    name: str

    def __init__(self, fields: _Fields) -> None:
        """Copies the bytes that the library's fields point to. For the library's own use; see :meth:`dispatch`."""
        self._fields = fields
        at = fields[7]
        self.raw = memory[at : at + fields[8]]
        self.name = _NAMES[fields[3]]
        if fields[6] and not fields[3]:
            at = fields[5]
            self.name = memory[at : at + fields[6]].decode("utf-8", "replace")

    @classmethod
    def dispatch(cls, name: str, data: bytes | str, *, shard_id: int = 0, sequence: int = 0) -> Event:
        """Makes a dispatch without a gateway, to test handlers with. ``data`` is the JSON of ``d``."""
        event = cls.__new__(cls)
        event.raw = data.encode() if isinstance(data, str) else bytes(data)
        event.name = name
        type = _NAMES.index(name) if name in _NAMES else 0
        event._fields = (LAYOUT.size, 0, shard_id, type, sequence, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        return event

    @property
    def data(self) -> Any:
        """The JSON of :attr:`raw`, parsed on first use and kept: with orjson when it is installed, else with json.

        None for kinds that carry no JSON. Raises ValueError for bytes that are not JSON.
        """
        try:
            return self._data
        except AttributeError:
            pass
        kind = self._fields[1]
        self._data: Any = _loads(self.raw) if kind == 0 or kind == EventKind.PAYLOAD else None
        return self._data

    @property
    def kind(self) -> EventKind:
        """What it is: a dispatch, a change of state, …"""
        kind = self._fields[1]
        return _KINDS[kind] if kind < len(_KINDS) else EventKind(kind)

    @property
    def type(self) -> Dispatch:
        """The number of the dispatch; ``Dispatch.UNKNOWN`` for a name this build does not know, and for other kinds."""
        return _TYPES[self._fields[3]]

    @property
    def shard_id(self) -> int:
        """The shard that it came from."""
        return self._fields[2]

    @property
    def sequence(self) -> int:
        """``s`` of a dispatch; 0 where there is none."""
        return self._fields[4]

    @property
    def state(self) -> ShardState:
        """STATE: what the shard became. CLOSED and ERROR: what follows."""
        return ShardState(self._fields[9])

    @property
    def code(self) -> int:
        """CLOSED: the close code, 1006 without a close frame. STATE: the heartbeat interval in ms for IDENTIFYING and
        RESUMING, the number of the attempt, from 1, for CONNECTING and BACKOFF."""
        return self._fields[10]

    @property
    def status(self) -> Status:
        """ERROR: what kind of thing went wrong."""
        return Status(self._fields[11])

    @property
    def error(self) -> GatewayError | None:
        """ERROR: the exception for it. Else None."""
        return error_for(self._fields[11], self.text) if self._fields[1] == EventKind.ERROR else None

    @property
    def value_ns(self) -> int:
        """LATENCY: the round trip. STATE: the wait, for BACKOFF. Nanoseconds."""
        return self._fields[13]

    @property
    def received_ns(self) -> int:
        """``time.monotonic_ns()`` when the bytes were read."""
        return self._fields[14]

    @property
    def text(self) -> str:
        """:attr:`raw` as text; what is not UTF-8 becomes U+FFFD."""
        return self.raw.decode("utf-8", "replace")

    # One field of the JSON without parsing the whole. `pointer` is an RFC 6901 pointer into it, such as "/author/id";
    # "" is the whole.

    def _struct(self) -> SGEvent:
        place = ctypes.cast(ctypes.c_char_p(self.raw), ctypes.c_void_p)
        return SGEvent(struct_size=LAYOUT.size, data=place.value, data_length=len(self.raw))

    def get_str(self, pointer: str) -> str:
        """A string of the JSON, without parsing all of it. ``pointer`` is an RFC 6901 pointer such as "/author/id".

        Raises NotFoundError when there is none or it is of another type, InvalidArgumentError for a bad pointer,
        ProtocolError when the bytes are not JSON.
        """
        return text_from(lib.sg_event_string, ctypes.byref(self._struct()), text(pointer, "pointer")).decode(
            "utf-8", "replace"
        )

    def get_int(self, pointer: str) -> int:
        """A whole number from 0 to 2^64 - 1, or a string of decimal digits such as a snowflake. Else as get_str."""
        out = ctypes.c_uint64()
        lib.sg_event_uint64(ctypes.byref(self._struct()), text(pointer, "pointer"), ctypes.byref(out))
        return out.value

    def get_float(self, pointer: str) -> float:
        """Any number. Else as get_str."""
        out = ctypes.c_double()
        lib.sg_event_double(ctypes.byref(self._struct()), text(pointer, "pointer"), ctypes.byref(out))
        return out.value

    def get_bool(self, pointer: str) -> bool:
        """true or false. Else as get_str."""
        out = ctypes.c_bool()
        lib.sg_event_bool(ctypes.byref(self._struct()), text(pointer, "pointer"), ctypes.byref(out))
        return out.value

    def get_json(self, pointer: str) -> bytes:
        """The raw JSON of any value. Else as get_str."""
        start, length = ctypes.c_void_p(), ctypes.c_size_t()
        lib.sg_event_json(ctypes.byref(self._struct()), text(pointer, "pointer"), ctypes.byref(start), ctypes.byref(length))
        return ctypes.string_at(start.value or 0, length.value)

    def __repr__(self) -> str:
        kind = self._fields[1]
        if kind == EventKind.DISPATCH:
            what = f"{self.name} sequence={self.sequence} bytes={len(self.raw)}"
        elif kind == EventKind.STATE:
            what = f"state={self.state.name}"
        elif kind == EventKind.CLOSED:
            what = f"code={self.code} reason={self.text!r} state={self.state.name}"
        elif kind == EventKind.LATENCY:
            what = f"value_ns={self.value_ns}"
        elif kind == EventKind.ERROR:
            what = f"status={self.status.name} text={self.text!r} state={self.state.name}"
        else:
            what = f"bytes={len(self.raw)}"
        return f"<Event {self.kind.name} shard_id={self.shard_id} {what}>"

    def __getstate__(self) -> tuple[_Fields, bytes, str]:
        f = self._fields
        return ((*f[:5], 0, 0, 0, 0, *f[9:]), self.raw, self.name)

    def __setstate__(self, state: tuple[_Fields, bytes, str]) -> None:
        self._fields, self.raw, self.name = state


_layouts: dict[int, struct.Struct] = {LAYOUT.size: LAYOUT}


def fields_at(address: int, count: int) -> Iterator[Any]:
    """The fields of `count` events that lie one behind another from `address` on. Copies the structs, not the bytes
    that they point to."""
    size = int.from_bytes(memory[address : address + 4], sys.byteorder)
    layout = _layouts.get(size)
    if layout is None:  # a newer library, whose struct has grown
        layout = _layouts[size] = struct.Struct(f"{LAYOUT.format}{size - LAYOUT.size}x")
    return layout.iter_unpack(memory[address : address + size * count])


def events_at(address: int, count: int) -> list[Event]:
    """The events of a batch, copied."""
    return list(map(Event, fields_at(address, count)))


def intents_for_events(events: Iterable[str | Dispatch]) -> tuple[Intents, Intents]:
    """What to ask for in order to receive these dispatches: every intent that brings one of them, and those of them that
    may be left out as long as another one of the same dispatch, see :func:`intents_for`, stays.

    Look out for privileged ones among the second: THREAD_MEMBERS_UPDATE alone names GUILD_MEMBERS beside GUILDS.
    MESSAGE_CONTENT brings no dispatch, only content, and is never in it. InvalidArgumentError: a name not known."""
    names = [one.name if isinstance(one, Dispatch) else one for one in sequence_of(events, "events")]
    array, count = texts(names, "events")
    all, spare = ctypes.c_uint64(), ctypes.c_uint64()
    lib.sg_intents_for_events(array, count, ctypes.byref(all), ctypes.byref(spare))
    return Intents(all.value), Intents(spare.value)


def intents_for(event: str | Dispatch) -> Intents:
    """The intents of which any one makes the gateway send this dispatch. 0: always sent, or a name not known."""
    number = int(event) if isinstance(event, Dispatch) else (_NAMES.index(event) if event in _NAMES else 0)
    return Intents(lib.sg_event_intents(number))
