"""What can be asked of a running cluster or shard. None of it blocks; all of it may be called from any thread and from
inside a handler."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

from ._arguments import Json, Snowflake, boolean, json_bytes, number, sequence_of, snowflake, snowflakes, text, texts
from ._connection import ClusterSummary, Connection, ShardInfo, cluster_summary, shard_info
from ._declarations import ClusterSummaryStruct, GuildMembersRequestStruct, ShardInfoStruct
from ._library import lib, text_from
from .config import Config, Shards, choose
from .enums import RestartMode, ShutdownMode
from .errors import BufferTooSmallError, InvalidArgumentError

__all__ = ["ClusterCommands", "ShardCommands", "shard_for_guild"]


def shard_for_guild(guild_id: Snowflake, shard_total: int) -> int:
    """The shard that serves a guild: ``(guild_id >> 22) % shard_total``. 0 when shard_total is 0."""
    return int(lib.sg_shard_for_guild(snowflake(guild_id, "guild_id"), number(shard_total, "shard_total")))


class _Commands(Connection):
    def _command(self, shard: tuple[int, ...], name: str, *arguments: Any) -> None:
        life = self._started()
        life.call(name, *[number(one, "shard_id") for one in shard], *arguments)

    def _json(self, shard: tuple[int, ...], name: str, payload: Json, what: str) -> None:
        whole = json_bytes(payload, what)
        self._command(shard, name, whole, len(whole))

    def _voice(self, shard: tuple[int, ...], guild: Snowflake, channel: Snowflake | None, mute: bool, deaf: bool) -> None:
        self._command(
            shard,
            "update_voice_state",
            snowflake(guild, "guild_id"),
            0 if channel is None else snowflake(channel, "channel_id"),
            boolean(mute, "self_mute"),
            boolean(deaf, "self_deaf"),
        )

    def _members(
        self,
        shard: tuple[int, ...],
        guild: Snowflake,
        query: str | None,
        limit: int,
        user_ids: Iterable[Snowflake] | None,
        nonce: str | None,
        presences: bool,
    ) -> None:
        if (query is None) == (user_ids is None):
            raise InvalidArgumentError("exactly one of query and user_ids must be given")
        request = GuildMembersRequestStruct(struct_size=ctypes.sizeof(GuildMembersRequestStruct))
        request.guild_id = snowflake(guild, "guild_id")
        request.limit = number(limit, "limit")
        request.presences = boolean(presences, "presences")
        if query is not None:
            request.query = text(query, "query")
        if user_ids is not None:
            array, request.user_id_count = snowflakes(user_ids, "user_ids")
            request.user_ids = array
        if nonce is not None:
            request.nonce = text(nonce, "nonce")
        self._command(shard, "request_guild_members", ctypes.byref(request))

    def _sounds(self, shard: tuple[int, ...], guilds: Iterable[Snowflake]) -> None:
        self._command(shard, "request_soundboard_sounds", *snowflakes(guilds, "guild_ids"))

    def _channel_info(self, shard: tuple[int, ...], guild: Snowflake, fields: Iterable[str]) -> None:
        self._command(
            shard, "request_channel_info", snowflake(guild, "guild_id"), *texts(sequence_of(fields, "fields"), "fields")
        )

    def _info(self, *shard: int) -> ShardInfo:
        out = ShardInfoStruct(struct_size=ctypes.sizeof(ShardInfoStruct))
        self._command(shard, "info" if self._kind == "cluster" else "get_info", ctypes.byref(out))
        return shard_info(out)


class ClusterCommands(_Commands):
    """The commands of a cluster. Errors of all: InvalidStateError when it was not started; NotFoundError for a shard that
    is not one of its."""

    _kind = "cluster"

    def _make(self, handle_out: Any) -> None:
        lib.sg_cluster_new(self.config.handle, handle_out)

    def send(self, shard_id: int, payload: Json) -> None:
        """Queues a whole payload such as ``{"op": 3, "d": …}``. It is sent in its turn while the shard is active, within
        the send limit, and is kept across reconnects: returning means queued, not sent.

        InvalidArgumentError: opcodes 1, 2 and 6, which belong to the engine, or what is no JSON object with an op.
        PayloadTooLargeError: more than 4096 bytes. QueueFullError: 1024 wait already. InvalidStateError: the cluster has
        stopped, or the shard is fatal. The other commands raise the same."""
        self._json((shard_id,), "send", payload, "payload")

    def update_presence(self, shard_id: int, presence: Json) -> None:
        """Op 3: the bot's status and activities on one shard. ``presence`` is the object for d."""
        self._json((shard_id,), "update_presence", presence, "presence")

    def update_presence_all(self, presence: Json) -> None:
        """The same on every shard: on those that run now, and in every session that begins later, in place of what the
        config says. QueueFullError: a shard had 1024 commands waiting; the others have taken theirs. InvalidStateError:
        no shard took it."""
        self._json((), "update_presence_all", presence, "presence")

    def update_voice_state(
        self,
        shard_id: int,
        guild_id: Snowflake,
        channel_id: Snowflake | None,
        *,
        self_mute: bool = False,
        self_deaf: bool = False,
    ) -> None:
        """Op 4: joins a voice channel, moves, or leaves (channel_id None)."""
        self._voice((shard_id,), guild_id, channel_id, self_mute, self_deaf)

    def request_guild_members(
        self,
        shard_id: int,
        guild_id: Snowflake,
        *,
        query: str | None = None,
        limit: int = 0,
        user_ids: Iterable[Snowflake] | None = None,
        nonce: str | None = None,
        presences: bool = False,
    ) -> None:
        """Op 8: asks for members; GUILD_MEMBERS_CHUNK events answer. Exactly one of query (the beginning of the username,
        "" for everyone) and user_ids (1 to 100). limit: at most 100 with a query, any with "", 0 = all. nonce: comes
        back in every chunk, at most 32 bytes. presences needs Intents.GUILD_PRESENCES."""
        self._members((shard_id,), guild_id, query, limit, user_ids, nonce, presences)

    def request_soundboard_sounds(self, shard_id: int, guild_ids: Iterable[Snowflake]) -> None:
        """Op 31: a SOUNDBOARD_SOUNDS event answers for each guild. At most about 180."""
        self._sounds((shard_id,), guild_ids)

    def request_channel_info(self, shard_id: int, guild_id: Snowflake, fields: Iterable[str]) -> None:
        """Op 43: fields ("status", "voice_start_time") of a guild's voice channels; CHANNEL_INFO answers."""
        self._channel_info((shard_id,), guild_id, fields)

    def restart_shard(self, shard_id: int, mode: int = RestartMode.RESUME) -> None:
        """Ends one shard's connection and opens another; a fatal shard is started afresh. Returns at once."""
        self._command((shard_id,), "restart_shard", number(mode, "mode"))

    def add_shard(self, shard_id: int, session: str | bytes | None = None) -> None:
        """Adds a shard, below the total, and starts it in its turn. InvalidStateError: the cluster has it already.

        ``session``: what ``export_shard`` (or ``export_sessions``) of another cluster gave: the shard resumes, with no
        IDENTIFY, and gets what it missed. FileError: not such a document, of another bot or total, or without this
        shard."""
        if session is None:
            self._command((shard_id,), "add_shard")
        else:
            self._json((shard_id,), "add_shard_session", session, "session")

    def guild_shard(self, guild_id: Snowflake) -> int:
        """The shard of this cluster that serves a guild, for the other commands. NotFoundError: it is in another process
        (:func:`shard_for_guild` tells its number). InvalidStateError: the API has not said yet how many there are."""
        out = ctypes.c_uint32()
        self._command((), "guild_shard", snowflake(guild_id, "guild_id"), ctypes.byref(out))
        return out.value

    def remove_shard(self, shard_id: int, mode: int = ShutdownMode.FINAL) -> None:
        """Shuts one shard down and takes it out. Returns at once; its last event is the state STOPPED."""
        self._command((shard_id,), "remove_shard", number(mode, "mode"))

    def info(self, shard_id: int) -> ShardInfo:
        """A snapshot of one shard; after the end, as it was then."""
        return self._info(shard_id)

    def summary(self) -> ClusterSummary:
        """All shards at a glance; after the end, as it was then."""
        out = ClusterSummaryStruct(struct_size=ctypes.sizeof(ClusterSummaryStruct))
        self._started().call("get_summary", ctypes.byref(out))
        return cluster_summary(out)

    def shard_ids(self) -> list[int]:
        """The ids of the cluster's shards, ascending. Empty before the API has said how many there should be."""
        life = self._started()
        count = ctypes.c_size_t(0)
        array: Any = None
        while True:
            try:
                life.call("shard_ids", array, ctypes.byref(count))
            except BufferTooSmallError:
                array = (ctypes.c_uint32 * count.value)()
            else:
                return list(array)[: count.value] if array is not None else []

    def export_sessions(self) -> bytes:
        """The sessions of all shards, as a JSON document for ``sessions=`` or ``Config.import_sessions``. Best after a
        close with ``ShutdownMode.RESUMABLE``."""
        return text_from(lib.sg_cluster_export_sessions, self._started().handle)

    def reshard(self, shards: Shards = "auto") -> None:
        """Begins to put other shards in the place of those that run, without a pause, and returns at once; ``shards`` as
        in :class:`Config`, but of another total than now. The cluster goes on as before.

        The new shards identify beside the old ones, and their events are held back. Once all are active and have got their
        guilds, delivery switches once: everything of the old shards comes first, then the new ones go on with what these
        did not get. Each event comes once, those of a guild in their order. At the switch every old shard tells the state
        STOPPED and every new one ACTIVE; from then on all that names a shard means the new ones. The switch waits while a
        shard is without a connection, or is not read because the consumer is too slow.

        What Discord forces: one IDENTIFY of the daily limit for each new shard, and twice the sessions meanwhile. READY and
        the GUILD_CREATEs with which the new sessions begin do not come: they tell nothing new.

        InvalidStateError: it does not run, its shards are not known yet, or it is being resharded already. What fails
        later is an error event, is raised by ``wait_reshard``, and leaves the old shards as they are: SessionLimitError,
        InvalidArgumentError (the same total as now), QueueFullError (a shard was away for so long that more than 64 MiB of
        events had to be held back), what made a new shard fatal, or why the API could not be asked."""
        life = self._started()
        choose(
            shards,
            lambda *numbers: life.call("reshard", *numbers),
            lambda *numbers: life.call("reshard_bucket", *numbers),
            lambda *numbers: life.call("reshard_split", *numbers),
            lambda: life.call("reshard", 0, 0, 0),
        )

    def cancel_reshard(self) -> None:
        """Gives a resharding up: the new shards end, the old ones go on. InvalidStateError: none is under way, or the new
        shards are taking over already."""
        self._started().call("cancel_reshard")

    def _export_shard(self, shard_id: int, timeout_ms: int) -> bytes:
        return text_from(lib.sg_cluster_export_shard, self._started().handle, number(shard_id, "shard_id"), timeout_ms)

    def metrics(self) -> str:
        """Counters and gauges of all shards in the text format of Prometheus."""
        return text_from(lib.sg_cluster_metrics, self._started().handle).decode()


class ShardCommands(_Commands):
    """The commands of one shard. Each does what its namesake of :class:`ClusterCommands` does."""

    _kind = "shard"

    def __init__(self, config: Config, shard_id: int, shard_total: int) -> None:
        super().__init__(config)
        self.shard_id = number(shard_id, "shard_id")
        self.shard_total = number(shard_total, "shard_total")
        if self.shard_id >= self.shard_total:
            raise InvalidArgumentError(f"shard_id is {shard_id}; it must be below shard_total, {shard_total}")

    def _make(self, handle_out: Any) -> None:
        lib.sg_shard_new(self.config.handle, self.shard_id, self.shard_total, handle_out)

    def send(self, payload: Json) -> None:
        """Queues a whole payload."""
        self._json((), "send", payload, "payload")

    def update_presence(self, presence: Json) -> None:
        """Op 3: the bot's status and activities."""
        self._json((), "update_presence", presence, "presence")

    def update_voice_state(
        self,
        guild_id: Snowflake,
        channel_id: Snowflake | None,
        *,
        self_mute: bool = False,
        self_deaf: bool = False,
    ) -> None:
        """Op 4: joins a voice channel, moves, or leaves (channel_id None)."""
        self._voice((), guild_id, channel_id, self_mute, self_deaf)

    def request_guild_members(
        self,
        guild_id: Snowflake,
        *,
        query: str | None = None,
        limit: int = 0,
        user_ids: Iterable[Snowflake] | None = None,
        nonce: str | None = None,
        presences: bool = False,
    ) -> None:
        """Op 8: asks for members."""
        self._members((), guild_id, query, limit, user_ids, nonce, presences)

    def request_soundboard_sounds(self, guild_ids: Iterable[Snowflake]) -> None:
        """Op 31: asks for soundboard sounds."""
        self._sounds((), guild_ids)

    def request_channel_info(self, guild_id: Snowflake, fields: Iterable[str]) -> None:
        """Op 43: asks for fields of a guild's voice channels."""
        self._channel_info((), guild_id, fields)

    def info(self) -> ShardInfo:
        """A snapshot; after the end, as it was then."""
        return self._info()
