"""What clusters and shards, for asyncio and for scripts, have in common: the handle, its life, and the commands."""

from __future__ import annotations

import atexit
import ctypes
import dataclasses
import threading
import warnings
import weakref
from collections.abc import Mapping
from typing import Any, Callable, TypeVar

from . import _declarations, _fork
from ._arguments import FOREVER, number
from ._delivery import Delivery
from ._library import lib
from .config import Config
from .enums import Dispatch, EventKind, EventKinds, InflateBackend, ShardState, ShutdownMode
from .errors import GatewayError, InvalidArgumentError, InvalidStateError, warn
from .event import Event, intents_for

__all__ = ["ClusterSummary", "Connection", "ShardInfo"]

Handler = Callable[[Event], Any]
_H = TypeVar("_H", bound=Handler)

#: Seconds that leaving may take when nothing else is said.
CLOSE_TIMEOUT = 5.0


@dataclasses.dataclass(frozen=True)
class ShardInfo:
    """A snapshot of one shard. Counters are for the life of the cluster or shard, over all its connections."""

    id: int
    total: int
    state: ShardState
    #: Last sequence received; 0 = none.
    sequence: int
    #: Empty = no session.
    session_id: str
    #: Round trip of the last acknowledged heartbeat; 0 = none. Nanoseconds, as all ``_ns``.
    latency_last_ns: int
    latency_average_ns: int
    #: The last five round trips, newest first; 0 = none.
    latency_recent_ns: tuple[int, ...]
    heartbeats_sent: int
    heartbeats_acked: int
    #: Connections opened, the first included.
    connects: int
    reconnects: int
    identifies: int
    resumes: int
    #: Dispatches received, filtered ones included.
    events: int
    #: Dispatches that were delivered.
    events_delivered: int
    #: Sequence of the last dispatch whose delivery is complete; 0 = none.
    sequence_delivered: int
    #: Bytes of websocket frames received, inside TLS; and the same after decompression.
    bytes_wire: int
    bytes_inflated: int
    bytes_sent: int
    #: Bytes of events that wait for delivery.
    bytes_queued: int
    #: Until the send limit allows a command again; 0 = now.
    next_permit_ns: int
    commands_queued: int
    #: Commands that the send limit allows now; 2^32 - 1 without a limit.
    send_permits: int
    #: As HELLO said; 0 = not connected.
    heartbeat_interval_ms: int
    #: Of the last connection that ended; 0 = none.
    last_close_code: int

    @property
    def latency(self) -> float | None:
        """The last round trip in seconds; None before the first."""
        return self.latency_last_ns / 1e9 if self.latency_last_ns else None


@dataclasses.dataclass(frozen=True)
class ClusterSummary:
    """All shards of a cluster at a glance. Counters are sums over the shards, for the life of the cluster's run."""

    #: Of this cluster; 0 before the API has said how many.
    shards: int
    #: Of the bot, in all processes; 0 before it is known.
    total: int
    #: That were active at least once, which is what ``wait_ready`` waits for.
    ready: int
    #: How many shards are in each state; states without one are left out.
    states: Mapping[ShardState, int]
    #: Longest of the last round trips of connected shards, and whose it is; 0 = none yet.
    latency_slowest_ns: int
    latency_slowest_shard: int
    #: Until the reset; how many per 24 h, where 0 = not known, as the API was not asked; time until the reset.
    identifies_left: int
    identifies_total: int
    identifies_reset_ns: int
    #: What inflates zlib-stream, never ``AUTO``; None with another compression.
    inflate_backend: InflateBackend | None
    #: Dispatches received, filtered ones included.
    events: int
    #: Dispatches that were delivered.
    events_delivered: int
    reconnects: int
    resumes: int
    identifies: int
    #: Errors told.
    errors: int
    bytes_wire: int
    bytes_inflated: int
    bytes_sent: int
    #: Bytes of events that wait for delivery.
    bytes_queued: int
    commands_queued: int


def cluster_summary(struct: _declarations.ClusterSummaryStruct) -> ClusterSummary:
    values = {field.name: getattr(struct, field.name) for field in dataclasses.fields(ClusterSummary)}
    values["states"] = {ShardState(state): count for state, count in enumerate(struct.states) if count}
    values["inflate_backend"] = InflateBackend(struct.inflate_backend) if struct.inflate_backend else None
    return ClusterSummary(**values)


def shard_info(struct: _declarations.ShardInfoStruct) -> ShardInfo:
    values = {field.name: getattr(struct, field.name) for field in dataclasses.fields(ShardInfo)}
    values["state"] = ShardState(values["state"])
    values["session_id"] = values["session_id"].decode("utf-8", "replace")
    values["latency_recent_ns"] = tuple(values["latency_recent_ns"])
    return ShardInfo(**values)


class _Life:
    """A handle and what must outlive it. Knows nothing of the object that uses it, so that that one can be collected."""

    def __init__(self, kind: str, handle: int, delivery: Delivery, keep: tuple[Any, ...]) -> None:
        self.kind = kind
        self.handle = handle
        self.delivery = delivery
        self.keep = keep
        self.watcher: threading.Thread | None = None

    def call(self, name: str, *arguments: Any) -> Any:
        return getattr(lib, f"sg_{self.kind}_{name}")(self.handle, *arguments)

    def watch(self) -> None:
        """Waits, on a thread of its own, for the end or for a shard that is fatal, and tells the consumer."""

        def run() -> None:
            try:
                self.call("wait", FOREVER)
                self.delivery.end()
            except GatewayError as error:
                self.delivery.fail(error)

        self.watcher = threading.Thread(target=run, name="swiftgateway-watch", daemon=True)
        self.watcher.start()

    def shutdown(self, mode: int, timeout_ms: int) -> None:
        self.call("shutdown", mode, timeout_ms)
        self.join()

    def join(self) -> None:
        if self.watcher is not None and self.watcher is not threading.current_thread():
            self.watcher.join()
            self.watcher = None

    def end(self) -> None:
        """Shuts down what may still run. Raises nothing."""
        self.delivery.close(last_is_handled=False)
        try:
            self.shutdown(ShutdownMode.RESUMABLE, round(CLOSE_TIMEOUT * 1000))
        except GatewayError:
            self.join()

    def free(self) -> None:
        self.end()
        self.call("free")


_lives: set[_Life] = set()


def _collected(life: _Life, name: str, running: list[bool]) -> None:
    """The object of this life is gone."""
    if life not in _lives:
        return
    _lives.discard(life)
    if _fork.forked_while_running():
        return
    if running[0]:
        warnings.warn(
            f"{name} was dropped while it ran: leave it with close() or a with block", ResourceWarning, stacklevel=2
        )
    # On a thread of its own: the collector may run anywhere, and the end waits for the network.
    try:
        threading.Thread(target=life.free, name="swiftgateway-free").start()
    except RuntimeError:  # the interpreter is ending and starts no threads any more
        life.free()


def _at_exit() -> None:
    """No thread of the library may call into an interpreter that is going away."""
    if _fork.forked_while_running():
        return
    for life in list(_lives):
        life.delivery.close(last_is_handled=False)
    for life in list(_lives):
        life.end()


atexit.register(_at_exit)


class Connection:
    """The base of Cluster, Shard, BlockingCluster and BlockingShard."""

    _kind = "cluster"

    def __init__(self, config: Config) -> None:
        _fork.check()
        self.config = config
        self._life: _Life | None = None
        self._delivery = Delivery()
        self._running = [False]
        self._filter: set[str] | None = None
        self._handlers: dict[str | EventKind, list[Handler]] = {}
        self._every: list[Handler] = []
        if config.event_filter:
            for name in config.event_filter:
                self._check_intents(name)

    # Handlers

    def on(self, *what: str | Dispatch | EventKind) -> Callable[[_H], _H]:
        """Registers a handler for dispatches, by name, or for other kinds of events; without arguments, for all.

        ``@cluster.on("MESSAGE_CREATE")`` or ``@cluster.on(EventKind.CLOSED)``. The handler takes the event. With
        asyncio it may be a coroutine function: it is awaited before the next event is handed out, which keeps the order
        and lets a slow handler slow the gateway down; start a task for what may take long. What a handler raises is
        logged, and the next event follows.

        Where there are handlers, only what they ask for is delivered. Register them before the start.
        """
        for one in what:
            if not isinstance(one, (str, EventKind)) and not isinstance(one, Dispatch):
                raise InvalidArgumentError(f"on() takes names of dispatches and EventKind, not {one!r}")

        def register(handler: _H) -> _H:
            if not callable(handler):
                raise InvalidArgumentError(f"a handler must be a function, not {type(handler).__name__}")
            keys = [one if isinstance(one, EventKind) else one.name if isinstance(one, Dispatch) else one for one in what]
            if self._life is not None:
                if self._filter is None:
                    raise InvalidStateError("the cluster was started without handlers; register them before the start")
                missing = [key for key in keys if not isinstance(key, EventKind) and key not in self._filter]
                if missing or (not keys and self._filter is not _ALL):
                    raise InvalidStateError(
                        f"{', '.join(map(str, missing)) or 'all events'} had no handler when the cluster was made and is "
                        "filtered out; register handlers before the start, or name the events with events="
                    )
            for key in keys:
                if isinstance(key, str):
                    self._check_intents(key)
                self._handlers.setdefault(key, []).append(handler)
            if not keys:
                self._every.append(handler)
            return handler

        return register

    def _check_intents(self, name: str) -> None:
        needed = intents_for(name)
        if needed and not needed & self.config.intents:
            names = " or ".join(f"Intents.{one.name}" for one in type(needed) if one & needed and one in _SINGLE)
            warn(f"{name} never comes with these intents: it needs {names}")

    @property
    def _has_handlers(self) -> bool:
        return bool(self._handlers or self._every)

    def _check_consumer(self) -> None:
        """May events be iterated over?"""
        self._started()
        if self.config._direct is not None:
            raise InvalidStateError("the events go to the config's event handler; iterate where there is none")

    # Life

    def _make(self, handle_out: Any) -> None:
        raise NotImplementedError

    def _started(self) -> _Life:
        """The life, for calls that need one."""
        _fork.check()
        if self._life is None:
            raise InvalidStateError(f"the {self._kind} is not started")
        return self._life

    def _begin(self) -> None:
        """Makes the handle, the first time, and starts."""
        _fork.check()
        if self._life is None:
            self._life = self._create()
        life = self._life
        if self._running[0]:
            raise InvalidStateError(f"the {self._kind} is started already")
        life.join()
        self._delivery.open()
        try:
            life.call("start")
        except GatewayError:
            self._delivery.close(last_is_handled=False)
            raise
        self._running[0] = True
        _fork.running.add(self)
        life.watch()

    def _create(self) -> _Life:
        config, delivery = self.config, self._delivery
        restore: list[Callable[[], None]] = []
        if self._has_handlers:
            self._filter = self._choose(restore)
        if config._direct is None:
            lib.sg_config_set_batch_handler(config.handle, delivery.callback, None)
        delivery.tells_errors = config._direct is None and (
            config.event_kinds is None or EventKinds.ERROR in config.event_kinds
        )
        try:
            out = ctypes.c_void_p()
            self._make(ctypes.byref(out))
        finally:
            if config._direct is None:
                lib.sg_config_set_batch_handler(config.handle, _declarations.BatchHandler(), None)
            for undo in restore:
                undo()
        assert out.value is not None
        life = _Life(self._kind, out.value, delivery, (delivery.callback, config._direct, config._log, config._queue, config._store))
        _lives.add(life)
        self._finalizer = weakref.finalize(self, _collected, life, repr(self), self._running)
        self._finalizer.atexit = False  # see _at_exit
        return life

    def _choose(self, restore: list[Callable[[], None]]) -> set[str]:
        """Has only that delivered for which there is a handler. What the user chose stays."""
        config = self.config
        names = {key for key in self._handlers if isinstance(key, str)}
        if config.event_kinds is None and not self._every:
            kinds = EventKinds.ERROR | EventKinds.CLOSED  # they are logged
            if names:
                kinds |= EventKinds.DISPATCH
            for key in self._handlers:
                if isinstance(key, EventKind):
                    kinds |= EventKinds(1 << key)
            config.set_event_kinds(kinds)

            def kinds_again() -> None:
                config.set_event_kinds(EventKinds.DEFAULT)
                config.event_kinds = None

            restore.append(kinds_again)
        if config.event_filter is not None:
            return set(config.event_filter)
        if self._every or EventKind.DISPATCH in self._handlers:
            return _ALL
        if names:
            config.set_event_filter(sorted(names))
            restore.append(lambda: config.set_event_filter(()))
        return names

    def _finish(self, mode: int, timeout_ms: int) -> None:
        """The blocking part of the end. The border is closed already, or is closed by someone else in time."""
        life = self._started()
        try:
            life.call("shutdown", mode, timeout_ms)
        finally:
            life.join()
            self._running[0] = False
            _fork.running.discard(self)

    def _mode(self, mode: int | None) -> int:
        if mode is None:
            return ShutdownMode.RESUMABLE if self.config.has_session_file else ShutdownMode.FINAL
        return number(mode, "mode")

    def _forget(self) -> None:
        self._running[0] = False
        self._delivery.forget()

    @property
    def running(self) -> bool:
        """Was it started, and not closed since?"""
        return self._running[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'running' if self._running[0] else 'not running'}>"


_ALL: set[str] = {"*"}
_SINGLE = [one for one in type(intents_for("READY")) if one & (one - 1) == 0]
