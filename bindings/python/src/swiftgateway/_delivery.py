"""Where events cross from the library's delivery threads into Python.

A batch is copied on the thread that brings it, under one hold of Python's interpreter lock. That thread then waits,
without the lock, until the batch is used up; only then the library notes the events as delivered. While it waits, the
library's bounded queue fills, and when it is full the library stops reading: so a slow consumer slows the gateway down,
and at most one batch for each I/O thread is ever held here.
"""

from __future__ import annotations

import _thread
import collections
import logging
import operator
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable

from . import _declarations, _threads
from .enums import EventKind, ShardState
from .errors import GatewayError
from .event import Event, events_at

__all__ = ["Batch", "Delivery"]

logger = logging.getLogger("swiftgateway")

#: Seconds that an exception waits for the event that tells the same.
_TELLING = 5.0
#: Seconds from one batch of an I/O thread to the next, at least: what an event may come later when many come.
_PACE = 0.001


class Batch:
    """Events that came together, and the thread that waits for them to be used up."""

    __slots__ = ("_done", "count", "events", "handled")

    def __init__(self, events: list[Event]) -> None:
        self.count = len(events)
        #: Those that were not handed out yet.
        self.events: Iterator[Event] = iter(events)
        #: How many, from the first, count as delivered.
        self.handled = 0
        self._done = _thread.allocate_lock()
        self._done.acquire()

    @property
    def handed_out(self) -> int:
        return self.count - operator.length_hint(self.events)

    def wait(self) -> None:
        self._done.acquire()

    def release(self, handled: int) -> None:
        self.handled = handled
        self._done.release()


class Delivery:
    """The border of one cluster or shard. Producers are the library's delivery threads; there is one consumer."""

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._ready: collections.deque[Batch] = collections.deque()
        self._current: Batch | None = None
        self._wake: Callable[[], None] | None = None
        self._inside: set[int] = set()
        self._closed = True
        #: Why the cluster can do no more, until it has been told.
        self.failure: GatewayError | None = None
        #: Whether errors come as events, too.
        self.tells_errors = True
        self._told = threading.Event()
        self._next = 0.0
        #: Everything has stopped; no more will come.
        self.ended = False
        #: Who consumes. The newest iteration is the one that counts.
        self.owner: object = None
        self.callback: Any = _declarations.BatchHandler(self._receive)

    def open(self) -> None:
        """Before each start."""
        self._closed = self.ended = False
        self.failure = None
        self._told = threading.Event()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def is_current_thread(self) -> bool:
        """Is this one of the library's threads, inside a call of this?"""
        return _thread.get_ident() in self._inside

    # The library's side

    def _receive(self, address: int, count: int, _user: Any) -> int:
        if self._closed:
            return 0
        _threads.keep()
        thread = _thread.get_ident()
        self._inside.add(thread)
        try:
            return self._pass_on(address, count)
        except BaseException:  # nothing may leave a callback; what did not cross counts as not delivered
            logger.exception("an event could not be passed on")
            return 0
        finally:
            self._inside.discard(thread)

    def _pass_on(self, address: int, count: int) -> int:
        # Under load batches come as fast as they are taken, and small; what each costs besides its events is some fifty
        # times an event's own. Waiting a moment makes the next one larger.
        now = time.monotonic()
        if now < self._next:
            time.sleep(self._next - now)
            now = time.monotonic()
        self._next = now + _PACE
        events, others = events_at(address, count)
        is_fatal = False
        for event in others:
            _log(event)
            is_fatal = is_fatal or (event.kind is EventKind.ERROR and event.state is ShardState.FATAL)
        batch = Batch(events)
        with self._lock:
            if self._closed:
                return 0
            self._ready.append(batch)
            wake, self._wake = self._wake, None
        if is_fatal:
            self._told.set()
        if wake is not None:
            wake()
        batch.wait()
        return batch.handled

    def fail(self, failure: GatewayError) -> None:
        """A shard is fatal, or the API could not be asked. The event that says so comes first: it is on its way, behind
        whatever the consumer has to take before; when that takes long, this overtakes it."""
        if self.tells_errors:
            self._told.wait(_TELLING)
        with self._lock:
            self.failure = failure
        self.wake()

    def end(self) -> None:
        """No more events will come."""
        self.ended = True
        self.wake()

    def wake(self) -> None:
        with self._lock:
            wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    # The consumer's side

    def take(self) -> Batch | None:
        """The batch in hand, or the next one; None when none waits. What was in hand and is used up is finished."""
        batch = self._current
        if batch is not None:
            if operator.length_hint(batch.events):
                return batch
            self.finish(batch)
        with self._lock:
            if self._ready:
                self._current = self._ready.popleft()
        return self._current

    def finish(self, batch: Batch) -> None:
        """The consumer asked for more than there was in this batch: all of it is delivered."""
        with self._lock:
            if self._current is not batch:
                return
            self._current = None
        batch.release(batch.count)

    def arm(self, wake: Callable[[], None]) -> bool:
        """Calls `wake` once, on any thread, when there is something to look at. False: there is already."""
        with self._lock:
            if self._ready or self.failure is not None or self.ended or self._closed:
                return False
            self._wake = wake
            return True

    def disarm(self) -> None:
        self._wake = None

    def outcome(self) -> bool:
        """With nothing waiting: is it over? Raises what made it fail, once."""
        with self._lock:
            if self._ready:
                return False
            failure, self.failure = self.failure, None
        if failure is not None:
            raise failure
        return self.ended or self._closed

    def close(self, *, last_is_handled: bool) -> None:
        """Lets the library's threads go. What was not handed out counts as not delivered, and so does the event that
        was handed out last, unless `last_is_handled`."""
        with self._lock:
            self._closed = True
            current, self._current = self._current, None
            waiting = list(self._ready)
            self._ready.clear()
        self._told.set()
        if current is not None:
            handed = current.handed_out
            current.release(handed if last_is_handled else max(handed - 1, 0))
        for batch in waiting:
            batch.release(0)
        self.wake()

    def forget(self) -> None:
        """In a child of fork(): the threads are not here, and the lock may be held by one of them."""
        self._lock = _thread.allocate_lock()
        self._told = threading.Event()
        self._closed = True
        self._current = None
        self._ready.clear()


def _log(event: Event) -> None:
    kind = event.kind
    if kind is EventKind.ERROR:
        level = logging.ERROR if event.state is ShardState.FATAL else logging.WARNING
        logger.log(level, "shard %d: %s (%s)", event.shard_id, event.text, event.status.name)
    elif kind is EventKind.CLOSED and event.state not in (ShardState.STOPPED, ShardState.CLOSING):
        logger.info("shard %d: connection closed with %d %s", event.shard_id, event.code, event.text)
