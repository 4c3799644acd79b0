"""A slow consumer slows the gateway down: reading pauses, memory stays bounded, heartbeats go on, nothing is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from conftest import PATIENCE, Sandbox, run_program, sandbox_with

from swiftgateway import BlockingCluster, Cluster, EventKind, EventKinds, Intents

INTENTS = Intents.GUILDS | Intents.GUILD_MESSAGES
INTERVAL = 1.0
BURST = 3000


@pytest.fixture
def beating() -> Iterator[Sandbox]:
    """A sandbox that closes with 4009 when two heartbeats in a row are missing."""
    with sandbox_with("--heartbeat-interval", str(int(INTERVAL * 1000)), "--heartbeat-tolerance", "2") as made:
        yield made


@pytest.mark.parametrize("blocks_the_loop", [False, True])
def test_a_consumer_that_sleeps_for_three_heartbeats(beating: Sandbox, blocks_the_loop: bool) -> None:
    async def main() -> None:
        options = {**beating.options, "queue_bytes": 1 << 16, "kinds": EventKinds.DEFAULT & ~EventKinds.LATENCY}
        async with Cluster(beating.token, INTENTS, **options) as cluster:
            async for event in cluster:
                if event.name == "GUILD_CREATE":
                    break
            beating.ask("/burst", {"count": BURST})
            before = cluster.info(0)
            if blocks_the_loop:
                time.sleep(3.2 * INTERVAL)
            else:
                await asyncio.sleep(3.2 * INTERVAL)
            after = cluster.info(0)
            assert after.heartbeats_sent >= before.heartbeats_sent + 2
            assert after.bytes_queued <= 1 << 16
            assert after.events < BURST  # the rest was not read
            last = event.sequence
            count = 0
            async for event in cluster:
                assert event.kind is EventKind.DISPATCH, event  # the connection was never lost
                assert event.sequence == last + 1
                last = event.sequence
                count += event.name != "GUILD_CREATE"
                if count == BURST:
                    break
            assert cluster.info(0).connects == 1 and cluster.info(0).reconnects == 0

    asyncio.run(asyncio.wait_for(main(), 2 * PATIENCE))


def test_a_blocking_consumer_that_sleeps(beating: Sandbox) -> None:
    options = {**beating.options, "queue_bytes": 1 << 16, "kinds": EventKinds.DISPATCH}
    with BlockingCluster(beating.token, INTENTS, **options) as cluster:
        for event in cluster:
            if event.name == "READY":
                break
        beating.ask("/burst", {"count": BURST})
        time.sleep(3.2 * INTERVAL)
        assert cluster.info(0).events < BURST
        count = 0
        for event in cluster:
            count += event.name != "GUILD_CREATE"
            if count == BURST:
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
