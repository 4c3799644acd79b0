"""The types: the package itself, and programs that use it, as mypy --strict sees them."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest
from conftest import ROOT

PACKAGE = ROOT / "bindings" / "python"


def mypy(*arguments: str, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), *arguments]
    return subprocess.run(
        command, cwd=folder, env={"PATH": "/usr/bin:/bin", "MYPYPATH": str(PACKAGE / "src")}, capture_output=True, text=True
    )


def test_the_package(tmp_path: pathlib.Path) -> None:
    done = mypy("-p", "swiftgateway", folder=tmp_path)
    assert done.returncode == 0, done.stdout


USE = """
import asyncio
import os
from swiftgateway import (BlockingCluster, BlockingShard, Cluster, Config, Event, Intents, Shard, ShardRange,
                          fetch_gateway_bot)

async def main() -> None:
    config = Config("token", Intents.GUILDS, shards=ShardRange(0, 1, 1), backoff=(1, 60))
    cluster = Cluster(os.environ.get("DISCORD_TOKEN"), Intents.GUILDS, api_url=os.environ.get("API_URL"), shards="auto")

    @cluster.on("MESSAGE_CREATE")
    async def message(event: Event) -> None:
        reveal_type(event.raw)

    @cluster.on()
    def everything(event: Event) -> None: ...

    reveal_type(message)
    async with cluster as same:
        reveal_type(same)
        async for event in same:
            reveal_type(event)
        reveal_type(same.info(0).latency)
    async with Shard(config, shard_id=0, shard_total=1) as shard:
        reveal_type(await shard.next_event())
    reveal_type((await fetch_gateway_bot(config)).shards)

with BlockingCluster("token", 1) as blocking:
    for event in blocking:
        reveal_type(event.name)
with BlockingShard("token", 1, shard_id=0, shard_total=1) as one:
    reveal_type(one)
"""
REVEALED = [
    "bytes",
    "def (event: swiftgateway.event.Event) -> typing.Coroutine[Any, Any, None]",
    "swiftgateway._asyncio.Cluster",
    "swiftgateway.event.Event",
    "float | None",
    "swiftgateway.event.Event",
    "int",
    "str",
    "swiftgateway._blocking.BlockingShard",
]


def test_a_program_that_uses_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    done = mypy("use.py", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    revealed = [line.split('"')[1] for line in done.stdout.splitlines() if "Revealed type" in line]
    assert [one.replace("builtins.", "").replace("Union[float, None]", "float | None") for one in revealed] == [
        *REVEALED
    ], revealed


@pytest.mark.parametrize(
    "wrong",
    [
        'Cluster("token", "GUILDS")',
        'Cluster("token", Intents.GUILDS, sharts=1)',
        'Cluster("token", Intents.GUILDS, connect_timeout="3")',
        'BlockingCluster("token", 1).info("0")',
        'Cluster("token", 1).on("READY")(7)',
    ],
)
def test_what_is_wrong_is_found(wrong: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "use.py").write_text(f"from swiftgateway import *\n{wrong}\n")
    done = mypy("use.py", folder=tmp_path)
    assert done.returncode == 1 and "use.py:2: error" in done.stdout, done.stdout
