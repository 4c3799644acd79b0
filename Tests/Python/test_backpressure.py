"""A slow consumer slows the gateway down: reading pauses, memory stays bounded, heartbeats go on, nothing is lost."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import PATIENCE, Sandbox, run_program, sandbox_with
from swiftgateway import BlockingCluster, Cluster, Event, EventKind, EventKinds, Intents, ShardInfo
from swiftgateway._delivery import Delivery

INTENTS = Intents.GUILDS | Intents.GUILD_MESSAGES
INTERVAL = 1.5
BURST = 3000
BEATS = 3


@pytest.fixture
def beating() -> Iterator[Sandbox]:
    with sandbox_with("--heartbeat-interval", str(int(INTERVAL * 1000)), "--heartbeat-tolerance", "0") as made:
        yield made


def options_of(sandbox: Sandbox) -> dict[str, Any]:
    return {**sandbox.options, "queue_bytes": 1 << 16, "kinds": EventKinds.DEFAULT & ~EventKinds.LATENCY}


def held_back(before: ShardInfo, now: ShardInfo) -> bool:
    """Has the shard sent so many heartbeats since, with the rest of the burst unread?"""
    assert now.bytes_queued <= 1 << 16
    assert now.events < BURST
    return now.heartbeats_sent >= before.heartbeats_sent + BEATS


class Burst:
    """Takes events until the whole burst has come, in order and without a gap, over one connection."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.count = 0

    def took_all(self, event: Event) -> bool:
        assert event.kind is EventKind.DISPATCH, event
        assert event.sequence == self.last + 1
        self.last = event.sequence
        self.count += event.name != "GUILD_CREATE"
        return self.count == BURST


@pytest.mark.parametrize("blocks_the_loop", [False, True])
def test_a_consumer_that_sleeps_for_three_heartbeats(beating: Sandbox, blocks_the_loop: bool) -> None:
    async def main() -> None:
        async with Cluster(beating.token, INTENTS, **options_of(beating)) as cluster:
            async for event in cluster:
                if event.name == "GUILD_CREATE":
                    break
            beating.ask("/burst", {"count": BURST})
            before = cluster.info(0)
            while not held_back(before, cluster.info(0)):
                if blocks_the_loop:
                    time.sleep(INTERVAL)
                else:
                    await asyncio.sleep(INTERVAL)
            burst = Burst(event.sequence)
            async for event in cluster:
                if burst.took_all(event):
                    break
            assert cluster.info(0).connects == 1 and cluster.info(0).reconnects == 0

    asyncio.run(asyncio.wait_for(main(), 2 * PATIENCE))


def test_a_blocking_consumer_that_sleeps(beating: Sandbox) -> None:
    with BlockingCluster(beating.token, INTENTS, **options_of(beating)) as cluster:
        for event in cluster:
            if event.name == "GUILD_CREATE":
                break
        beating.ask("/burst", {"count": BURST})
        before = cluster.info(0)
        while not held_back(before, cluster.info(0)):
            time.sleep(INTERVAL)
        burst = Burst(event.sequence)
        for event in cluster:
            if burst.took_all(event):
                break
        assert cluster.info(0).connects == 1


def test_memory_stays_bounded(sandbox: Sandbox) -> None:
    done = run_program(
        """
        import urllib.request
        def rss():
            return int(open("/proc/self/statm").read().split()[1]) * 4096
        def burst(count):
            # On a thread: the sandbox answers when it has sent them, which a consumer that sleeps holds up.
            def order():
                urllib.request.urlopen(os.environ["CONTROL_URL"] + "/burst", b'{"count": %d}' % count).read()
            threading.Thread(target=order).start()
        async def main():
            async with Cluster(TOKEN, INTENTS, **OPTIONS, queue_bytes=1 << 20, kinds=EventKinds.DISPATCH) as cluster:
                # What is sent before there is a session reaches nobody.
                await cluster.wait_ready(60)
                warm = 0
                burst(2000)
                async for event in cluster:
                    warm += 1
                    if warm == 2000:
                        break
                before = rss()
                burst(20000)
                while cluster.info(0).bytes_queued < 3 << 18:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.5)
                held = rss() - before
                count = 0
                async for event in cluster:
                    count += 1
                    if count == 20000:
                        break
                print(held >> 20, cluster.info(0).bytes_inflated >> 20)
        asyncio.run(main())
        """,
        sandbox,
    )
    assert done.returncode == 0, done.stderr
    held, sent = map(int, done.stdout.split())
    assert held < 8 < sent, (held, sent)


def test_delivered_means_asked_for_the_next_one(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with Cluster(
            sandbox.token, INTENTS, **sandbox.options, events=["MARK"], kinds=EventKinds.DISPATCH
        ) as cluster:
            await cluster.wait_ready(PATIENCE)
            sequence = sandbox.emit("MARK", {})
            assert (await cluster.next_event()).sequence == sequence
            assert cluster.info(0).events_delivered == 0
            waiting = asyncio.ensure_future(cluster.next_event())
            while cluster.info(0).events_delivered == 0:
                await asyncio.sleep(0.01)
            assert cluster.info(0).sequence_delivered == sequence
            waiting.cancel()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))


def test_a_thread_of_the_library_has_one_state_of_python_until_it_ends(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mark:
        pass

    local = threading.local()
    marks: list[weakref.ref[Mark]] = []
    batches = 0
    receive = Delivery._pass_on

    def passing(self: Delivery, address: int, count: int) -> int:
        nonlocal batches
        batches += 1
        if not hasattr(local, "mark"):
            local.mark = Mark()
            marks.append(weakref.ref(local.mark))
        return receive(self, address, count)

    monkeypatch.setattr(Delivery, "_pass_on", passing)
    with BlockingCluster(sandbox.token, INTENTS, **sandbox.options) as cluster:
        for event in cluster:
            if event.name == "GUILD_CREATE":
                break
        for number in range(1, 6):
            cluster.close()
            assert len(marks) == number and marks[-1]() is None
            cluster.start()
            taken = batches
            while batches < taken + 3:
                cluster.next_event(PATIENCE)
