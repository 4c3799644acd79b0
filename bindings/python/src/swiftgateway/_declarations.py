"""What ``swiftgateway.h`` declares, for ctypes. A test compares every line with what a C compiler says of the header."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char, c_char_p, c_double, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

__all__ = [
    "CALLBACKS",
    "FUNCTIONS",
    "STATUS",
    "STRUCTS",
    "BatchHandler",
    "EventHandler",
    "GatewayBotStruct",
    "GuildMembersRequestStruct",
    "IdentifyHandler",
    "IdentifyStruct",
    "LogHandler",
    "SGEvent",
    "SessionLoader",
    "SessionSaver",
    "ShardInfoStruct",
    "address_of",
]


class SGEvent(ctypes.Structure):
    """``sg_event``. The hot path reads it with ``struct`` instead, see ``event.LAYOUT``."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_uint32),
        ("shard_id", c_uint32),
        ("type", c_uint32),
        ("sequence", c_uint64),
        ("name", c_void_p),
        ("name_length", c_size_t),
        ("data", c_void_p),
        ("data_length", c_size_t),
        ("state", c_uint32),
        ("code", c_uint32),
        ("status", c_uint32),
        ("reserved", c_uint32),
        ("value_ns", c_uint64),
        ("received_ns", c_uint64),
    ]


class GatewayBotStruct(ctypes.Structure):
    """``sg_gateway_bot``."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("shards", c_uint32),
        ("total", c_uint32),
        ("remaining", c_uint32),
        ("max_concurrency", c_uint32),
        ("reserved", c_uint32),
        ("reset_after_ms", c_uint64),
        ("url", c_char * 256),
    ]


class ShardInfoStruct(ctypes.Structure):
    """``sg_shard_info``."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("id", c_uint32),
        ("total", c_uint32),
        ("state", c_uint32),
        ("sequence", c_uint64),
        ("session_id", c_char * 128),
        ("latency_last_ns", c_uint64),
        ("latency_average_ns", c_uint64),
        ("latency_recent_ns", c_uint64 * 5),
        ("heartbeats_sent", c_uint64),
        ("heartbeats_acked", c_uint64),
        ("connects", c_uint64),
        ("reconnects", c_uint64),
        ("identifies", c_uint64),
        ("resumes", c_uint64),
        ("events", c_uint64),
        ("events_delivered", c_uint64),
        ("sequence_delivered", c_uint64),
        ("bytes_wire", c_uint64),
        ("bytes_inflated", c_uint64),
        ("bytes_sent", c_uint64),
        ("bytes_queued", c_uint64),
        ("next_permit_ns", c_uint64),
        ("commands_queued", c_uint32),
        ("send_permits", c_uint32),
        ("heartbeat_interval_ms", c_uint32),
        ("last_close_code", c_uint32),
    ]


class ClusterSummaryStruct(ctypes.Structure):
    """``sg_cluster_summary``."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("shards", c_uint32),
        ("total", c_uint32),
        ("ready", c_uint32),
        ("states", c_uint32 * 16),
        ("latency_slowest_ns", c_uint64),
        ("latency_slowest_shard", c_uint32),
        ("identifies_left", c_uint32),
        ("identifies_total", c_uint32),
        ("inflate_backend", c_uint32),
        ("identifies_reset_ns", c_uint64),
        ("events", c_uint64),
        ("events_delivered", c_uint64),
        ("reconnects", c_uint64),
        ("resumes", c_uint64),
        ("identifies", c_uint64),
        ("errors", c_uint64),
        ("bytes_wire", c_uint64),
        ("bytes_inflated", c_uint64),
        ("bytes_sent", c_uint64),
        ("bytes_queued", c_uint64),
        ("commands_queued", c_uint64),
    ]


class GuildMembersRequestStruct(ctypes.Structure):
    """``sg_guild_members_request``."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("limit", c_uint32),
        ("guild_id", c_uint64),
        ("query", c_char_p),
        ("user_ids", POINTER(c_uint64)),
        ("user_id_count", c_size_t),
        ("nonce", c_char_p),
        ("presences", c_uint32),
        ("reserved", c_uint32),
    ]


class IdentifyStruct(ctypes.Structure):
    """``sg_identify``."""

    _fields_ = [
        ("struct_size", c_uint32),
        ("kind", c_uint32),
        ("permit", c_uint64),
        ("shard_id", c_uint32),
        ("shard_total", c_uint32),
        ("max_concurrency", c_uint32),
        ("rate_limit_key", c_uint32),
    ]


STRUCTS: dict[str, Any] = {
    "sg_event": SGEvent,
    "sg_gateway_bot": GatewayBotStruct,
    "sg_shard_info": ShardInfoStruct,
    "sg_cluster_summary": ClusterSummaryStruct,
    "sg_guild_members_request": GuildMembersRequestStruct,
    "sg_identify": IdentifyStruct,
}

EventHandler = ctypes.CFUNCTYPE(None, POINTER(SGEvent), c_void_p)
BatchHandler = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_size_t, c_void_p)
LogHandler = ctypes.CFUNCTYPE(None, c_uint32, c_char_p, c_char_p, c_void_p)
IdentifyHandler = ctypes.CFUNCTYPE(None, POINTER(IdentifyStruct), c_void_p)
SessionLoader = ctypes.CFUNCTYPE(c_uint32, POINTER(c_char), POINTER(c_size_t), c_void_p)
SessionSaver = ctypes.CFUNCTYPE(c_uint32, c_char_p, c_size_t, c_void_p)

CALLBACKS: dict[str, Any] = {
    "sg_event_fn": EventHandler,
    "sg_batch_fn": BatchHandler,
    "sg_log_fn": LogHandler,
    "sg_identify_fn": IdentifyHandler,
    "sg_session_load_fn": SessionLoader,
    "sg_session_save_fn": SessionSaver,
}


class STATUS(c_uint32):
    """The result of a function that can fail: an ``sg_status``. Marks such functions; their results are plain numbers."""


_status = STATUS
_handle = c_void_p
_length = POINTER(c_size_t)
_buffer = POINTER(c_char)
_event = POINTER(SGEvent)

#: Name: (what it returns, what it takes).
FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "sg_version": (c_char_p, []),
    "sg_status_name": (c_char_p, [c_uint32]),
    "sg_last_error": (c_char_p, []),
    # Events
    "sg_event_string": (_status, [_event, c_char_p, _buffer, _length]),
    "sg_event_uint64": (_status, [_event, c_char_p, POINTER(c_uint64)]),
    "sg_event_double": (_status, [_event, c_char_p, POINTER(c_double)]),
    "sg_event_bool": (_status, [_event, c_char_p, POINTER(c_bool)]),
    "sg_event_json": (_status, [_event, c_char_p, POINTER(c_void_p), _length]),
    "sg_event_type_name": (c_char_p, [c_uint32]),
    "sg_event_intents": (c_uint64, [c_uint32]),
    "sg_intents_for_events": (_status, [POINTER(c_char_p), c_size_t, POINTER(c_uint64), POINTER(c_uint64)]),
    "sg_shard_state_name": (c_char_p, [c_uint32]),
    # Configuration
    "sg_config_new": (_handle, [c_char_p, c_uint64]),
    "sg_config_free": (None, [_handle]),
    "sg_config_set_gateway_url": (_status, [_handle, c_char_p]),
    "sg_config_set_api_url": (_status, [_handle, c_char_p]),
    "sg_config_set_ca_file": (_status, [_handle, c_char_p]),
    "sg_config_set_compression": (_status, [_handle, c_uint32]),
    "sg_config_set_inflate_backend": (_status, [_handle, c_uint32]),
    "sg_config_set_shards": (_status, [_handle, c_uint32, c_uint32, c_uint32]),
    "sg_config_set_shards_auto": (_status, [_handle]),
    "sg_config_set_shards_bucket": (_status, [_handle, c_uint32, c_uint32, c_uint32]),
    "sg_config_set_shards_split": (_status, [_handle, c_uint32, c_uint32, c_uint32]),
    "sg_config_set_max_concurrency": (_status, [_handle, c_uint32]),
    "sg_config_set_identify_interval": (_status, [_handle, c_uint32]),
    "sg_config_set_identify_queue": (_status, [_handle, IdentifyHandler, c_void_p]),
    "sg_identify_grant": (_status, [c_uint64]),
    "sg_config_set_identify_properties": (_status, [_handle, c_char_p, c_char_p, c_char_p]),
    "sg_config_set_large_threshold": (_status, [_handle, c_uint32]),
    "sg_config_set_presence": (_status, [_handle, c_char_p]),
    "sg_config_set_shard_presence": (_status, [_handle, c_uint32, c_char_p]),
    "sg_config_set_event_filter": (_status, [_handle, POINTER(c_char_p), c_size_t]),
    "sg_config_set_event_kinds": (_status, [_handle, c_uint32]),
    "sg_config_set_session_file": (_status, [_handle, c_char_p]),
    "sg_config_set_session_store": (_status, [_handle, SessionLoader, SessionSaver, c_void_p]),
    "sg_config_set_backoff": (_status, [_handle, c_uint32, c_uint32]),
    "sg_config_set_connect_timeout": (_status, [_handle, c_uint32]),
    "sg_config_set_invalid_session_wait": (_status, [_handle, c_uint32, c_uint32]),
    "sg_config_set_zombie_policy": (_status, [_handle, c_uint32]),
    "sg_config_set_max_message_size": (_status, [_handle, c_size_t]),
    "sg_config_set_send_limit": (_status, [_handle, c_uint32, c_uint32]),
    "sg_config_set_delivery": (_status, [_handle, c_uint32, c_size_t]),
    "sg_config_set_io_threads": (_status, [_handle, c_uint32]),
    "sg_config_set_handshake_limit": (_status, [_handle, c_uint32]),
    "sg_config_set_reshard_window": (_status, [_handle, c_uint32]),
    "sg_config_set_event_handler": (_status, [_handle, EventHandler, c_void_p]),
    "sg_config_set_batch_handler": (_status, [_handle, BatchHandler, c_void_p]),
    "sg_config_set_log_handler": (_status, [_handle, c_uint32, LogHandler, c_void_p]),
    "sg_config_import_sessions": (_status, [_handle, c_char_p, c_size_t]),
    "sg_fetch_gateway_bot": (_status, [_handle, c_uint32, POINTER(GatewayBotStruct)]),
    "sg_fetch_gateway": (_status, [_handle, c_uint32, _buffer, _length]),
    "sg_shard_for_guild": (c_uint32, [c_uint64, c_uint32]),
    # Cluster
    "sg_cluster_new": (_status, [_handle, POINTER(_handle)]),
    "sg_cluster_start": (_status, [_handle]),
    "sg_cluster_wait_ready": (_status, [_handle, c_uint32]),
    "sg_cluster_wait": (_status, [_handle, c_uint32]),
    "sg_cluster_shutdown": (_status, [_handle, c_uint32, c_uint32]),
    "sg_cluster_free": (None, [_handle]),
    "sg_cluster_shard_ids": (_status, [_handle, POINTER(c_uint32), _length]),
    "sg_cluster_info": (_status, [_handle, c_uint32, POINTER(ShardInfoStruct)]),
    "sg_cluster_get_summary": (_status, [_handle, POINTER(ClusterSummaryStruct)]),
    "sg_cluster_send": (_status, [_handle, c_uint32, c_char_p, c_size_t]),
    "sg_cluster_update_presence": (_status, [_handle, c_uint32, c_char_p, c_size_t]),
    "sg_cluster_update_presence_all": (_status, [_handle, c_char_p, c_size_t]),
    "sg_cluster_update_voice_state": (_status, [_handle, c_uint32, c_uint64, c_uint64, c_bool, c_bool]),
    "sg_cluster_request_guild_members": (_status, [_handle, c_uint32, POINTER(GuildMembersRequestStruct)]),
    "sg_cluster_request_soundboard_sounds": (_status, [_handle, c_uint32, POINTER(c_uint64), c_size_t]),
    "sg_cluster_request_channel_info": (_status, [_handle, c_uint32, c_uint64, POINTER(c_char_p), c_size_t]),
    "sg_cluster_restart_shard": (_status, [_handle, c_uint32, c_uint32]),
    "sg_cluster_add_shard": (_status, [_handle, c_uint32]),
    "sg_cluster_add_shard_session": (_status, [_handle, c_uint32, c_char_p, c_size_t]),
    "sg_cluster_remove_shard": (_status, [_handle, c_uint32, c_uint32]),
    "sg_cluster_export_shard": (_status, [_handle, c_uint32, c_uint32, _buffer, _length]),
    "sg_cluster_guild_shard": (_status, [_handle, c_uint64, POINTER(c_uint32)]),
    "sg_cluster_reshard": (_status, [_handle, c_uint32, c_uint32, c_uint32]),
    "sg_cluster_reshard_bucket": (_status, [_handle, c_uint32, c_uint32, c_uint32]),
    "sg_cluster_reshard_split": (_status, [_handle, c_uint32, c_uint32, c_uint32]),
    "sg_cluster_wait_reshard": (_status, [_handle, c_uint32]),
    "sg_cluster_cancel_reshard": (_status, [_handle]),
    "sg_cluster_export_sessions": (_status, [_handle, _buffer, _length]),
    "sg_cluster_metrics": (_status, [_handle, _buffer, _length]),
    # Shard
    "sg_shard_new": (_status, [_handle, c_uint32, c_uint32, POINTER(_handle)]),
    "sg_shard_start": (_status, [_handle]),
    "sg_shard_wait_ready": (_status, [_handle, c_uint32]),
    "sg_shard_wait": (_status, [_handle, c_uint32]),
    "sg_shard_shutdown": (_status, [_handle, c_uint32, c_uint32]),
    "sg_shard_free": (None, [_handle]),
    "sg_shard_get_info": (_status, [_handle, POINTER(ShardInfoStruct)]),
    "sg_shard_send": (_status, [_handle, c_char_p, c_size_t]),
    "sg_shard_update_presence": (_status, [_handle, c_char_p, c_size_t]),
    "sg_shard_update_voice_state": (_status, [_handle, c_uint64, c_uint64, c_bool, c_bool]),
    "sg_shard_request_guild_members": (_status, [_handle, POINTER(GuildMembersRequestStruct)]),
    "sg_shard_request_soundboard_sounds": (_status, [_handle, POINTER(c_uint64), c_size_t]),
    "sg_shard_request_channel_info": (_status, [_handle, c_uint64, POINTER(c_char_p), c_size_t]),
}


def address_of(pointer: Any) -> int:
    """Where a ctypes pointer leads."""
    return ctypes.cast(pointer, c_void_p).value or 0
