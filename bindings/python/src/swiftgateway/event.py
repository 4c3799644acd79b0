"""One event, as the gateway sent it or the engine tells it."""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Iterable
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
#: Of these kind, shard_id, type, sequence, data, data_length and received_ns: all that a dispatch with a known name needs.
DISPATCH_LAYOUT = struct.Struct("=4xIIIQ16xQQ24xQ")
_TYPE = 12 if sys.byteorder == "little" else 15  # the byte of sg_event's type that tells, see below

_Fields = tuple[int, int, int, int, int, int, int]
#: state, code, status, value_ns
_Rest = tuple[int, int, int, int]
_NO_REST: _Rest = (0, 0, 0, 0)


def _names() -> list[str]:
    """The dispatch names by number, as the loaded library knows them."""
    names = [""]
    while True:
        name = lib.sg_event_type_name(len(names))
        if name is None:
            return names
        names.append(name.decode())


_NAMES = _names()
assert len(_NAMES) <= 256, "one byte tells the type"
_KINDS = list(EventKind)
_TYPES = [Dispatch(number) for number in range(len(_NAMES))]


class Event:
    """One event. Holds a copy of its bytes: it may be kept for as long as you like, and passed to other threads."""

    __slots__ = ("_data", "_kind", "_rest", "_type", "name", "raw", "received_ns", "sequence", "shard_id")

    #: The bytes as they came. DISPATCH: the JSON of ``d``, byte for byte. CLOSED: the reason. ERROR: a sentence.
    #: PAYLOAD: the whole payload. Else empty.
    raw: bytes
    #: DISPATCH: its name, such as "MESSAGE_CREATE". Else empty.
    name: str
    #: The shard that it came from.
    shard_id: int
    #: ``s`` of a dispatch; 0 where there is none.
    sequence: int
    #: ``time.monotonic_ns()`` when the bytes were read.
    received_ns: int
    _rest: _Rest

    def __init__(self, fields: _Fields) -> None:
        """Copies the bytes that the library's fields point to. For the library's own use; see :meth:`dispatch`."""
        # Once for each event that crosses: nothing here that only some of them need.
        self._kind, self.shard_id, type, self.sequence, at, length, self.received_ns = fields
        self._type = type
        self.raw = memory[at : at + length]
        self.name = _NAMES[type]

    def _complete(self, name: bytes, rest: _Rest) -> None:
        """What an event has that is no dispatch, or one with a name that this build does not know."""
        self.name = name.decode("utf-8", "replace")
        self._rest = rest

    @classmethod
    def dispatch(cls, name: str, data: bytes | str, *, shard_id: int = 0, sequence: int = 0) -> Event:
        """Makes a dispatch without a gateway, to test handlers with. ``data`` is the JSON of ``d``."""
        event = cls.__new__(cls)
        event.raw = data.encode() if isinstance(data, str) else bytes(data)
        event.name = name
        event._kind = 0
        event._type = _NAMES.index(name) if name in _NAMES else 0
        event.shard_id, event.sequence, event.received_ns = shard_id, sequence, 0
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
        kind = self._kind
        self._data: Any = _loads(self.raw) if kind == 0 or kind == EventKind.PAYLOAD else None
        return self._data

    @property
    def kind(self) -> EventKind:
        """What it is: a dispatch, a change of state, …"""
        kind = self._kind
        return _KINDS[kind] if kind < len(_KINDS) else EventKind(kind)

    @property
    def type(self) -> Dispatch:
        """The number of the dispatch; ``Dispatch.UNKNOWN`` for a name this build does not know, and for other kinds."""
        return _TYPES[self._type]

    @property
    def _others(self) -> _Rest:
        return getattr(self, "_rest", _NO_REST)

    @property
    def state(self) -> ShardState:
        """STATE: what the shard became. CLOSED and ERROR: what follows."""
        return ShardState(self._others[0])

    @property
    def code(self) -> int:
        """CLOSED: the close code, 1006 without a close frame. STATE: the heartbeat interval in ms for IDENTIFYING and
        RESUMING, the number of the attempt, from 1, for CONNECTING and BACKOFF."""
        return self._others[1]

    @property
    def status(self) -> Status:
        """ERROR: what kind of thing went wrong."""
        return Status(self._others[2])

    @property
    def error(self) -> GatewayError | None:
        """ERROR: the exception for it. Else None."""
        return error_for(self._others[2], self.text) if self._kind == EventKind.ERROR else None

    @property
    def value_ns(self) -> int:
        """LATENCY: the round trip. STATE: the wait, for BACKOFF. Nanoseconds."""
        return self._others[3]

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
        kind = self._kind
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

    def __getstate__(self) -> tuple[object, ...]:
        return (self.raw, self.name, self._kind, self._type, self.shard_id, self.sequence, self.received_ns, self._others)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        (self.raw, self.name, self._kind, self._type, self.shard_id, self.sequence, self.received_ns, self._rest) = state


_layouts = {LAYOUT.size: (LAYOUT, DISPATCH_LAYOUT)}


def _layouts_of(size: int) -> tuple[struct.Struct, struct.Struct]:
    """The layouts for structs of this size: a newer library's are larger."""
    known = _layouts.get(size)
    if known is None:
        more = f"{size - LAYOUT.size}x"
        known = _layouts[size] = (struct.Struct(LAYOUT.format + more), struct.Struct(DISPATCH_LAYOUT.format + more))
    return known


def events_at(address: int, count: int) -> tuple[list[Event], list[Event]]:
    """The `count` events that lie one behind another from `address` on, copied; and those of them that are no dispatch, or
    one with a name that this build does not know."""
    size = int.from_bytes(memory[address : address + 4], sys.byteorder)
    whole, dispatch = _layouts_of(size)
    structs = memory[address : address + size * count]
    events = list(map(Event, dispatch.iter_unpack(structs)))
    others: list[Event] = []
    if 0 in structs[_TYPE::size]:
        for event, fields in zip(events, whole.iter_unpack(structs)):
            if fields[3] == 0:
                name, length = fields[5:7]
                event._complete(memory[name : name + length], (*fields[9:12], fields[13]))
                others.append(event)
    return events, others


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
