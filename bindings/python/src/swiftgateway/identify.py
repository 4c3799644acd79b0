"""An identify queue of one's own, for a bot whose shards run in several processes and must share one."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any, Callable

from . import _declarations
from ._library import lib
from .enums import IdentifyKind

__all__ = ["IdentifyQueue", "IdentifyRequest"]

logger = logging.getLogger("swiftgateway")


@dataclasses.dataclass(frozen=True)
class IdentifyRequest:
    """One request of one shard to identify, once."""

    kind: IdentifyKind
    #: Names the request; never 0, never used again in this process, below 2^53.
    permit: int
    shard_id: int
    shard_total: int
    #: How many shards may identify in one interval, as the API or ``max_concurrency=`` says.
    max_concurrency: int
    #: ``shard_id % max_concurrency``: requests of one key must be the interval of 5 s apart.
    rate_limit_key: int

    def grant(self) -> None:
        """Lets the shard identify. Any thread. NotFoundError: granted or cancelled before; nothing happens then."""
        grant(self.permit)


#: Called with every request, and once more with what became of it.
IdentifyQueue = Callable[[IdentifyRequest], object]


def grant(permit: int) -> None:
    """The same by the number of the permit, which can cross to another process and back."""
    lib.sg_identify_grant(permit)


def callback_of(queue: IdentifyQueue) -> Any:
    def call(pointer: Any, _user: Any) -> None:
        try:
            one = pointer.contents
            queue(
                IdentifyRequest(
                    IdentifyKind(one.kind),
                    one.permit,
                    one.shard_id,
                    one.shard_total,
                    one.max_concurrency,
                    one.rate_limit_key,
                )
            )
        except Exception:
            logger.exception("the identify queue failed")

    return _declarations.IdentifyHandler(call)
