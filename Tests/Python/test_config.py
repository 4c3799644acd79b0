"""Configuration: every option, and what a wrong one is answered with."""

from __future__ import annotations

import ctypes
import gc
import pathlib
import warnings
import weakref
from typing import Any, Callable

import pytest
import swiftgateway
from conftest import Sandbox
from swiftgateway import (
    BlockingCluster,
    Bucket,
    Cluster,
    Compression,
    Config,
    Dispatch,
    Event,
    EventKind,
    EventKinds,
    FileError,
    GatewayWarning,
    InflateBackend,
    Intents,
    InvalidArgumentError,
    LogLevel,
    ShardRange,
    Split,
    UnsupportedError,
    ZombiePolicy,
)

INTENTS = Intents.GUILDS | Intents.GUILD_MESSAGES



class Store:
    """A session store in memory."""

    def __init__(self) -> None:
        self.document: bytes | None = None
        self.saves = 0

    def load(self) -> bytes | None:
        return self.document

    def save(self, document: bytes) -> None:
        self.document = document
        self.saves += 1


GOOD: dict[str, list[Any]] = {
    "shards": ["auto", 4, ShardRange(2, 3, 8), Bucket(1, 3, 8), Split(1, 2, 25), Split(0, 3)],
    "gateway_url": ["wss://gateway.example:443/x"],
    "api_url": ["https://example.org/api/v10"],
    "compression": list(Compression),
    "inflate_backend": [InflateBackend.AUTO, InflateBackend.ZLIB],
    "max_concurrency": [1, 16],
    "identify_interval": [0, 5, 0.25],
    "identify_queue": [print],
    "identify_properties": [("linux", "a", "b")],
    "large_threshold": [50, 250],
    "presence": [{"status": "idle"}, '{"status":"idle"}', b'{"status":"idle"}'],
    "shard_presences": [{0: {"status": "idle"}, 3: '{"status":"dnd"}'}],
    "events": [[], ["MESSAGE_CREATE"], (Dispatch.TYPING_START, "NEW"), {"GUILD_CREATE"}],
    "kinds": [EventKinds.ALL, EventKinds.DISPATCH | EventKinds.ERROR, 31],
    "session_file": ["sessions.json", pathlib.Path("a", "sessions.json")],
    "session_store": [Store()],
    "backoff": [(1, 60), [0.5, 1.5]],
    "connect_timeout": [3],
    "invalid_session_wait": [(0, 0), (1, 5)],
    "zombie_policy": list(ZombiePolicy),
    "max_message_size": [1, 1 << 33],
    "send_limit": [(0, 0), (60, 60.0)],
    "queue_bytes": [0, 1 << 20],
    "io_threads": [0, 256],
    "handshake_limit": [1, 65535],
    "reshard_window": [0.001, 600],
}

BAD: dict[str, list[Any]] = {
    "shards": ["all", 0, -1, 1_000_001, 1.5, ShardRange(7, 3, 8), Bucket(3, 3, 8), Bucket(0, 1, 0), Split(2, 2, 25), Split(0, 0, 25), (0, 1)],
    "gateway_url": ["http://gateway.example", "nonsense", "", 7, "wss://a\0b", "wss://\ud800"],
    "api_url": ["wss://example.org", "", b"https://example.org"],
    "ca_file": [7, "a\0b"],
    "compression": [9, "zlib", True],
    "inflate_backend": [3, "zlib", True],
    "max_concurrency": [0, -1, 1 << 32],
    "identify_interval": [-1, float("nan"), float("inf"), "5", 1e9],
    "identify_queue": ["queue", 7],
    "identify_properties": [("linux", "", "b"), ("linux", "b"), "abc", ("a", "b", None)],
    "large_threshold": [49, 251],
    "presence": ["no json", "[]", {"x": {1}}, {"x": "y" * 3000}, 7, {"x": float("nan")}, "\0"],
    "shard_presences": [{-1: {}}, {0: "no"}],
    "events": ["MESSAGE_CREATE", Dispatch.READY, ["A\0B"], [7], [""]],
    "kinds": [64, -1, EventKind.ERROR],
    "session_file": ["", 7],
    "session_store": [7, "sessions.json"],
    "sessions": [7],
    "backoff": [(0, 1), (5, 1), 5, (1,), (1, 2, 3)],
    "connect_timeout": [0],
    "invalid_session_wait": [(5, 1)],
    "zombie_policy": [2],
    "max_message_size": [0, 1 << 64, -1],
    "send_limit": [(1, 0), 3],
    "queue_bytes": [-1, 1.5],
    "io_threads": [257],
    "handshake_limit": [0, 65536],
    "reshard_window": [0, 601],
    "log": [7],
    "log_level": [LogLevel.INFO],
}


@pytest.mark.parametrize("name", GOOD)
def test_good_values(name: str) -> None:
    for value in [*GOOD[name], None]:
        Config("token", INTENTS, **{name: value})


@pytest.mark.parametrize("name", BAD)
def test_bad_values(name: str) -> None:
    for value in BAD[name]:
        with pytest.raises(InvalidArgumentError) as caught:
            Config("token", INTENTS, **{name: value})
        assert len(str(caught.value)) > 10 and "SG_" not in str(caught.value), (name, value, caught.value)


def test_zlib_ng_where_it_is_installed() -> None:
    try:
        ctypes.CDLL("libz-ng.so.2")
    except OSError:
        with pytest.raises(UnsupportedError, match="libz-ng"):
            Config("token", INTENTS, inflate_backend=InflateBackend.ZLIB_NG)
    else:
        Config("token", INTENTS, inflate_backend=InflateBackend.ZLIB_NG)


def test_every_option_is_tested() -> None:
    import inspect

    options = set(inspect.signature(Config.__init__).parameters) - {"self", "token", "intents"}
    assert options == set(BAD) | {"sessions"} and options - set(GOOD) == {"ca_file", "sessions", "log", "log_level"}


@pytest.mark.parametrize(
    "token, intents",
    [(None, 1), ("", 1), ("a b", 1), ("x" * 600, 1), ("ä", 1), (7, 1), ("token", -1), ("token", 1 << 64), ("token", "all")],
)
def test_a_bad_token_or_intents(token: Any, intents: Any) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Config(token, intents)
    assert str(caught.value)


def test_a_cluster_says_what_is_missing() -> None:
    with pytest.raises(InvalidArgumentError, match="environment variable"):
        Cluster(None, INTENTS)
    with pytest.raises(InvalidArgumentError, match=r"intents are missing.*Intents\.GUILDS"):
        Cluster("token")
    with pytest.raises(InvalidArgumentError, match="Config holds"):
        Cluster(Config("token", INTENTS), INTENTS)
    with pytest.raises(TypeError, match="sharts"):
        Cluster("token", INTENTS, sharts=2)  # type: ignore[call-arg]


def test_intents_that_bring_nothing() -> None:
    with pytest.warns(GatewayWarning, match="intents is 0.*GUILD_MESSAGES") as told:
        Cluster("token", Intents(0))
    assert told[0].filename == __file__
    cluster = Cluster("token", INTENTS)
    with pytest.warns(GatewayWarning, match=r"GUILD_BAN_ADD never comes.*Intents\.GUILD_MODERATION") as told:
        cluster.on("GUILD_BAN_ADD")(print)
    assert told[0].filename == __file__
    with pytest.warns(GatewayWarning, match="TYPING_START never comes") as told:
        Cluster("token", INTENTS, events=["TYPING_START"])
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cluster.on("READY", "MESSAGE_CREATE", "INTERACTION_CREATE", "BRAND_NEW")(print)
        cluster.on(EventKind.CLOSED)(print)


def test_handlers_are_functions() -> None:
    cluster = Cluster("token", INTENTS)
    wrong: list[Callable[[], Any]] = [
        lambda: cluster.on(7),  # type: ignore[arg-type]
        lambda: cluster.on(print),  # type: ignore[arg-type]
        lambda: cluster.on("READY")(7),  # type: ignore[type-var]
        lambda: Config("token", INTENTS).set_event_handler(7),  # type: ignore[arg-type]
        lambda: Config("token", INTENTS).set_event_handler(print, 7),
    ]
    for one in wrong:
        with pytest.raises(InvalidArgumentError):
            one()


def test_files(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileError, match="nowhere") as caught:
        Config("token", INTENTS, ca_file=tmp_path / "nowhere.pem")
    assert isinstance(caught.value, OSError)
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(FileError, match="empty"):
        Config("token", INTENTS, ca_file=empty)
    with pytest.raises(FileError):
        Config("token", INTENTS, sessions=b"{}")


def test_a_file_that_is_gone_at_the_start(sandbox: Sandbox, tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "ca.pem"
    copy.write_bytes(pathlib.Path(sandbox.options["ca_file"]).read_bytes())
    cluster = BlockingCluster("token", INTENTS, ca_file=copy)
    copy.unlink()
    with pytest.raises(FileError):
        cluster.start()
    assert not cluster.running
    cluster.close()


def test_the_token_is_never_shown() -> None:
    config = Config("secret-token", INTENTS)
    for text in (repr(config), repr(Cluster(config)), str(vars(config))):
        assert "secret" not in text


def test_configs_are_collected() -> None:
    config = Config("token", INTENTS, log=lambda *line: None)
    gone = weakref.ref(config)
    del config
    gc.collect()
    assert gone() is None


# Events made without a gateway


def test_an_event_to_test_handlers_with() -> None:
    event = Event.dispatch("MESSAGE_CREATE", '{"id":"5","n":[1,{"a/b":null}]}', shard_id=2, sequence=9)
    assert event.type is Dispatch.MESSAGE_CREATE and event.data["id"] == "5"
    assert event.shard_id == 2 and event.sequence == 9 and event.kind is EventKind.DISPATCH
    assert event.get_int("/id") == 5 and event.get_json("/n/1") == b'{"a/b":null}' and event.error is None
    assert "MESSAGE_CREATE" in repr(event) and "sequence=9" in repr(event)
    assert Event.dispatch("BRAND_NEW", b"{}").type is Dispatch.UNKNOWN


def test_an_event_survives_pickling_and_copying() -> None:
    import copy
    import pickle

    event = Event.dispatch("MESSAGE_CREATE", b'{"id":"5"}', sequence=9)
    for other in (pickle.loads(pickle.dumps(event)), copy.copy(event), copy.deepcopy(event)):
        assert (other.name, other.raw, other.sequence, other.data) == (event.name, event.raw, 9, {"id": "5"})


def test_fields_that_are_not_there() -> None:
    event = Event.dispatch("MESSAGE_CREATE", '{"id":"5","text":"a","none":null}')
    with pytest.raises(swiftgateway.NotFoundError):
        event.get_str("/nothing")
    with pytest.raises(swiftgateway.NotFoundError):
        event.get_int("/text")
    with pytest.raises(swiftgateway.NotFoundError):
        event.get_bool("/none")
    with pytest.raises(InvalidArgumentError):
        event.get_str("no-slash")
    with pytest.raises(InvalidArgumentError):
        event.get_str("/id\0/x")
    with pytest.raises(InvalidArgumentError):
        event.get_str(b"/id")  # type: ignore[arg-type]
    with pytest.raises(swiftgateway.ProtocolError):
        Event.dispatch("X", "{nonsense").get_str("/a")
    with pytest.raises(ValueError):
        _ = Event.dispatch("X", "{nonsense").data
    with pytest.raises(swiftgateway.NotFoundError):
        Event.dispatch("X", "").get_str("/a")
    long = "x" * 100_000
    assert Event.dispatch("X", f'{{"a":"{long}"}}').get_str("/a") == long


def test_json_of_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers give the same."""
    import json

    from swiftgateway import event as module

    text = '{"a":[1,2.5,"ü\\u00e9\\ud83d\\ude00",null,true],"b":{"c":""}}'
    expected = Event.dispatch("X", text).data
    monkeypatch.setattr(module, "_loads", json.loads)
    assert Event.dispatch("X", text).data == expected == json.loads(text)


def test_names() -> None:
    assert swiftgateway.state_name(3) == "awaiting identify" and swiftgateway.state_name(99) == "unknown"
    assert swiftgateway.status_name(6) == "SG_ERROR_TIMEOUT" and swiftgateway.status_name(98) == "SG_STATUS_UNKNOWN"
    assert swiftgateway.intents_for("MESSAGE_CREATE") == Intents.GUILD_MESSAGES | Intents.DIRECT_MESSAGES
    assert swiftgateway.intents_for(Dispatch.READY) == 0 == swiftgateway.intents_for("BRAND_NEW")
    assert swiftgateway.shard_for_guild("81384788765712384", 0) == 0
    with pytest.raises(InvalidArgumentError):
        swiftgateway.shard_for_guild("guild", 1)
