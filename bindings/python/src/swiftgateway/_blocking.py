"""The same for scripts without asyncio."""

from __future__ import annotations

import _thread
import logging
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from . import _fork
from ._arguments import milliseconds
from ._asyncio import _config
from ._commands import ClusterCommands, ShardCommands
from ._connection import CLOSE_TIMEOUT, Connection
from ._waiting import in_slices
from .bot import GatewayBot, fetch, fetch_url
from .config import Config
from .errors import InvalidStateError, TimeoutError
from .event import Event

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from .config import Options

__all__ = ["BlockingCluster", "BlockingShard", "fetch_gateway_blocking", "fetch_gateway_bot_blocking"]

logger = logging.getLogger("swiftgateway")


class _Blocking(Connection):
    def start(self) -> None:
        """Starts every shard, in its turn, and returns at once. May be called again after :meth:`close`.

        Raises InvalidStateError when it runs already, FileError when the trust store cannot be read."""
        self._begin()

    def wait_ready(self, timeout: float | None = None) -> None:
        """Waits until all shards have been active at least once. ``timeout`` in seconds; None for ever. Ctrl-C ends it.

        Raises TimeoutError; CancelledError when it is closed meanwhile; when a shard is fatal or the API cannot be asked,
        the exception that says why."""
        self._wait("wait_ready", timeout)

    def wait(self, timeout: float | None = None) -> None:
        """Waits until every shard has stopped. ``timeout`` in seconds; None for ever. Ctrl-C ends it.

        Raises TimeoutError; when a shard is fatal, at once, what made it so."""
        self._wait("wait", timeout)

    def _wait(self, name: str, timeout: float | None) -> None:
        life = self._started()
        in_slices(lambda slice: life.call(name, slice), timeout)

    def close(self, mode: int | None = None, timeout: float = CLOSE_TIMEOUT) -> None:
        """Ends every connection and waits for that, ``timeout`` seconds at most.

        ``mode``: ShutdownMode.FINAL takes the bot offline at once; ShutdownMode.RESUMABLE keeps the sessions. Default:
        RESUMABLE with a session file, else FINAL. Events that nobody iterated over count as not delivered. Raises
        TimeoutError when that took too long; it is stopped all the same."""
        self._close(mode, timeout, last_is_handled=True)

    def _close(self, mode: int | None, timeout: float, *, last_is_handled: bool) -> None:
        if self._life is None:
            return
        _fork.check()
        chosen, time_ms = self._mode(mode), milliseconds(timeout, "timeout")
        self._delivery.close(last_is_handled=last_is_handled)
        self._finish(chosen, time_ms)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._close(None, CLOSE_TIMEOUT, last_is_handled=error is None)
        except TimeoutError as late:
            logger.warning("%s", late)

    def next_event(self, timeout: float | None = None) -> Event:
        """The next event; waits for it ``timeout`` seconds at most, None for ever. Asking for it says that the one before
        is dealt with.

        Raises TimeoutError, StopIteration after the end, and what made the cluster fail."""
        self._check_consumer()
        delivery = self._delivery
        until = None if timeout is None else time.monotonic() + milliseconds(timeout, "timeout") / 1000
        while True:
            batch = delivery.take()
            if batch is not None:
                for event in batch.events:
                    return event
                continue
            if delivery.outcome():
                raise StopIteration
            left = -1.0 if until is None else until - time.monotonic()
            if until is not None and left <= 0:
                raise TimeoutError(f"no event came within {timeout} s")
            self._something(left)

    def __iter__(self) -> Iterator[Event]:
        """All events, in order for each shard. Asking for the next one says that the one before is dealt with.

        Ends after :meth:`close`, from another thread. Raises what made a shard fatal, or that the API could not be
        asked. Leaving the loop and iterating anew goes on with the next event. One iteration at a time."""
        self._check_consumer()
        return self._events()

    def _events(self) -> Iterator[Event]:
        delivery = self._delivery
        owner = delivery.owner = object()
        while True:
            batch = delivery.take()
            if batch is None:
                if delivery.outcome():
                    return
                self._something(-1)
            else:
                yield from batch.events
            if delivery.owner is not owner:
                raise InvalidStateError("another iteration over these events has begun")

    def _something(self, timeout: float) -> None:
        """Waits until there is something to look at. Signals interrupt it."""
        signal = _thread.allocate_lock()
        signal.acquire()
        if self._delivery.arm(signal.release):
            try:
                signal.acquire(True, timeout)
            finally:
                self._delivery.disarm()

    def serve(self) -> None:
        """Starts, if it was not, hands events to the handlers on this thread until it is closed or Ctrl-C, and closes.

        Raises what made a shard fatal, or that the API could not be asked, and KeyboardInterrupt."""
        if not self._has_handlers:
            raise InvalidStateError("no handler is registered: use @cluster.on(…), or iterate over the events")
        if not self.running:
            with self:
                self._serve()
        else:
            self._serve()

    def _serve(self) -> None:
        handlers, every = self._handlers, self._every
        for event in self._events():
            for handler in (*handlers.get(event.name or event.kind, ()), *every):
                try:
                    handler(event)
                except Exception:
                    logger.exception("a handler of %s failed", event.name or event.kind.name)


class BlockingCluster(_Blocking, ClusterCommands):
    """Some or all shards of one bot, for scripts: ``with BlockingCluster(…) as cluster:`` and ``for event in cluster:``.

    Handlers (:meth:`on`) must be plain functions; :meth:`serve` calls them."""

    def __init__(self, token: str | Config | None, intents: int | None = None, **options: Unpack[Options]) -> None:
        """``options`` are those of :class:`Config`, which may be given in place of token, intents and options."""
        super().__init__(_config(token, intents, options))

    def wait_reshard(self, timeout: float | None = None) -> None:
        """Waits until the new shards of :meth:`reshard` have taken over and no copy of an event can come any more; at once when
        that is past. ``timeout`` in seconds; None for ever. Needs someone to take the events meanwhile.

        Raises TimeoutError; CancelledError when it was cancelled or the cluster closed; InvalidStateError when it was not
        resharded; else what made it fail."""
        self._wait("wait_reshard", timeout)

    def export_shard(self, shard_id: int, timeout: float | None = None) -> bytes:
        """The session of one shard, for ``add_shard`` of a cluster in another process. To move a shard: remove it with
        ``ShutdownMode.RESUMABLE``, export it, add it there. Of a shard that was removed it is the last word: waits until it
        has stopped and all its events are dealt with, ``timeout`` seconds at most, None for ever. Of one that runs: what it
        would resume with now, at once. Raises TimeoutError; NotFoundError when it was never a shard of this cluster or has
        no session."""
        return in_slices(lambda slice: self._export_shard(shard_id, slice), timeout)


class BlockingShard(_Blocking, ShardCommands):
    """One connection, for scripts. As :class:`BlockingCluster`; the config's own choice of shards is not used."""

    def __init__(
        self,
        token: str | Config | None,
        intents: int | None = None,
        *,
        shard_id: int,
        shard_total: int,
        **options: Unpack[Options],
    ) -> None:
        """``shard_total``: 1 to 1,000,000."""
        super().__init__(_config(token, intents, options), shard_id, shard_total)


def fetch_gateway_bot_blocking(config: Config, timeout: float = 10.0) -> GatewayBot:
    """As ``await fetch_gateway_bot(…)``, without asyncio."""
    return fetch(config, timeout)


def fetch_gateway_blocking(config: Config, timeout: float = 10.0) -> str:
    """As ``await fetch_gateway(…)``, without asyncio."""
    return fetch_url(config, timeout)
