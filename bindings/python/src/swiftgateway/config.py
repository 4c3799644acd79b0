"""How to connect and what to deliver."""

from __future__ import annotations

import ctypes
import dataclasses
import logging
import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Callable, Union

from . import _declarations, _fork
from ._arguments import (
    Json,
    StrPath,
    file_path,
    json_bytes,
    json_text,
    milliseconds,
    number,
    text,
    texts,
)
from ._library import lib
from .enums import Delivery, Dispatch, EventKind, EventKinds, Intents, LogLevel
from .errors import InvalidArgumentError, warn
from .event import Event, events_at
from .identify import IdentifyQueue
from .identify import callback_of as _identify_callback
from .sessions import SessionStore
from .sessions import callbacks_of as _store_callbacks

if TYPE_CHECKING:
    from typing import TypedDict

    class Options(TypedDict, total=False):
        """The keyword arguments of :class:`Config`, for functions that pass them on."""

        shards: Shards | None
        gateway_url: str | None
        api_url: str | None
        ca_file: StrPath | None
        compression: int | None
        max_concurrency: int | None
        identify_interval: float | None
        identify_queue: IdentifyQueue | None
        identify_properties: tuple[str, str, str] | None
        large_threshold: int | None
        presence: Json | None
        shard_presences: Mapping[int, Json] | None
        events: Iterable[str | Dispatch] | None
        kinds: int | None
        session_file: StrPath | None
        session_store: SessionStore | None
        sessions: str | bytes | None
        backoff: tuple[float, float] | None
        connect_timeout: float | None
        invalid_session_wait: tuple[float, float] | None
        zombie_policy: int | None
        max_message_size: int | None
        send_limit: tuple[int, float] | None
        queue_bytes: int | None
        io_threads: int | None
        handshake_limit: int | None
        reshard_window: float | None
        log: LogFunction | None
        log_level: int | None


logger = logging.getLogger("swiftgateway")

__all__ = ["Bucket", "Config", "LogFunction", "ShardRange", "Shards", "Split"]


@dataclasses.dataclass(frozen=True)
class ShardRange:
    """The shards first, first + 1, … first + count - 1 of total. total is at most 1,000,000."""

    first: int
    count: int
    total: int


@dataclasses.dataclass(frozen=True)
class Bucket:
    """The shards bucket, bucket + buckets, … below total: one of ``buckets`` processes that share a bot."""

    bucket: int
    buckets: int
    total: int


@dataclasses.dataclass(frozen=True)
class Split:
    """The shards of process number ``process``, from 0, of ``processes`` that share a bot: consecutive, and as even as can
    be. 25 shards over 2 processes are 0 to 12 and 13 to 24. A total of 0 takes the API's recommendation, which all
    processes must meet at the same number."""

    process: int
    processes: int
    total: int = 0


#: "auto": as many as the API recommends. A number: all of so many.
Shards = Union[str, int, ShardRange, Bucket, Split]


def choose(
    shards: Shards,
    of_range: Callable[[int, int, int], None],
    of_bucket: Callable[[int, int, int], None],
    of_split: Callable[[int, int, int], None],
    of_auto: Callable[[], None],
) -> None:
    """Calls the one of these functions of the library that says which shards are meant."""
    if isinstance(shards, ShardRange):
        of_range(*_numbers(shards))
    elif isinstance(shards, Bucket):
        of_bucket(*_numbers(shards))
    elif isinstance(shards, Split):
        of_split(*_numbers(shards))
    elif isinstance(shards, str):
        if shards != "auto":
            raise InvalidArgumentError(
                f'shards is {shards!r}; it must be "auto", a number, a ShardRange, a Bucket or a Split'
            )
        of_auto()
    else:
        total = number(shards, "shards")
        of_range(0, total, total)


def _numbers(shards: ShardRange | Bucket | Split) -> tuple[int, int, int]:
    one, two, three = (
        number(getattr(shards, field.name), f"shards.{field.name}") for field in dataclasses.fields(shards)
    )
    return one, two, three


#: Takes level, target (the part that speaks, such as "shard 3") and message.
LogFunction = Callable[[LogLevel, str, str], None]


class Config:
    """How to connect and what to deliver: a template. What is made of it copies it.

    Every keyword argument has a method of the same meaning, ``set_…``, to change it afterwards. Times are seconds.
    Errors: InvalidArgumentError for a value that can never be right; what else a setter can raise it says itself.
    """

    def __init__(
        self,
        token: str | None,
        intents: int,
        *,
        shards: Shards | None = None,
        gateway_url: str | None = None,
        api_url: str | None = None,
        ca_file: StrPath | None = None,
        compression: int | None = None,
        inflate_backend: int | None = None,
        max_concurrency: int | None = None,
        identify_interval: float | None = None,
        identify_queue: IdentifyQueue | None = None,
        identify_properties: tuple[str, str, str] | None = None,
        large_threshold: int | None = None,
        presence: Json | None = None,
        shard_presences: Mapping[int, Json] | None = None,
        events: Iterable[str | Dispatch] | None = None,
        kinds: int | None = None,
        session_file: StrPath | None = None,
        session_store: SessionStore | None = None,
        sessions: str | bytes | None = None,
        backoff: tuple[float, float] | None = None,
        connect_timeout: float | None = None,
        invalid_session_wait: tuple[float, float] | None = None,
        zombie_policy: int | None = None,
        max_message_size: int | None = None,
        send_limit: tuple[int, float] | None = None,
        queue_bytes: int | None = None,
        io_threads: int | None = None,
        handshake_limit: int | None = None,
        reshard_window: float | None = None,
        log: LogFunction | None = None,
        log_level: int | None = None,
    ) -> None:
        """``token``: of the bot; "Bot " in front is fine, and None is refused. ``intents``: ``Intents.…`` with ``|``.

        None, for any of the others, leaves the default that its setter names.
        """
        _fork.check()
        if token is None:
            raise InvalidArgumentError("token is None: is the environment variable with the bot's token set?")
        self._handle: int | None = None
        bits = number(intents, "intents", 64)
        handle = lib.sg_config_new(text(token, "token"), bits)
        if not handle:
            raise InvalidArgumentError(lib.last_error())
        self._handle = handle
        if not bits:
            warn(
                "intents is 0: the gateway then sends no events of guilds, members or messages, only interactions and "
                "what concerns the bot itself; for messages pass Intents.GUILDS | Intents.GUILD_MESSAGES"
            )
        self._free = weakref.finalize(self, _free, handle)
        self._free.atexit = False
        self.intents = Intents(bits)
        self.event_filter: tuple[str, ...] | None = None
        self.event_kinds: EventKinds | None = None
        self.has_session_file = False
        self._log: Any = None
        self._direct: Any = None
        self._queue: Any = None
        self._store: Any = None
        self._delivery = Delivery.QUEUED
        self._queue_bytes = 0
        if shards is not None:
            self.set_shards(shards)
        if shard_presences is not None:
            for shard_id, one in shard_presences.items():
                self.set_shard_presence(shard_id, one)
        if log is not None:
            self.set_log_handler(log, LogLevel.INFO if log_level is None else log_level)
        elif log_level is not None:
            raise InvalidArgumentError("log_level is given without log, the function that takes the lines")
        for setter, one_value in (
            (self.set_gateway_url, gateway_url),
            (self.set_api_url, api_url),
            (self.set_ca_file, ca_file),
            (self.set_compression, compression),
            (self.set_inflate_backend, inflate_backend),
            (self.set_max_concurrency, max_concurrency),
            (self.set_identify_interval, identify_interval),
            (self.set_identify_queue, identify_queue),
            (self.set_large_threshold, large_threshold),
            (self.set_presence, presence),
            (self.set_event_filter, events),
            (self.set_event_kinds, kinds),
            (self.set_session_file, session_file),
            (self.set_session_store, session_store),
            (self.import_sessions, sessions),
            (self.set_connect_timeout, connect_timeout),
            (self.set_zombie_policy, zombie_policy),
            (self.set_max_message_size, max_message_size),
            (self.set_queue_bytes, queue_bytes),
            (self.set_io_threads, io_threads),
            (self.set_handshake_limit, handshake_limit),
            (self.set_reshard_window, reshard_window),
        ):
            if one_value is not None:
                setter(one_value)  # type: ignore[arg-type]
        for name, pair_setter, values in (
            ("identify_properties", self.set_identify_properties, identify_properties),
            ("backoff", self.set_backoff, backoff),
            ("invalid_session_wait", self.set_invalid_session_wait, invalid_session_wait),
            ("send_limit", self.set_send_limit, send_limit),
        ):
            if values is not None:
                _spread(name, pair_setter, values)

    @property
    def handle(self) -> int:
        """The ``sg_config *``, as an address."""
        _fork.check()
        assert self._handle is not None
        return self._handle

    def set_gateway_url(self, url: str) -> None:
        """Where to connect: wss:// or ws://. Default: asked of the API at the start, and anew when connecting to it fails,
        once a minute at most. One that is set here stays."""
        lib.sg_config_set_gateway_url(self.handle, text(url, "gateway_url"))

    def set_api_url(self, url: str) -> None:
        """The base of the HTTP API. Default "https://discord.com/api/v10"."""
        lib.sg_config_set_api_url(self.handle, text(url, "api_url"))

    def set_ca_file(self, path: StrPath) -> None:
        """A PEM file of certificate authorities that replaces the system's trust store, the default.

        Raises FileError when it cannot be read or holds no certificate."""
        lib.sg_config_set_ca_file(self.handle, file_path(path, "ca_file"))

    def set_compression(self, compression: int) -> None:
        """Default ``Compression.ZLIB``. Raises UnsupportedError for zstd without ``libzstd.so.1``."""
        lib.sg_config_set_compression(self.handle, number(compression, "compression"))

    def set_inflate_backend(self, backend: int) -> None:
        """What inflates zlib-stream. Default ``InflateBackend.AUTO``; ``ClusterSummary`` tells which one that is.

        Raises UnsupportedError for zlib-ng without ``libz-ng.so.2``."""
        lib.sg_config_set_inflate_backend(self.handle, number(backend, "inflate_backend"))

    def set_shards(self, shards: Shards) -> None:
        """Which shards: "auto" (the default) for all that the API recommends, a number for all of so many, a
        :class:`ShardRange`, a :class:`Bucket` or a :class:`Split` for some."""
        choose(
            shards,
            lambda *numbers: lib.sg_config_set_shards(self.handle, *numbers),
            lambda *numbers: lib.sg_config_set_shards_bucket(self.handle, *numbers),
            lambda *numbers: lib.sg_config_set_shards_split(self.handle, *numbers),
            lambda: lib.sg_config_set_shards_auto(self.handle),
        )

    def set_max_concurrency(self, value: int) -> None:
        """How many shards may identify in one interval, 1 at least. Default: the API's answer, 1 without one."""
        lib.sg_config_set_max_concurrency(self.handle, number(value, "max_concurrency"))

    def set_identify_interval(self, seconds: float) -> None:
        """The time between identifies of shards with the same remainder by the maximum concurrency. Default 5 s."""
        lib.sg_config_set_identify_interval(self.handle, milliseconds(seconds, "identify_interval"))

    def set_identify_queue(self, queue: IdentifyQueue | None) -> None:
        """A function that decides when each shard may send IDENTIFY, in place of the library's own queue: for a bot whose
        shards run in several processes, which must share one. None, the default: the library's own.

        It is called with an :class:`~swiftgateway.identify.IdentifyRequest`; every REQUEST is followed by exactly one SENT
        or CANCEL. It is called on the shard's I/O thread and must not block: answer later, from anywhere, with
        ``request.grant()``. A RESUME is never asked for, and the daily limit is kept by the library before it asks."""
        if queue is not None and not callable(queue):
            raise InvalidArgumentError(f"identify_queue must be a function, not {type(queue).__name__}")
        callback = _declarations.IdentifyHandler() if queue is None else _identify_callback(queue)
        lib.sg_config_set_identify_queue(self.handle, callback, None)
        self._queue = callback

    def set_identify_properties(self, os: str, browser: str, device: str) -> None:
        """The ``properties`` of IDENTIFY, none of them empty. Default "linux", "SwiftGateway", "SwiftGateway"."""
        lib.sg_config_set_identify_properties(self.handle, text(os, "os"), text(browser, "browser"), text(device, "device"))

    def set_large_threshold(self, members: int) -> None:
        """The number of members, 50 to 250, above which GUILD_CREATE leaves out those offline. Default 50."""
        lib.sg_config_set_large_threshold(self.handle, number(members, "large_threshold"))

    def set_presence(self, presence: Json) -> None:
        """The presence to begin a session with, as for op 3's ``d``; at most 2048 bytes. Default: none."""
        lib.sg_config_set_presence(self.handle, json_text(presence, "presence"))

    def set_shard_presence(self, shard_id: int, presence: Json) -> None:
        """The same for one shard, in place of the one for all."""
        lib.sg_config_set_shard_presence(self.handle, number(shard_id, "shard_id"), json_text(presence, "presence"))

    def set_event_filter(self, events: Iterable[str | Dispatch]) -> None:
        """The dispatches to deliver; others never cross into Python. Default, and when empty: all. Names that this build
        does not know are fine. The other kinds (states, errors, …) are not dispatches: see set_event_kinds."""
        if isinstance(events, (str, Dispatch)):
            raise InvalidArgumentError("events must be several names, such as a list, not one")
        names = [one.name if isinstance(one, Dispatch) else one for one in events]
        array, count = texts(names, "events")
        lib.sg_config_set_event_filter(self.handle, array, count)
        self.event_filter = tuple(names) or None

    def set_event_kinds(self, kinds: int) -> None:
        """The kinds to deliver. Default ``EventKinds.DEFAULT``: all but whole payloads."""
        if isinstance(kinds, EventKind):
            raise InvalidArgumentError(f"kinds must be of EventKinds, such as EventKinds.{kinds.name}, not EventKind")
        lib.sg_config_set_event_kinds(self.handle, number(kinds, "kinds"))
        self.event_kinds = EventKinds(kinds)

    def set_session_file(self, path: StrPath) -> None:
        """A file in which sessions survive the process. Default: none. One that is corrupt or of another bot gives an
        error event with Status.FILE and new sessions."""
        lib.sg_config_set_session_file(self.handle, file_path(path, "session_file"))
        self.has_session_file = True

    def set_session_store(self, store: SessionStore | None) -> None:
        """A place of your own in which sessions survive the process, an object with ``load()`` and ``save(document)``: as a
        session file in everything else, and in place of one. None for none, the default."""
        if store is None:
            callbacks = _declarations.SessionLoader(), _declarations.SessionSaver()
        else:
            for method in ("load", "save"):
                if not callable(getattr(store, method, None)):
                    raise InvalidArgumentError(f"session_store has no method {method}")
            callbacks = _store_callbacks(store)
        lib.sg_config_set_session_store(self.handle, *callbacks, None)
        self._store = callbacks
        self.has_session_file = store is not None

    def import_sessions(self, sessions: str | bytes) -> None:
        """Sessions to resume, as ``export_sessions`` gave them. Raises FileError when they are not such a document."""
        whole = json_bytes(sessions, "sessions")
        lib.sg_config_import_sessions(self.handle, whole, len(whole))

    def set_backoff(self, first: float, limit: float) -> None:
        """The wait after a failed connection: random up to first, doubled for each further failure, up to limit. Default
        1 s and 60 s."""
        lib.sg_config_set_backoff(self.handle, milliseconds(first, "first"), milliseconds(limit, "limit"))

    def set_connect_timeout(self, seconds: float) -> None:
        """The time for a whole connection attempt: name, TCP, TLS and upgrade. Default 10 s."""
        lib.sg_config_set_connect_timeout(self.handle, milliseconds(seconds, "connect_timeout"))

    def set_invalid_session_wait(self, least: float, most: float) -> None:
        """The random wait after an invalid session, before identifying again. Default 1 s to 5 s."""
        lib.sg_config_set_invalid_session_wait(self.handle, milliseconds(least, "least"), milliseconds(most, "most"))

    def set_zombie_policy(self, policy: int) -> None:
        """Default ``ZombiePolicy.GRACE``."""
        lib.sg_config_set_zombie_policy(self.handle, number(policy, "zombie_policy"))

    def set_max_message_size(self, size: int) -> None:
        """The largest payload to accept, in bytes, as received and after decompression. Default 64 MiB."""
        lib.sg_config_set_max_message_size(self.handle, number(size, "max_message_size", _SIZE_BITS))

    def set_send_limit(self, count: int, window: float) -> None:
        """How many payloads a connection may send in any window of so many seconds; a count of 0 sets no limit.
        Default 120 in 60 s."""
        lib.sg_config_set_send_limit(self.handle, number(count, "count"), milliseconds(window, "window"))

    def set_queue_bytes(self, size: int) -> None:
        """The bytes of events that may wait, per I/O thread; 0 is the default of 8 MiB. When three quarters are used,
        reading from the gateway pauses until you catch up; heartbeats go on, and nothing is dropped."""
        lib.sg_config_set_delivery(self.handle, self._delivery, number(size, "queue_bytes", _SIZE_BITS))
        self._queue_bytes = size

    def set_io_threads(self, count: int) -> None:
        """The number of I/O threads, 1 to 256; 0 is the default: one per core, at most one per 64 shards."""
        lib.sg_config_set_io_threads(self.handle, number(count, "io_threads"))

    def set_handshake_limit(self, count: int) -> None:
        """How many connections of one I/O thread may be in their TCP, TLS and upgrade handshakes at once, 1 to 65535;
        others wait their turn. Default 16."""
        lib.sg_config_set_handshake_limit(self.handle, number(count, "handshake_limit"))

    def set_reshard_window(self, seconds: float) -> None:
        """How far the two copies of an event may be apart that an old and a new shard get during ``reshard``: 0.001 to
        600, default 5. The new shards are watched for two of these before they take over, and for one after that."""
        lib.sg_config_set_reshard_window(self.handle, milliseconds(seconds, "reshard_window"))

    def set_event_handler(self, handler: Callable[[Event], object] | None, delivery: int = Delivery.QUEUED) -> None:
        """A function that is called with every event on the library's own threads, in place of iteration and of ``on``.
        None for none, the default.

        Per shard it is called in order and never twice at once; different shards may call at the same time. What it
        returns from counts as delivered; what it raises is logged. ``Delivery.INLINE`` calls it on the I/O thread, which
        then waits for Python's interpreter lock before it goes on reading and sending heartbeats: for handlers and
        programs that never hold that lock for long."""
        if handler is not None and not callable(handler):
            raise InvalidArgumentError(f"a handler must be a function, not {type(handler).__name__}")
        callback = _declarations.EventHandler() if handler is None else _event_callback(handler)
        lib.sg_config_set_delivery(self.handle, number(delivery, "delivery"), self._queue_bytes)
        lib.sg_config_set_event_handler(self.handle, callback, None)
        self._direct = None if handler is None else callback
        self._delivery = Delivery(delivery)

    def set_log_handler(self, log: LogFunction | None, level: int = LogLevel.INFO) -> None:
        """The function that receives log lines of ``level`` and above; None for none, the default.

        It is called on the library's threads, by several at once, and must not call the library. An I/O thread that has
        something to log waits for Python's interpreter lock: meant for debugging. Errors and closed connections are
        logged to ``logging.getLogger("swiftgateway")`` without this.
        """
        minimum = number(level, "log_level")
        if log is None:
            callback = _declarations.LogHandler()
        else:
            if not callable(log):
                raise InvalidArgumentError("log must be a function of level, target and message")
            callback = _log_callback(log)
        lib.sg_config_set_log_handler(self.handle, minimum, callback, None)
        self._log = callback  # must live as long as what is made of this config, which refers to it as well

    def __repr__(self) -> str:
        return f"<Config intents={self.intents!r}>"


def _free(handle: int) -> None:
    if not _fork.forked_while_running():
        lib.sg_config_free(handle)


_SIZE_BITS = ctypes.sizeof(ctypes.c_size_t) * 8


def _spread(name: str, setter: Callable[..., None], values: object) -> None:
    if not isinstance(values, (tuple, list)):
        raise InvalidArgumentError(f"{name} must be a tuple, not {type(values).__name__}")
    try:
        setter(*values)
    except TypeError as error:
        raise InvalidArgumentError(f"{name} is {values!r}: {error}") from None


def _event_callback(handler: Callable[[Event], object]) -> Any:
    def call(event: Any, _user: Any) -> None:
        try:
            handler(events_at(_declarations.address_of(event), 1)[0][0])
        except Exception:
            logger.exception("an event handler failed")

    return _declarations.EventHandler(call)


def _log_callback(log: LogFunction) -> Any:
    def line(level: int, target: bytes, message: bytes, _user: Any) -> None:
        log(LogLevel(level), target.decode("utf-8", "replace"), message.decode("utf-8", "replace"))

    return _declarations.LogHandler(line)
