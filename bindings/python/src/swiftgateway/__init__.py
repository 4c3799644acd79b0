"""Connections to the Discord gateway, held for as long as their owner wants: Python's side of libswiftgateway.

    import asyncio, os
    from swiftgateway import Cluster, Intents

    async def main():
        async with Cluster(os.environ["DISCORD_TOKEN"], Intents.GUILDS | Intents.GUILD_MESSAGES) as cluster:
            async for event in cluster:
                if event.name == "MESSAGE_CREATE":
                    print(event.data["author"]["username"], event.data["content"])

    asyncio.run(main())

Cluster and Shard are for asyncio, BlockingCluster and BlockingShard for scripts without it. Times are seconds unless a
name ends in ``_ms`` or ``_ns``. Every error is a GatewayError. Errors and lost connections are also logged, to the logger
"swiftgateway".
"""

from __future__ import annotations

from . import enums as _enums
from . import errors as _errors
from ._asyncio import Cluster, Shard, fetch_gateway, fetch_gateway_bot
from ._blocking import BlockingCluster, BlockingShard, fetch_gateway_blocking, fetch_gateway_bot_blocking
from ._commands import shard_for_guild
from ._connection import ClusterSummary, ShardInfo
from ._library import lib as _lib
from ._library import library_path
from ._version import __version__
from .bot import GatewayBot
from .config import Bucket, Config, ShardRange, Split
from .enums import *  # noqa: F403
from .errors import *  # noqa: F403
from .event import Event, intents_for, intents_for_events
from .identify import IdentifyQueue, IdentifyRequest
from .sessions import SessionStore


def library_version() -> str:
    """The version of the library in use, such as "1.2.3"."""
    version: bytes = _lib.sg_version()
    return version.decode()


def status_name(status: int) -> str:
    """The C name of a status, such as "SG_ERROR_TIMEOUT"; "SG_STATUS_UNKNOWN" for a number without one."""
    name: bytes = _lib.sg_status_name(status)
    return name.decode()


def state_name(state: int) -> str:
    """A shard state in words, such as "awaiting hello"; "unknown" for a number without one."""
    name: bytes = _lib.sg_shard_state_name(state)
    return name.decode()


__all__ = [
    "BlockingCluster",
    "BlockingShard",
    "Bucket",
    "Cluster",
    "ClusterSummary",
    "Config",
    "Event",
    "GatewayBot",
    "IdentifyQueue",
    "IdentifyRequest",
    "SessionStore",
    "Shard",
    "ShardInfo",
    "ShardRange",
    "Split",
    "__version__",
    "fetch_gateway",
    "fetch_gateway_blocking",
    "fetch_gateway_bot",
    "fetch_gateway_bot_blocking",
    "intents_for",
    "intents_for_events",
    "library_path",
    "library_version",
    "shard_for_guild",
    "state_name",
    "status_name",
]
__all__ += _enums.__all__
__all__ += _errors.__all__
