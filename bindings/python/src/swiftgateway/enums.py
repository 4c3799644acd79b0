"""The constants of the C API. Names and numbers are those of ``swiftgateway.h``; a test compares them with the header.

A number that a newer library sends and this file does not know becomes an unnamed member, ``UNKNOWN_<number>``.
"""

from __future__ import annotations

import enum
from typing import TypeVar

__all__ = [
    "Compression",
    "Delivery",
    "Dispatch",
    "EventKind",
    "EventKinds",
    "IdentifyKind",
    "InflateBackend",
    "Intents",
    "LogLevel",
    "RestartMode",
    "ShardState",
    "ShutdownMode",
    "Status",
    "ZombiePolicy",
]

_E = TypeVar("_E", bound="_Open")


class _Open(enum.IntEnum):
    """An enumeration that later versions may extend."""

    @classmethod
    def _missing_(cls: type[_E], value: object) -> _E | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member


class Status(_Open):
    """What a call came to, and what an error event is about.

    Each value but ``OK`` has an exception of its own, see :mod:`swiftgateway.errors`.
    """

    OK = 0
    INVALID_ARGUMENT = 1  # an argument that can never be right
    INVALID_STATE = 2  # not now: the object's state forbids the call
    NOT_FOUND = 3  # no such shard, or no such value in an event
    PAYLOAD_TOO_LARGE = 4  # an outgoing payload of more than 4096 bytes
    QUEUE_FULL = 5  # too many commands wait to be sent
    TIMEOUT = 6  # the given time passed
    CANCELLED = 7  # shut down while the call waited
    WOULD_DEADLOCK = 8  # the call waits for callbacks and came from inside one
    BUFFER_TOO_SMALL = 9  # the library asked for a larger buffer
    NETWORK = 20  # name resolution, connect, or the connection broke
    TLS = 21  # handshake refused, or the certificate is untrusted, expired or for another host
    HTTP = 22  # the API or the upgrade was answered with an unexpected HTTP status or body
    UNAUTHORIZED = 23  # the token was refused: HTTP 401, or close code 4004
    RATE_LIMITED = 24  # HTTP 429, close code 4008, or a RATE_LIMITED answer
    SESSION_LIMIT = 25  # fewer identifies left today than shards to start
    GATEWAY_CLOSED = 26  # the gateway closed the connection; the code says why
    PROTOCOL = 27  # the peer broke the protocol: websocket, compression or JSON
    FILE = 28  # a file could not be read, written or understood
    UNSUPPORTED = 29  # not available here, such as zstd without libzstd.so.1
    INTERNAL = 99  # a defect of the library, or no memory


class Intents(enum.IntFlag):
    """What the gateway is asked to send; join with ``|``. Privileged ones must be switched on in the developer
    portal, else the gateway closes with 4014 (:class:`~swiftgateway.GatewayClosedError`)."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1  # privileged
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_INTEGRATIONS = 1 << 4
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8  # privileged
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15  # privileged
    GUILD_SCHEDULED_EVENTS = 1 << 16
    AUTO_MODERATION_CONFIGURATION = 1 << 20
    AUTO_MODERATION_EXECUTION = 1 << 21
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25
    ALL = 53608447  # every documented intent
    UNPRIVILEGED = 53575421  # every documented intent that needs no approval
    PRIVILEGED = 33026  # the intents to switch on in the developer portal


class Compression(_Open):
    """Transport compression, from the gateway to here."""

    NONE = 0
    ZLIB = 1  # least memory, the default
    ZSTD = 2  # least CPU, five times the memory of a zlib shard; needs libzstd.so.1 at run time


class InflateBackend(_Open):
    """What inflates zlib-stream."""

    AUTO = 0  # zlib-ng where it is installed, zlib otherwise; the default
    ZLIB = 1  # the zlib that the library is linked with
    ZLIB_NG = 2  # zlib-ng: less CPU (measured: 5 to 15 % of an event); needs libz-ng.so.2 at run time


class Delivery(_Open):
    """On which thread the library hands events out. The classes of this package use ``QUEUED``."""

    QUEUED = 0  # on a delivery thread, from a bounded queue: a slow handler delays no heartbeat
    INLINE = 1  # on the connection's own thread, without a copy: for handlers that return at once


class ZombiePolicy(_Open):
    """What to do when a heartbeat was not acknowledged by the time of the next one."""

    GRACE = 0  # at once if nothing was read since; one interval more while data still flows
    STRICT = 1  # at once, whatever else arrived: the documented criterion


class IdentifyKind(_Open):
    """What an identify queue is told, see :mod:`swiftgateway.identify`."""

    REQUEST = 0  # a shard wants to identify: answer with grant(), now or later
    CANCEL = 1  # it does not any more, as its connection ended: nothing was sent, the permit is void
    SENT = 2  # its IDENTIFY was sent just now: the interval of its key counts from here


class ShutdownMode(_Open):
    """How to leave."""

    FINAL = 0  # close 1000: the bot goes offline at once, the session is over
    RESUMABLE = 1  # close 4000: the session is kept and can be resumed for some minutes


class RestartMode(_Open):
    """How to restart one shard."""

    IDENTIFY = 0  # close 1000, then a new session
    RESUME = 1  # close 4000, then the same session on a new connection


class LogLevel(_Open):
    """Levels of the library's log."""

    TRACE = 0  # every frame's opcode and size
    DEBUG = 1  # decisions of the engine
    INFO = 2  # life cycle: connected, ready, resumed, closed
    WARNING = 3  # something failed and is retried
    ERROR = 4  # a shard is fatal, or a file was refused
    OFF = 5  # as a minimum: nothing


class EventKind(_Open):
    """What an event is."""

    DISPATCH = 0  # op 0: name, type, sequence; data = the raw JSON of d, byte for byte as it was sent
    # the shard changed: state; code = the heartbeat interval in ms for ShardState.IDENTIFYING and
    # ShardState.RESUMING, the number of the attempt, from 1, for ShardState.CONNECTING and ShardState.BACKOFF;
    # value_ns = the wait for ShardState.BACKOFF
    STATE = 1
    # the connection ended: code = close code (1006 without a close frame), data = the reason as UTF-8 text, state =
    # what follows
    CLOSED = 2
    LATENCY = 3  # a heartbeat was acknowledged: value_ns = round trip
    # something failed: status, and data = a plain sentence; the shard goes on unless state is ShardState.FATAL
    ERROR = 4
    PAYLOAD = 5  # every payload received, whole, decompressed, before it is handled: data; opt-in


class EventKinds(enum.IntFlag):
    """Kinds of events to deliver; join with ``|``. One kind's bit is ``1 << its number``."""

    DISPATCH = 1 << 0
    STATE = 1 << 1
    CLOSED = 1 << 2
    LATENCY = 1 << 3
    ERROR = 1 << 4
    PAYLOAD = 1 << 5
    DEFAULT = 31  # all but EventKind.PAYLOAD
    ALL = 63


class ShardState(_Open):
    """The life of a shard."""

    IDLE = 0  # not started
    CONNECTING = 1  # resolving, TCP, TLS, websocket upgrade
    AWAITING_HELLO = 2  # connected; the gateway speaks first
    AWAITING_IDENTIFY = 3  # heartbeats run; waiting for the turn to identify
    IDENTIFYING = 4  # IDENTIFY sent; waiting for READY
    RESUMING = 5  # RESUME sent; missed events arrive, then RESUMED
    ACTIVE = 6  # READY or RESUMED received
    BACKOFF = 7  # waiting before the next attempt
    CLOSING = 8  # leaving; waiting for the peer's close frame
    STOPPED = 9  # shut down by its owner
    FATAL = 10  # stopped by an error that would repeat: bad token, intents or shard numbers


class Dispatch(_Open):
    """Dispatch events. ``UNKNOWN`` is a name that this build does not know; the event carries the name all the same."""

    UNKNOWN = 0
    READY = 1
    RESUMED = 2
    RATE_LIMITED = 3
    APPLICATION_COMMAND_PERMISSIONS_UPDATE = 4
    AUTO_MODERATION_RULE_CREATE = 5
    AUTO_MODERATION_RULE_UPDATE = 6
    AUTO_MODERATION_RULE_DELETE = 7
    AUTO_MODERATION_ACTION_EXECUTION = 8
    CHANNEL_CREATE = 9
    CHANNEL_UPDATE = 10
    CHANNEL_DELETE = 11
    CHANNEL_INFO = 12
    CHANNEL_PINS_UPDATE = 13
    VOICE_CHANNEL_STATUS_UPDATE = 14
    VOICE_CHANNEL_START_TIME_UPDATE = 15
    THREAD_CREATE = 16
    THREAD_UPDATE = 17
    THREAD_DELETE = 18
    THREAD_LIST_SYNC = 19
    THREAD_MEMBER_UPDATE = 20
    THREAD_MEMBERS_UPDATE = 21
    ENTITLEMENT_CREATE = 22
    ENTITLEMENT_UPDATE = 23
    ENTITLEMENT_DELETE = 24
    GUILD_CREATE = 25
    GUILD_UPDATE = 26
    GUILD_DELETE = 27
    GUILD_AUDIT_LOG_ENTRY_CREATE = 28
    GUILD_BAN_ADD = 29
    GUILD_BAN_REMOVE = 30
    GUILD_EMOJIS_UPDATE = 31
    GUILD_STICKERS_UPDATE = 32
    GUILD_INTEGRATIONS_UPDATE = 33
    GUILD_MEMBER_ADD = 34
    GUILD_MEMBER_REMOVE = 35
    GUILD_MEMBER_UPDATE = 36
    GUILD_MEMBERS_CHUNK = 37
    GUILD_ROLE_CREATE = 38
    GUILD_ROLE_UPDATE = 39
    GUILD_ROLE_DELETE = 40
    GUILD_SCHEDULED_EVENT_CREATE = 41
    GUILD_SCHEDULED_EVENT_UPDATE = 42
    GUILD_SCHEDULED_EVENT_DELETE = 43
    GUILD_SCHEDULED_EVENT_USER_ADD = 44
    GUILD_SCHEDULED_EVENT_USER_REMOVE = 45
    GUILD_SOUNDBOARD_SOUND_CREATE = 46
    GUILD_SOUNDBOARD_SOUND_UPDATE = 47
    GUILD_SOUNDBOARD_SOUND_DELETE = 48
    GUILD_SOUNDBOARD_SOUNDS_UPDATE = 49
    SOUNDBOARD_SOUNDS = 50
    INTEGRATION_CREATE = 51
    INTEGRATION_UPDATE = 52
    INTEGRATION_DELETE = 53
    INTERACTION_CREATE = 54
    INVITE_CREATE = 55
    INVITE_DELETE = 56
    MESSAGE_CREATE = 57
    MESSAGE_UPDATE = 58
    MESSAGE_DELETE = 59
    MESSAGE_DELETE_BULK = 60
    MESSAGE_REACTION_ADD = 61
    MESSAGE_REACTION_REMOVE = 62
    MESSAGE_REACTION_REMOVE_ALL = 63
    MESSAGE_REACTION_REMOVE_EMOJI = 64
    MESSAGE_POLL_VOTE_ADD = 65
    MESSAGE_POLL_VOTE_REMOVE = 66
    PRESENCE_UPDATE = 67
    STAGE_INSTANCE_CREATE = 68
    STAGE_INSTANCE_UPDATE = 69
    STAGE_INSTANCE_DELETE = 70
    SUBSCRIPTION_CREATE = 71
    SUBSCRIPTION_UPDATE = 72
    SUBSCRIPTION_DELETE = 73
    TYPING_START = 74
    USER_UPDATE = 75
    VOICE_CHANNEL_EFFECT_SEND = 76
    VOICE_STATE_UPDATE = 77
    VOICE_SERVER_UPDATE = 78
    WEBHOOKS_UPDATE = 79
