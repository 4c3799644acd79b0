"""Clusters and shards for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import signal
import threading
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from . import _fork
from ._arguments import milliseconds
from ._commands import ClusterCommands, ShardCommands
from ._connection import CLOSE_TIMEOUT, Connection
from ._delivery import Delivery
from ._waiting import in_slices
from .bot import GatewayBot, fetch, fetch_url
from .config import Config
from .errors import GatewayError, InvalidArgumentError, InvalidStateError, TimeoutError
from .event import Event

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from .config import Options

__all__ = ["Cluster", "Shard", "fetch_gateway", "fetch_gateway_bot"]

logger = logging.getLogger("swiftgateway")
_T = TypeVar("_T")


async def _in_thread(function: Callable[[], _T]) -> _T:
    """Runs what blocks. The thread is a daemon and not asyncio's own: a wait that was given up holds up no exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = function()
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="swiftgateway-call", daemon=True).start()
    return await future


async def _in_thread_sliced(wait: Callable[[int], _T], timeout: float | None) -> _T:
    """The same for a wait of the library's. One that was cancelled leaves its thread soon."""
    given_up = threading.Event()
    try:
        return await _in_thread(lambda: in_slices(wait, timeout, given_up))
    finally:
        given_up.set()


class _Async(Connection):
    """The part of the asyncio classes that has to do with time."""

    _dispatcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts every shard, in the order and at the pace that identifying allows, and returns at once.

        May be called again after :meth:`close`. Raises InvalidStateError when it runs already, FileError when the trust
        store cannot be read."""
        self._begin()
        if self._has_handlers:
            self._dispatcher = asyncio.get_running_loop().create_task(self._serve_handlers())

    async def wait_ready(self, timeout: float | None = None) -> None:
        """Waits until all shards have been active at least once. ``timeout`` in seconds; None for ever.

        Raises TimeoutError; CancelledError of this package when it is closed meanwhile; when a shard is fatal or the API
        cannot be asked, the exception that says why. Needs someone to take the events meanwhile: with iteration, a
        task."""
        await self._wait("wait_ready", timeout)

    async def wait(self, timeout: float | None = None) -> None:
        """Waits until every shard has stopped: returns after a close. ``timeout`` in seconds; None for ever.

        Raises TimeoutError; when a shard is fatal, at once, what made it so, such as UnauthorizedError."""
        await self._wait("wait", timeout)

    async def _wait(self, name: str, timeout: float | None) -> None:
        life = self._started()
        await _in_thread_sliced(lambda slice: life.call(name, slice), timeout)

    async def close(self, mode: int | None = None, timeout: float = CLOSE_TIMEOUT) -> None:
        """Ends every connection and waits for that, ``timeout`` seconds at most.

        ``mode``: ShutdownMode.FINAL takes the bot offline at once; ShutdownMode.RESUMABLE keeps the sessions, for the
        session file or :meth:`export_sessions`. Default: RESUMABLE with a session file, else FINAL. Events that wait for
        handlers are handed to them first; those that nobody iterated over count as not delivered, and a resumed session
        gets them again. Raises TimeoutError when that took too long; it is stopped all the same."""
        await self._close(mode, timeout, last_is_handled=True)

    async def _close(self, mode: int | None, timeout: float, *, last_is_handled: bool) -> None:
        if self._life is None:
            return
        _fork.check()
        chosen, time = self._mode(mode), milliseconds(timeout, "timeout")
        dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is asyncio.current_task():  # from inside a handler
            dispatcher, last_is_handled = None, True
        if dispatcher is None or dispatcher.done():
            self._delivery.close(last_is_handled=last_is_handled)
            await _in_thread(lambda: self._finish(chosen, time))
            return
        ending = asyncio.ensure_future(_in_thread(lambda: self._finish(chosen, time)))
        try:
            await asyncio.wait({ending}, timeout=timeout)
        finally:
            self._delivery.close(last_is_handled=False)
            dispatcher.cancel()
        await asyncio.wait({dispatcher})
        await ending

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._close(None, CLOSE_TIMEOUT, last_is_handled=error is None)
        except TimeoutError as late:
            logger.warning("%s", late)

    # Events

    async def next_event(self) -> Event:
        """The next event. Asking for it says that the one before is dealt with. May be cancelled without a loss.

        Raises StopAsyncIteration after the end, and what made the cluster fail."""
        delivery = self._consuming()
        while True:
            batch = delivery.take()
            if batch is None:
                if delivery.outcome():
                    raise StopAsyncIteration
                await self._something()
                continue
            for event in batch.events:
                return event

    def __aiter__(self) -> AsyncIterator[Event]:
        """All events, in order for each shard. Asking for the next one says that the one before is dealt with: as long as
        you do not, no more than the queue holds is read from the gateway, and heartbeats go on.

        Ends after :meth:`close`. Raises what made a shard fatal, or that the API could not be asked. Leaving the loop and
        iterating anew goes on with the next event. One iteration at a time: a new one ends the one before."""
        self._consuming()
        return self._events()

    async def _events(self) -> AsyncIterator[Event]:
        delivery = self._delivery
        owner = delivery.owner = object()
        while True:
            batch = delivery.take()
            if batch is None:
                if delivery.outcome():
                    return
                await self._something()
            else:
                for event in batch.events:
                    yield event
            if delivery.owner is not owner:
                raise InvalidStateError("another iteration over these events has begun")

    def _consuming(self) -> Delivery:
        self._check_consumer()
        if self._dispatcher is not None:
            raise InvalidStateError("the events go to the handlers; iterate where there are none")
        return self._delivery

    async def _something(self) -> None:
        """Waits until there is something to look at."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle)

        def settle() -> None:
            if not future.done():
                future.set_result(None)

        if self._delivery.arm(wake):
            try:
                await future
            finally:
                self._delivery.disarm()

    async def _serve_handlers(self) -> None:
        handlers, every = self._handlers, self._every
        delivery = self._delivery
        while True:
            try:
                async for event in self._events():
                    for handler in (*handlers.get(event.name or event.kind, ()), *every):
                        try:
                            result = handler(event)
                            if result is not None and inspect.isawaitable(result):
                                await result
                        except Exception:
                            logger.exception("a handler of %s failed", event.name or event.kind.name)
                return
            except GatewayError:
                # wait() tells it; the other shards go on.
                if delivery.closed:
                    return

    async def serve(self) -> None:
        """Starts, if it was not, hands events to the handlers until :meth:`close`, and closes.

        Raises what made a shard fatal, or that the API could not be asked."""
        if not self._has_handlers:
            raise InvalidStateError("no handler is registered: use @cluster.on(…), or iterate over the events")
        if not self.running:
            async with self:
                await self.wait()
        else:
            await self.wait()

    def run(self) -> None:
        """For a program that does nothing else: serves the handlers in an event loop of its own until Ctrl-C or SIGTERM,
        and then closes. Raises as :meth:`serve`."""

        async def main() -> None:
            loop = asyncio.get_running_loop()
            task = asyncio.current_task()
            asked = []

            def stop() -> None:
                asked.append(True)
                assert task is not None
                task.cancel()

            for number in (signal.SIGINT, signal.SIGTERM):
                with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not on the main thread
                    loop.add_signal_handler(number, stop)
            try:
                await self.serve()
            except asyncio.CancelledError:
                if not asked:
                    raise

        asyncio.run(main())


def _config(token: str | Config | None, intents: int | None, options: Any) -> Config:
    if isinstance(token, Config):
        if intents is not None or options:
            raise InvalidArgumentError("a Config holds the intents and options already")
        return token
    if intents is None:
        raise InvalidArgumentError("intents are missing: pass for example Intents.GUILDS | Intents.GUILD_MESSAGES")
    return Config(token, intents, **options)


class Cluster(_Async, ClusterCommands):
    """Some or all shards of one bot, for asyncio.

    ``async with Cluster(token, intents=Intents.GUILDS | Intents.GUILD_MESSAGES) as cluster:`` starts it, and closes it at
    the end of the block: what the block leaves by, an exception or not, says whether the last event was dealt with.
    Then ``async for event in cluster``, or handlers: see :meth:`on`."""

    def __init__(self, token: str | Config | None, intents: int | None = None, **options: Unpack[Options]) -> None:
        """``options`` are those of :class:`Config`, which may be given in place of token, intents and options."""
        super().__init__(_config(token, intents, options))

    async def wait_reshard(self, timeout: float | None = None) -> None:
        """Waits until the new shards of :meth:`reshard` have taken over and no copy of an event can come any more; at once when
        that is past. ``timeout`` in seconds; None for ever. Needs someone to take the events meanwhile.

        Raises TimeoutError; CancelledError when it was cancelled or the cluster closed; InvalidStateError when it was not
        resharded; else what made it fail."""
        await self._wait("wait_reshard", timeout)

    async def export_shard(self, shard_id: int, timeout: float | None = None) -> bytes:
        """The session of one shard, for ``add_shard`` of a cluster in another process. To move a shard: remove it with
        ``ShutdownMode.RESUMABLE``, export it, add it there. Of a shard that was removed it is the last word: waits until it
        has stopped and all its events are dealt with, ``timeout`` seconds at most, None for ever. Of one that runs: what it
        would resume with now, at once. Raises TimeoutError; NotFoundError when it was never a shard of this cluster or has
        no session."""
        return await _in_thread_sliced(lambda slice: self._export_shard(shard_id, slice), timeout)


class Shard(_Async, ShardCommands):
    """One connection, for asyncio. As :class:`Cluster`; the config's own choice of shards is not used."""

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


async def fetch_gateway_bot(config: Config, timeout: float = 10.0) -> GatewayBot:
    """Asks the API once how many shards there should be and how many identifies are left. ``timeout`` in seconds.

    Raises TimeoutError, NetworkError, TLSError, FileError (trust store), UnauthorizedError (401), RateLimitedError (429),
    HTTPError (any other answer but 200, or a body that is not understood)."""
    return await _in_thread(lambda: fetch(config, timeout))


async def fetch_gateway(config: Config, timeout: float = 10.0) -> str:
    """Asks the API once for the gateway's URL alone, which needs no token. It may be kept for ``gateway_url=`` for as long
    as connecting to it works. Raises as :func:`fetch_gateway_bot`, without UnauthorizedError."""
    return await _in_thread(lambda: fetch_url(config, timeout))
