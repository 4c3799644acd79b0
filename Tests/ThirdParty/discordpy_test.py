"""discord.py against the sandbox gateway: what a client that people run in production accepts is faithful enough.

Run by Tests/ThirdParty/run, which starts the sandbox. From the environment: API_URL, CONTROL_URL, CA_FILE, TOKEN.
With --zlib discord.py is kept from finding a zstd library, so that it asks for zlib-stream.
"""

import asyncio
import json
import logging
import os
import ssl
import sys
import traceback
import urllib.request

if "--zlib" in sys.argv:
    sys.modules["zstandard"] = sys.modules["compression.zstd"] = None

import aiohttp
import discord
import discord.gateway
import discord.http
import discord.utils
import yarl

API = os.environ["API_URL"]
CONTROL = os.environ["CONTROL_URL"]
TOKEN = os.environ["TOKEN"]
PATIENCE = 30.0  # seconds for anything that has to happen


def inject(fault):
    """Orders a fault from the sandbox's control endpoint; it has to hit one connection."""
    with urllib.request.urlopen(CONTROL + "/faults", json.dumps(fault).encode(), timeout=10) as answer:
        hit = json.load(answer)["hit"]
    assert hit == 1, f"{fault} hit {hit} connections"


async def order(**fault):
    await asyncio.to_thread(inject, fault)


class Record:
    """What a client saw: its callbacks, and every payload as it came off the wire."""

    def __init__(self):
        self.payloads = []
        self.ready = self.resumed = self.messages = 0
        self.changed = asyncio.Condition()

    async def note(self, **counts):
        async with self.changed:
            for name, by in counts.items():
                setattr(self, name, getattr(self, name) + by)
            self.changed.notify_all()

    async def until(self, condition, what):
        async with self.changed:
            try:
                await asyncio.wait_for(self.changed.wait_for(condition), PATIENCE)
            except asyncio.TimeoutError:
                raise AssertionError(f"waited {PATIENCE:g} s for {what}") from None

    def dispatches(self, name=None):
        return [p for p in self.payloads if p["op"] == 0 and (name is None or p["t"] == name)]


def watch(kind):
    """A client class of discord.py that keeps a record."""

    class Watched(kind):
        def __init__(self, **options):
            context = ssl.create_default_context(cafile=os.environ["CA_FILE"])
            super().__init__(intents=discord.Intents.all(), connector=aiohttp.TCPConnector(ssl=context, limit=0),
                             enable_debug_events=True, guild_ready_timeout=0.3, **options)
            self.record = Record()

        async def on_socket_raw_receive(self, text):
            self.record.payloads.append(json.loads(text))
            await self.record.note()

        async def on_ready(self):
            await self.record.note(ready=1)

        async def on_resumed(self):
            await self.record.note(resumed=1)

        async def on_message(self, message):
            assert message.author.name and message.id
            await self.record.note(messages=1)

    return Watched


class running:
    """A client that is logged in and connected for the length of a block."""

    def __init__(self, kind=discord.Client, **options):
        self.client = watch(kind)(**options)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.client.start(TOKEN))
        ready = asyncio.create_task(self.client.record.until(lambda: self.client.record.ready, "READY"))
        await asyncio.wait({self.task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if self.task.done():
            ready.cancel()
            await self.task
            raise AssertionError("the client ended before it was ready")
        await ready
        return self.client

    async def __aexit__(self, *_):
        await self.client.close()
        await asyncio.wait({self.task}, timeout=PATIENCE)
        if self.task.done() and not self.task.cancelled() and self.task.exception():
            raise self.task.exception()


def gap_free(record):
    """The sequences of one session: each once, in order, none left out."""
    sequences = [p["s"] for p in record.dispatches()]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences))), sequences


async def logs_in_and_receives():
    async with running() as client:
        record = client.record
        assert client.user.id == int(record.dispatches("READY")[0]["d"]["user"]["id"])
        assert client.application_id
        await record.until(lambda: record.messages >= 5, "five messages")
        await record.until(lambda: len(client.guilds) and not any(g.unavailable for g in client.guilds), "all guilds")
        assert len(client.guilds) == 4
        for guild in client.guilds:
            assert guild.name and guild.default_role.name == "@everyone", guild
            assert guild.me.id == client.user.id, guild
        await record.until(lambda: any(p["op"] == 11 for p in record.payloads), "a heartbeat's acknowledgement")
        assert 0 < client.latency < 10
        gap_free(record)


async def resumes_after_a_drop():
    async with running() as client:
        record = client.record
        await record.until(lambda: record.messages >= 3, "three messages")
        for n in (1, 2, 3):
            await order(fault="drop")
            await record.until(lambda n=n: record.resumed >= n, f"resume {n}")
        before = record.messages
        await record.until(lambda: record.messages > before + 5, "messages after the resume")
        assert record.ready == 1 and len(record.dispatches("READY")) == 1
        gap_free(record)


async def resumes_when_asked_to_reconnect():
    async with running() as client:
        record = client.record
        await order(fault="reconnect")
        await record.until(lambda: record.resumed == 1, "the resume")
        assert any(p["op"] == 7 for p in record.payloads)
        assert len(record.dispatches("READY")) == 1
        gap_free(record)


async def identifies_again_after_an_invalid_session():
    async with running() as client:
        record = client.record
        await order(fault="invalid-session", resumable=False)
        await record.until(lambda: len(record.dispatches("READY")) == 2, "a second READY")
        await record.until(lambda: record.ready == 2, "the client to be ready again")
        assert len({p["d"]["session_id"] for p in record.dispatches("READY")}) == 2
        assert record.resumed == 0


async def asks_for_members():
    async with running(chunk_guilds_at_startup=False) as client:
        await client.record.until(lambda: client.guilds and not any(g.unavailable for g in client.guilds), "all guilds")
        guild = client.guilds[-1 if "--zlib" in sys.argv else 0]  # the whole list may be asked for once in 30 s
        everyone = await asyncio.wait_for(guild.chunk(cache=False), PATIENCE)
        assert len(everyone) > 1 and len({m.id for m in everyone}) == len(everyone)
        two = [m.id for m in everyone[:2]]
        found = await asyncio.wait_for(guild.query_members(user_ids=two), PATIENCE)
        assert sorted(m.id for m in found) == sorted(two)
        name = everyone[0].name
        found = await asyncio.wait_for(guild.query_members(query=name, limit=5), PATIENCE)
        assert found and all(m.name.lower().startswith(name.lower()) for m in found)


async def changes_its_presence():
    async with running() as client:
        await client.change_presence(status=discord.Status.idle, activity=discord.Game("chess"))
        before = client.record.messages
        await client.record.until(lambda: client.record.messages > before, "a message after the presence")
        assert len(client.record.dispatches("READY")) == 1


async def runs_shards():
    async with running(discord.AutoShardedClient) as client:
        assert client.shard_count == 2 and set(client.shards) == {0, 1}
        assert len(client.guilds) == 4
        for guild in client.guilds:
            assert guild.shard_id == (guild.id >> 22) % 2
        assert sorted(p["d"]["shard"][0] for p in client.record.dispatches("READY")) == [0, 1]


async def is_told_that_its_token_is_wrong():
    client = watch(discord.Client)()
    try:
        await client.start("wrong.token")
    except discord.LoginFailure:
        return
    finally:
        await client.close()
    raise AssertionError("the wrong token was accepted")


TESTS = [logs_in_and_receives, resumes_after_a_drop, resumes_when_asked_to_reconnect,
         identifies_again_after_an_invalid_session, asks_for_members, changes_its_presence, runs_shards,
         is_told_that_its_token_is_wrong]


async def main():
    # The two places where discord.py holds an address.
    discord.http.Route.BASE = API
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(
            ssl=ssl.create_default_context(cafile=os.environ["CA_FILE"]))) as session:
        async with session.get(API + "/gateway", headers={"User-Agent": "DiscordBot (test, 1)"}) as answer:
            discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL((await answer.json())["url"])
    logging.getLogger("discord").setLevel(logging.CRITICAL)
    passed = failed = 0
    compression = discord.utils._ActiveDecompressionContext.COMPRESSION_TYPE
    for test in TESTS:
        name = f"{test.__name__} ({compression})"
        try:
            await asyncio.wait_for(test(), 4 * PATIENCE)
            passed += 1
            print(f"ok      {name}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
    print(f"discord.py {discord.__version__}, {compression}:\n{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
