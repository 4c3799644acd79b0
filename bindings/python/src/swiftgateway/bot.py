"""What the API says about the gateway."""

from __future__ import annotations

import ctypes
import dataclasses

from ._arguments import milliseconds
from ._declarations import GatewayBotStruct
from ._library import lib, text_from
from .config import Config

__all__ = ["GatewayBot"]


@dataclasses.dataclass(frozen=True)
class GatewayBot:
    """What the API recommends and allows."""

    #: Gateway URL.
    url: str
    #: Recommended number.
    shards: int
    #: Identifies allowed per day.
    total: int
    #: Identifies left.
    remaining: int
    #: Milliseconds until ``remaining`` is ``total`` again.
    reset_after_ms: int
    #: Identifies allowed per 5 s.
    max_concurrency: int


def fetch(config: Config, timeout: float) -> GatewayBot:
    """Asks, and blocks meanwhile."""
    out = GatewayBotStruct(struct_size=ctypes.sizeof(GatewayBotStruct))
    lib.sg_fetch_gateway_bot(config.handle, milliseconds(timeout, "timeout"), ctypes.byref(out))
    return GatewayBot(out.url.decode(), out.shards, out.total, out.remaining, out.reset_after_ms, out.max_concurrency)


def fetch_url(config: Config, timeout: float) -> str:
    """Asks for the URL alone, and blocks meanwhile."""
    return text_from(lib.sg_fetch_gateway, config.handle, milliseconds(timeout, "timeout"), capacity=256).decode()
