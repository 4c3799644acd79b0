"""Clusters and shards against the sandbox gateway."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pathlib
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from conftest import PATIENCE, Sandbox, sandbox_with
from swiftgateway import (
    BlockingCluster,
    BlockingShard,
    Bucket,
    CancelledError,
    Cluster,
    Config,
    Delivery,
    Dispatch,
    Event,
    EventKind,
    EventKinds,
    FileError,
    GatewayClosedError,
    IdentifyKind,
    IdentifyRequest,
    Intents,
    InvalidArgumentError,
    InvalidStateError,
    LogLevel,
    NotFoundError,
    PayloadTooLargeError,
    RestartMode,
    Shard,
    ShardRange,
    ShardState,
    ShutdownMode,
    Split,
    Status,
    TimeoutError,
    UnauthorizedError,
    fetch_gateway,
    fetch_gateway_blocking,
    fetch_gateway_bot,
    fetch_gateway_bot_blocking,
    intents_for_events,
    shard_for_guild,
)

INTENTS = Intents.GUILDS | Intents.GUILD_MESSAGES


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, PATIENCE))


async def first(cluster: Any, name: str) -> Event:
    """The next dispatch of this name."""
    async for event in cluster:
        if event.name == name:
            return event  # type: ignore[no-any-return]
    raise AssertionError(f"no {name} came")


def message(number: int) -> dict[str, Any]:
    return {"id": str(number), "content": f"#{number}", "author": {"id": "7", "username": "zoë"}, "tts": False, "x": 1.5}


# Iteration


def test_iterates_over_events(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with Cluster(sandbox.token, INTENTS, **sandbox.options) as cluster:
            ready = await first(cluster, "READY")
            assert ready.kind is EventKind.DISPATCH and ready.type is Dispatch.READY and ready.shard_id == 0
            assert ready.data["v"] == 10
            sequence = sandbox.emit("MESSAGE_CREATE", message(5))
            event = await first(cluster, "MESSAGE_CREATE")
            assert event.sequence == sequence and event.data["author"]["username"] == "zoë"
            assert event.data is event.data and json.loads(event.raw) == event.data
            assert event.get_str("/author/username") == "zoë" and event.get_int("/id") == 5
            assert event.get_bool("/tts") is False and event.get_float("/x") == 1.5
            assert json.loads(event.get_json("/author")) == event.data["author"]
            assert 0 < event.received_ns <= time.monotonic_ns()

    run(main())


def test_tells_what_is_no_dispatch(sandbox: Sandbox) -> None:
    async def main() -> None:
        seen: list[Event] = []
        async with Cluster(sandbox.token, INTENTS, **sandbox.options) as cluster:
            await first(cluster, "READY")
            sandbox.fault(fault="close", code=4000, reason="go away")
            async for event in cluster:
                seen.append(event)
                if event.name == "RESUMED":
                    break
        closed = next(event for event in seen if event.kind is EventKind.CLOSED)
        assert closed.code == 4000 and closed.text == "go away" and closed.name == "" and closed.data is None
        states = [event.state for event in seen if event.kind is EventKind.STATE]
        assert states[-1] in (ShardState.RESUMING, ShardState.ACTIVE) and ShardState.CONNECTING in states

    run(main())


def test_goes_on_where_a_loop_was_left(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with Cluster(sandbox.token, INTENTS, **sandbox.options) as cluster:
            await first(cluster, "READY")
            sandbox.ask("/burst", {"count": 500})
            sequences: list[int] = []
            while len(sequences) < 500:
                async for event in cluster:
                    if event.kind is EventKind.DISPATCH and event.name != "GUILD_CREATE":
                        sequences.append(event.sequence)
                        break
            assert sequences == list(range(sequences[0], sequences[0] + 500))

    run(main())


def test_a_cancelled_wait_loses_nothing(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with Cluster(sandbox.token, INTENTS, **sandbox.options, kinds=EventKinds.DISPATCH) as cluster:
            while (await cluster.next_event()).sequence < 4:
                pass
            for number in range(20):
                waiting = asyncio.ensure_future(cluster.next_event())
                await asyncio.sleep(0)
                if number % 2:
                    waiting.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await waiting
                    continue
                sandbox.emit("MESSAGE_CREATE", message(number))
                assert (await waiting).data["id"] == str(number)

    run(main())


def test_only_one_iterates(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with Cluster(sandbox.token, INTENTS, **sandbox.options) as cluster:
            old = cluster.__aiter__()
            await old.__anext__()
            await first(cluster, "READY")
            with pytest.raises(InvalidStateError, match="another iteration"):
                while True:
                    await old.__anext__()

    run(main())


def test_only_what_is_named_crosses(sandbox: Sandbox) -> None:
    async def main() -> None:
        options = {**sandbox.options, "events": ["MESSAGE_CREATE", Dispatch.TYPING_START], "kinds": EventKinds.DISPATCH}
        async with Cluster(sandbox.token, INTENTS | Intents.GUILD_MESSAGE_TYPING, **options) as cluster:
            await cluster.wait_ready(PATIENCE)
            sandbox.emit("MESSAGE_DELETE", {"id": "1"})
            sandbox.emit("MESSAGE_CREATE", message(1))
            sandbox.emit("TYPING_START", {})
            assert [(await cluster.next_event()).name for _ in range(2)] == ["MESSAGE_CREATE", "TYPING_START"]

    run(main())


def test_a_name_that_is_not_known_is_delivered(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with Cluster(sandbox.token, INTENTS, **sandbox.options, events=["BRAND_NEW"]) as cluster:
            await cluster.wait_ready(PATIENCE)
            sandbox.emit("BRAND_NEW", [1])
            event = await first(cluster, "BRAND_NEW")
            assert event.type is Dispatch.UNKNOWN and event.data == [1]

    run(main())


def test_several_shards_come_through(sandbox: Sandbox) -> None:
    async def main() -> None:
        options = {**sandbox.options, "max_concurrency": 16, "io_threads": 3}
        async with Cluster(sandbox.token, INTENTS, shards=6, **options) as cluster:
            ready = set()
            async for event in cluster:
                if event.name == "READY":
                    ready.add(event.shard_id)
                    if len(ready) == 6:
                        break
            assert cluster.shard_ids() == list(range(6))
            assert cluster.info(5).total == 6 and cluster.info(5).state is ShardState.ACTIVE
            cluster.remove_shard(5)
            cluster.restart_shard(4, RestartMode.RESUME)
            with pytest.raises(NotFoundError):
                cluster.info(77)
            cluster.add_shard(5)
            async for event in cluster:
                if event.name == "READY" and event.shard_id == 5:
                    break
            summary = cluster.summary()
            assert summary.shards == summary.total == summary.ready == 6 and sum(summary.states.values()) == 6
            assert summary.identifies == 6 and summary.events >= 7 and summary.identifies_total == 1000
            metrics = cluster.metrics()
            assert metrics.startswith("#") and "\n" in metrics
        assert cluster.info(0).state is ShardState.STOPPED
        assert cluster.shard_ids() == list(range(6)) and cluster.summary().states == {ShardState.STOPPED: 6}

    run(main())


def test_a_shard_removed_and_added_again_and_again(sandbox: Sandbox) -> None:
    """Its connection still closes while the next one opens, and events of both wait in the queue."""

    async def main() -> None:
        options = {**sandbox.options, "max_concurrency": 16, "io_threads": 3}
        async with Cluster(sandbox.token, INTENTS, shards=6, **options) as cluster:
            await first(cluster, "READY")
            for number in range(30):
                with contextlib.suppress(NotFoundError, InvalidStateError):
                    cluster.remove_shard(3 + number % 3, number % 2)
                with contextlib.suppress(InvalidStateError):
                    cluster.add_shard(3 + number % 3)
                await cluster.next_event()
            sandbox.emit("MARK", {})
            await first(cluster, "MARK")

    run(main())


# Handlers


def test_handlers_plain_and_async(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        cluster = Cluster(sandbox.token, INTENTS, **sandbox.options)
        done = asyncio.Event()
        order: list[str] = []

        @cluster.on("MESSAGE_CREATE")
        def plain(event: Event) -> None:
            order.append(f"plain {event.data['id']}")

        @cluster.on("MESSAGE_CREATE")
        async def slow(event: Event) -> None:
            await asyncio.sleep(0.01)
            order.append(f"async {event.data['id']}")
            if event.data["id"] == "2":
                done.set()

        @cluster.on(Dispatch.MESSAGE_CREATE)
        def broken(event: Event) -> None:
            raise ZeroDivisionError("on purpose")

        states: list[ShardState] = []

        @cluster.on(EventKind.STATE)
        def state(event: Event) -> None:
            states.append(event.state)

        with pytest.raises(InvalidStateError, match="not started"):
            cluster.info(0)
        async with cluster:
            await cluster.wait_ready(PATIENCE)
            with pytest.raises(InvalidStateError, match="go to the handlers"):
                await cluster.next_event()
            with pytest.raises(InvalidStateError, match="TYPING_START"):
                cluster.on("TYPING_START")(plain)
            for number in (1, 2):
                sandbox.emit("MESSAGE_CREATE", message(number))
            await done.wait()
        assert order == ["plain 1", "async 1", "plain 2", "async 2"]
        assert ShardState.ACTIVE in states
        # The sandbox sent guilds as well, for which there is no handler: they did not cross.
        assert cluster.info(0).events > cluster.info(0).events_delivered == 2

    with caplog.at_level(logging.ERROR, "swiftgateway"):
        run(main())
    assert "a handler of MESSAGE_CREATE failed" in caplog.text and "on purpose" in caplog.text


def test_serves_handlers_until_closed_by_one(sandbox: Sandbox) -> None:
    async def main() -> None:
        cluster = Cluster(sandbox.token, INTENTS, **sandbox.options)

        @cluster.on("READY")
        async def ready(event: Event) -> None:
            await cluster.close()

        await cluster.serve()
        assert not cluster.running

    run(main())


def test_a_handler_for_everything(sandbox: Sandbox) -> None:
    async def main() -> None:
        cluster = Cluster(sandbox.token, INTENTS, **sandbox.options)
        kinds: set[EventKind] = set()
        names: set[str] = set()
        guilds = asyncio.Event()

        @cluster.on()
        def everything(event: Event) -> None:
            kinds.add(event.kind)
            names.add(event.name)
            if event.name == "GUILD_CREATE":
                guilds.set()

        async with cluster:
            await guilds.wait()
        assert {EventKind.DISPATCH, EventKind.STATE} <= kinds and {"READY", "GUILD_CREATE"} <= names

    run(main())


def test_a_fatal_error_reaches_who_serves(sandbox: Sandbox) -> None:
    async def main() -> None:
        cluster = Cluster("wrong", INTENTS, **sandbox.options)
        cluster.on("READY")(print)
        await cluster.serve()

    with pytest.raises(UnauthorizedError):
        run(main())


# The end


def test_the_config_can_be_used_again(sandbox: Sandbox) -> None:
    async def main() -> None:
        config = Config(sandbox.token, INTENTS, **sandbox.options)
        handled = Cluster(config)
        handled.on("MESSAGE_CREATE")(print)
        async with handled:
            await handled.wait_ready(PATIENCE)
        # What the handlers asked for was theirs alone.
        async with Cluster(config) as cluster:
            assert (await cluster.next_event()).kind is EventKind.STATE
            await first(cluster, "GUILD_CREATE")

    run(main())


def test_starts_again_and_resumes(sandbox: Sandbox) -> None:
    async def main() -> None:
        cluster = Cluster(sandbox.token, INTENTS, **sandbox.options)
        await cluster.start()
        with pytest.raises(InvalidStateError, match="started already"):
            await cluster.start()
        await first(cluster, "READY")
        await cluster.close(ShutdownMode.RESUMABLE)
        await cluster.close()
        sandbox_session = json.loads(cluster.export_sessions())["sessions"][0]["session_id"]
        await cluster.start()
        await first(cluster, "RESUMED")
        assert cluster.info(0).session_id == sandbox_session
        await cluster.close()
        assert [event async for event in cluster] == []

    run(main())


@pytest.mark.parametrize("crash", [False, True])
def test_a_resume_repeats_only_what_was_not_dealt_with(sandbox: Sandbox, crash: bool) -> None:
    """A consumer that stops in the middle of a batch loses nothing of it, and gets nothing again that it asked past."""

    async def consume(cluster: Cluster, last: int) -> list[int]:
        ids: list[int] = []
        async for event in cluster:
            if event.name == "MESSAGE_CREATE":
                ids.append(event.data["number"])
                if ids[-1] == last:
                    break
        return ids

    async def main() -> None:
        total, stop = 300, 120
        options = {**sandbox.options, "kinds": EventKinds.DISPATCH}
        cluster = Cluster(sandbox.token, INTENTS, **options)
        await cluster.start()
        await cluster.wait_ready(PATIENCE)
        for number in range(1, total + 1):
            sandbox.emit("MESSAGE_CREATE", {"number": number})
        while cluster.info(0).bytes_queued < 100:  # they are on their way; a batch of them waits
            await asyncio.sleep(0.01)
        assert await consume(cluster, stop) == list(range(1, stop + 1))
        await cluster._close(ShutdownMode.RESUMABLE, 5, last_is_handled=not crash)
        sessions = cluster.export_sessions()
        async with Cluster(sandbox.token, INTENTS, sessions=sessions, **options) as again:
            assert await consume(again, total) == list(range(stop if crash else stop + 1, total + 1))

    run(main())


def test_leaving_by_an_exception_leaves_the_last_event_undone(sandbox: Sandbox, tmp_path: pathlib.Path) -> None:
    options = {**sandbox.options, "session_file": tmp_path / "sessions.json", "kinds": EventKinds.DISPATCH}

    async def until(last: str, fail: bool) -> list[str]:
        names: list[str] = []
        try:
            async with Cluster(sandbox.token, INTENTS, events=["READY", "MARK", "END"], **options) as cluster:
                async for event in cluster:
                    names.append(event.name)
                    if event.name == "READY":
                        sandbox.emit("MARK", {})
                        sandbox.emit("END", {})
                    if event.name == last:
                        if fail:
                            raise ZeroDivisionError
                        break
        except ZeroDivisionError:
            pass
        return names

    assert run(until("MARK", True)) == ["READY", "MARK"]
    assert run(until("MARK", False)) == ["MARK"]
    assert run(until("END", False)) == ["END"]


def test_ends_an_iteration_when_it_is_closed_elsewhere(sandbox: Sandbox) -> None:
    async def main() -> None:
        cluster = Cluster(sandbox.token, INTENTS, **sandbox.options)
        await cluster.start()

        async def iterate() -> int:
            return len([event async for event in cluster])

        task = asyncio.create_task(iterate())
        await cluster.wait_ready(PATIENCE)
        await cluster.close()
        assert await task > 0
        await cluster.wait()

    run(main())


# Errors


@pytest.mark.parametrize("blocking", [False, True])
def test_a_wrong_token(sandbox: Sandbox, blocking: bool) -> None:
    def block() -> None:
        with BlockingCluster("wrong", INTENTS, **sandbox.options) as cluster:
            for _ in cluster:
                pass

    async def main() -> None:
        async with Cluster("wrong", INTENTS, **sandbox.options) as cluster:
            async for _ in cluster:
                pass

    with pytest.raises(UnauthorizedError) as caught:
        block() if blocking else run(main())
    assert caught.value.status is Status.UNAUTHORIZED and "token" in str(caught.value) and "wrong" not in str(caught.value)


@pytest.mark.parametrize("trouble, status", [("nobody listens", Status.NETWORK), ("untrusted", Status.TLS)])
def test_what_may_get_better_is_tried_again_and_told(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, trouble: str, status: Status
) -> None:
    async def main() -> None:
        options: Any = {"backoff": (0.01, 0.01)}
        options["api_url"] = sandbox.options["api_url"] if trouble == "untrusted" else "http://127.0.0.1:9/api"
        async with Cluster("token", INTENTS, **options) as cluster:
            for _ in range(2):
                event = await cluster.next_event()
                assert event.kind is EventKind.ERROR and event.status is status and "127.0.0.1" in event.text
                assert event.state is not ShardState.FATAL and event.error is not None and event.error.status is status
            with pytest.raises(TimeoutError):
                await cluster.wait_ready(0.05)

    run(main())
    assert any(record.levelno == logging.WARNING and "127.0.0.1" in record.getMessage() for record in caplog.records)


def test_forbidden_intents() -> None:
    async def main(sandbox: Sandbox) -> None:
        async with Cluster(sandbox.token, Intents.ALL, **sandbox.options) as cluster:
            events = []
            with pytest.raises(GatewayClosedError):
                async for event in cluster:
                    events.append(event)
            errors = [event for event in events if event.kind is EventKind.ERROR]
            assert errors[-1].state is ShardState.FATAL and isinstance(errors[-1].error, GatewayClosedError)
            with pytest.raises(GatewayClosedError):
                await cluster.wait()

    with sandbox_with("--no-privileged-intents") as strict:
        run(main(strict))


def test_errors_are_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Cluster("wrong", INTENTS, **sandbox.options) as cluster:
            async for _ in cluster:
                pass

    with caplog.at_level(logging.INFO, "swiftgateway"), pytest.raises(UnauthorizedError):
        run(main())
    assert any(record.levelno == logging.ERROR and "UNAUTHORIZED" in record.getMessage() for record in caplog.records)


def test_waits_end_in_time_and_when_cancelled(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with Cluster(sandbox.token, INTENTS, **sandbox.options) as cluster:
            with pytest.raises(TimeoutError):
                await cluster.wait(0.05)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(cluster.wait(), 0.05)
            with pytest.raises(InvalidArgumentError):
                await cluster.wait(-1)
            while any(thread.name == "swiftgateway-call" for thread in threading.enumerate()):
                await asyncio.sleep(0.01)

    run(main())


# Commands


def test_commands(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with Cluster(sandbox.token, INTENTS | Intents.GUILD_MEMBERS, **sandbox.options) as cluster:
            guild = (await first(cluster, "GUILD_CREATE")).data["id"]
            assert shard_for_guild(guild, 16) == (int(guild) >> 22) % 16
            cluster.request_guild_members(0, guild, query="", nonce="n1")
            chunk = await first(cluster, "GUILD_MEMBERS_CHUNK")
            assert chunk.data["nonce"] == "n1" and chunk.data["members"]
            member = chunk.data["members"][0]["user"]["id"]
            cluster.request_guild_members(0, int(guild), user_ids=[member], presences=False)
            chunk = await first(cluster, "GUILD_MEMBERS_CHUNK")
            assert [one["user"]["id"] for one in chunk.data["members"]] == [member]
            cluster.update_presence(0, {"since": None, "activities": [], "status": "idle", "afk": False})
            cluster.update_voice_state(0, guild, None, self_mute=True)
            cluster.request_soundboard_sounds(0, [guild])
            await first(cluster, "SOUNDBOARD_SOUNDS")
            cluster.request_channel_info(0, guild, ["status"])
            await first(cluster, "CHANNEL_INFO")
            cluster.send(0, '{"op":3,"d":{"since":null,"activities":[],"status":"dnd","afk":false}}')

            for wrong in (
                lambda: cluster.send(0, {"op": 2, "d": {}}),
                lambda: cluster.send(0, "no json"),
                lambda: cluster.send(0, {"op": 3, "d": {1, 2}}),
                lambda: cluster.send(-1, {"op": 3, "d": {}}),
                lambda: cluster.send(1 << 32, {"op": 3, "d": {}}),
                lambda: cluster.send(0, 7),  # type: ignore[arg-type]
                lambda: cluster.update_voice_state(0, "guild", None),
                lambda: cluster.update_voice_state(0, guild, None, self_mute=1),  # type: ignore[arg-type]
                lambda: cluster.request_guild_members(0, guild),
                lambda: cluster.request_guild_members(0, guild, query="a", user_ids=[1]),
                lambda: cluster.request_guild_members(0, guild, query="a\0b"),
                lambda: cluster.request_guild_members(0, guild, user_ids="123"),
                lambda: cluster.request_guild_members(0, guild, user_ids=[]),
                lambda: cluster.request_guild_members(0, guild, user_ids=[1 << 64]),
                lambda: cluster.request_guild_members(0, guild, query="", nonce="n" * 33),
                lambda: cluster.request_channel_info(0, guild, "status"),
                lambda: cluster.request_soundboard_sounds(0, []),
                lambda: cluster.restart_shard(0, 9),
            ):
                with pytest.raises(InvalidArgumentError):
                    wrong()
            with pytest.raises(PayloadTooLargeError, match="4096"):
                cluster.send(0, {"op": 3, "d": "x" * 5000})
            with pytest.raises(NotFoundError):
                cluster.send(3, {"op": 3, "d": {}})

    run(main())


def test_a_shard_alone(sandbox: Sandbox) -> None:
    async def main() -> None:
        async with Shard(sandbox.token, INTENTS, shard_id=1, shard_total=3, **sandbox.options) as shard:
            guilds = asyncio.create_task(first(shard, "READY"))
            await shard.wait_ready(PATIENCE)
            assert (await guilds).data["shard"] == [1, 3]
            shard.send({"op": 3, "d": {"since": None, "activities": [], "status": "idle", "afk": False}})
            shard.update_presence({"since": None, "activities": [], "status": "idle", "afk": False})
            shard.update_voice_state(1, 2)
            shard.request_guild_members(1, query="")
            shard.request_soundboard_sounds([1])
            shard.request_channel_info(1, ["status"])
            assert shard.info().id == 1 and shard.info().session_id

    run(main())
    with pytest.raises(InvalidArgumentError):
        Shard(sandbox.token, INTENTS, shard_id=3, shard_total=3)
    with BlockingShard(sandbox.token, INTENTS, shard_id=0, shard_total=1, **sandbox.options) as shard:
        assert next(event for event in shard if event.name == "READY")


def test_what_the_api_answers(sandbox: Sandbox) -> None:
    config = Config(sandbox.token, INTENTS, **sandbox.options)
    bot = run(fetch_gateway_bot(config))
    assert bot.url.startswith("wss://") and bot.shards == 1 and bot.total == 1000 and bot.max_concurrency == 1
    assert fetch_gateway_bot_blocking(config).url == bot.url
    assert run(fetch_gateway(Config("any", INTENTS, **sandbox.options))) == bot.url == fetch_gateway_blocking(config)
    with pytest.raises(UnauthorizedError):
        fetch_gateway_bot_blocking(Config("wrong", INTENTS, **sandbox.options))


# Without asyncio


def test_blocking_iteration(sandbox: Sandbox) -> None:
    with BlockingCluster(sandbox.token, INTENTS, **sandbox.options) as cluster:
        cluster.wait_ready(PATIENCE)
        for event in cluster:
            if event.name == "READY":
                break
        sandbox.emit("MESSAGE_CREATE", message(8))
        while True:
            event = cluster.next_event(PATIENCE)
            if event.name == "MESSAGE_CREATE":
                assert event.data["id"] == "8"
                break
        with pytest.raises(TimeoutError):
            while True:
                cluster.next_event(0.05)
        with pytest.raises(TimeoutError):
            cluster.wait(0.05)


def test_blocking_iteration_closed_by_another_thread(sandbox: Sandbox) -> None:
    cluster = BlockingCluster(sandbox.token, INTENTS, **sandbox.options)
    cluster.start()
    seen: list[Event] = []
    thread = threading.Thread(target=lambda: seen.extend(cluster))
    thread.start()
    cluster.wait_ready(PATIENCE)
    cluster.close()
    thread.join(PATIENCE)
    assert not thread.is_alive() and seen


def test_blocking_handlers(sandbox: Sandbox) -> None:
    cluster = BlockingCluster(sandbox.token, INTENTS, **sandbox.options)
    seen: list[str] = []

    @cluster.on("READY")
    def ready(event: Event) -> None:
        seen.append(event.name)
        threading.Thread(target=cluster.close).start()

    cluster.serve()
    assert seen == ["READY"]


@pytest.mark.parametrize("delivery", list(Delivery))
def test_a_function_on_the_librarys_threads(sandbox: Sandbox, delivery: Delivery) -> None:
    names: list[str] = []
    came = threading.Event()

    def take(event: Event) -> None:
        names.append(event.name)
        if event.name == "READY":
            came.set()
            raise ZeroDivisionError("which must not get out")

    config = Config(sandbox.token, INTENTS, **sandbox.options)
    config.set_event_handler(take, delivery)
    with BlockingCluster(config) as cluster:
        assert came.wait(PATIENCE)
        with pytest.raises(InvalidStateError, match="event handler"):
            cluster.next_event()


def test_log_lines(sandbox: Sandbox) -> None:
    lines: list[tuple[LogLevel, str, str]] = []
    options = {**sandbox.options, "log": lambda *line: lines.append(line), "log_level": LogLevel.DEBUG}
    with BlockingCluster(sandbox.token, INTENTS, **options) as cluster:
        cluster.wait_ready(PATIENCE)
        assert 'compression="zlib"' in cluster.metrics()
    for state in ("connecting", "awaiting hello", "identifying", "active", "stopped"):
        assert (LogLevel.INFO, "shard 0", state) in lines
    assert not any("rawValue" in message or "(" in message for _, target, message in lines if target == "shard 0")
    assert not any(sandbox.token in message for _, _, message in lines)


def test_part_of_the_shards(sandbox: Sandbox) -> None:
    options = {**sandbox.options, "shards": ShardRange(2, 2, 8)}
    with BlockingCluster(sandbox.token, INTENTS, **options) as cluster:
        cluster.wait_ready(PATIENCE)
        assert cluster.shard_ids() == [2, 3]


def test_a_shard_moves_to_another_cluster(sandbox: Sandbox) -> None:
    async def main() -> None:
        options = {**sandbox.options, "max_concurrency": 16, "events": ["MARK"]}
        first = Cluster(sandbox.token, INTENTS, shards=ShardRange(0, 2, 3), **options)
        second = Cluster(sandbox.token, INTENTS, shards=ShardRange(2, 1, 3), **options)
        first.on()(lambda event: None)  # someone has to deal with its events
        async with first, second:
            await first.wait_ready(PATIENCE)
            await second.wait_ready(PATIENCE)
            with pytest.raises(NotFoundError):
                await first.export_shard(2)
            first.remove_shard(1, ShutdownMode.RESUMABLE)
            session = await first.export_shard(1, PATIENCE)
            missed = sandbox.emit("MARK", {"n": 1}, shard=1)
            second.add_shard(1, session)
            event = await second.next_event()
            while event.name != "MARK":
                event = await second.next_event()
            assert (event.shard_id, event.sequence, event.data["n"]) == (1, missed, 1)
            assert second.shard_ids() == [1, 2] and second.info(1).identifies == 0
            with pytest.raises(FileError):
                second.add_shard(0, session)
            assert second.guild_shard(1 << 22) == 1 and second.guild_shard(str(5 << 22)) == 2
            with pytest.raises(NotFoundError):
                second.guild_shard(0)

    run(main())


def test_a_shard_that_runs_is_exported_at_once(sandbox: Sandbox) -> None:
    with BlockingCluster(sandbox.token, INTENTS, shards=1, **sandbox.options) as cluster:
        for event in cluster:
            if cluster.info(0).sequence_delivered:
                break
            if event.name == "GUILD_CREATE":
                sandbox.emit("MARK", {})  # asking for it says that the one before is dealt with
        document = json.loads(cluster.export_shard(0))
        assert sandbox.token not in str(document) and cluster.info(0).session_id in str(document)


def test_presence_of_all_shards(sandbox: Sandbox) -> None:
    def presences() -> int:
        return sum('"opcode": 3' in json.dumps(one) for one in sandbox.journal())

    options = {**sandbox.options, "max_concurrency": 16}
    with BlockingCluster(sandbox.token, INTENTS, shards=2, **options) as cluster:
        cluster.wait_ready(PATIENCE)
        before = presences()
        cluster.update_presence_all({"status": "dnd"})
        while presences() < before + 2:
            time.sleep(0.01)
        with pytest.raises(InvalidArgumentError):
            cluster.update_presence_all("no json")


def test_an_identify_queue_of_ones_own(sandbox: Sandbox) -> None:
    told: list[IdentifyRequest] = []

    def queue(request: IdentifyRequest) -> None:
        told.append(request)
        if request.kind is IdentifyKind.REQUEST and request.shard_id == 0:
            request.grant()

    options = {**sandbox.options, "max_concurrency": 3, "identify_queue": queue}
    with BlockingCluster(sandbox.token, INTENTS, shards=2, **options) as cluster:
        while not any(one.shard_id == 1 for one in told):
            time.sleep(0.01)
        with pytest.raises(TimeoutError):
            cluster.wait_ready(0.3)
        request = next(one for one in told if one.shard_id == 1)
        request.grant()
        cluster.wait_ready(PATIENCE)
        with pytest.raises(NotFoundError):
            request.grant()
    assert (request.shard_total, request.max_concurrency, request.rate_limit_key) == (2, 3, 1)
    for shard in range(2):
        kinds = [one.kind for one in told if one.shard_id == shard]
        assert kinds == [IdentifyKind.REQUEST, IdentifyKind.SENT]


def test_an_identify_queue_that_fails_is_logged(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    def queue(_request: IdentifyRequest) -> None:
        raise RuntimeError("the queue is broken")

    with BlockingCluster(sandbox.token, INTENTS, shards=1, identify_queue=queue, **sandbox.options):
        while "the queue is broken" not in caplog.text:
            time.sleep(0.01)


def test_a_session_store_of_ones_own(sandbox: Sandbox) -> None:
    class Store:
        document = ""

        def load(self) -> str:
            return self.document

        def save(self, document: bytes) -> None:
            self.document = document.decode()

    store = Store()
    options = {**sandbox.options, "max_concurrency": 16, "session_store": store, "shards": 4}
    with BlockingCluster(sandbox.token, INTENTS, **options) as cluster:
        cluster.wait_ready(PATIENCE)
        marks = {(shard, sandbox.emit("MARK", {}, shard=shard)) for shard in range(4)}
        for event in cluster:
            marks.discard((event.shard_id, event.sequence))
            if not marks:
                break
    assert len(store.document) > 4 * 50
    with BlockingCluster(sandbox.token, INTENTS, **options) as cluster:
        cluster.wait_ready(PATIENCE)
        assert cluster.summary().identifies == 0 and cluster.summary().resumes == 4


def test_a_session_store_that_fails_is_told(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    class Store:
        def load(self) -> bytes:
            raise OSError("the disk is gone")

        def save(self, document: bytes) -> None:
            raise OSError("the disk is full")

    errors = 0
    with BlockingCluster(sandbox.token, INTENTS, session_store=Store(), **sandbox.options) as cluster:
        for event in cluster:
            if event.kind is EventKind.ERROR:
                assert event.status is Status.FILE
                errors += 1
                if errors == 2:
                    break
    assert "the disk is gone" in caplog.text and "the disk is full" in caplog.text


def test_the_intents_that_events_need() -> None:
    needed, spare = intents_for_events(["MESSAGE_CREATE", Dispatch.GUILD_CREATE, "INTERACTION_CREATE"])
    assert needed == Intents.GUILDS | Intents.GUILD_MESSAGES | Intents.DIRECT_MESSAGES
    assert spare == Intents.GUILD_MESSAGES | Intents.DIRECT_MESSAGES
    assert intents_for_events([]) == (0, 0)
    with pytest.raises(InvalidArgumentError, match="NONSENSE"):
        intents_for_events(["NONSENSE"])


def test_other_shards_take_over(sandbox: Sandbox) -> None:
    async def main() -> None:
        options = {**sandbox.options, "max_concurrency": 16, "reshard_window": 0.1}
        cluster = Cluster(sandbox.token, INTENTS, shards=2, **options)
        numbers: list[int] = []
        cluster.on("MARK")(lambda event: numbers.append(event.data["n"]))
        async with cluster:
            await cluster.wait_ready(PATIENCE)
            with pytest.raises(InvalidStateError):
                await cluster.wait_reshard()
            cluster.reshard(3)
            with pytest.raises(InvalidStateError):
                cluster.reshard("auto")
            guild = sandbox.guilds()[1]
            sent = 0
            waiting = asyncio.ensure_future(cluster.wait_reshard(PATIENCE))
            while not waiting.done():
                sent += 1
                sandbox.ask("/emit", {"guild": guild, "name": "MARK", "data": {"n": sent}})
                await asyncio.sleep(0)
            await waiting
            assert cluster.shard_ids() == [0, 1, 2] and cluster.info(0).total == 3
            while len(numbers) < sent:
                await asyncio.sleep(0.01)
            assert numbers == list(range(1, sent + 1))
            with pytest.raises(InvalidArgumentError):
                cluster.reshard(Split(2, 2, 4))
            cluster.reshard(Bucket(0, 2, 4))
            cluster.cancel_reshard()
            with pytest.raises(CancelledError):
                await cluster.wait_reshard(PATIENCE)
            cluster.reshard(ShardRange(0, 1, 1))
            await cluster.wait_reshard(PATIENCE)
            assert cluster.shard_ids() == [0]

    run(main())


def test_resharding_in_a_script(sandbox: Sandbox) -> None:
    options = {**sandbox.options, "max_concurrency": 16, "reshard_window": 0.1}
    with BlockingCluster(sandbox.token, INTENTS, shards=1, **options) as cluster:
        cluster.wait_ready(PATIENCE)
        cluster.reshard(Split(0, 1, 2))
        with pytest.raises(TimeoutError):
            cluster.wait_reshard(0)
        active = set()
        for event in cluster:
            if event.state is ShardState.ACTIVE and event.kind is EventKind.STATE:
                active.add(event.shard_id)
            if event.kind is EventKind.STATE and event.state is ShardState.STOPPED:
                active.clear()  # the old one; the new ones follow
            if active == {0, 1}:
                break
        cluster.wait_reshard(PATIENCE)
        assert cluster.shard_ids() == [0, 1]
