// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import SwiftGateway

/// Where a command goes: a cluster and one of its shards.
private struct Target {
    let cluster: Cluster
    let shard: UInt32

    init(cluster handle: OpaquePointer?, _ shard: UInt32) throws(GatewayError) {
        guard case .cluster(let box) = HandleTable.find(handle) else {
            throw .invalid(handle == nil ? "cluster is NULL" : "cluster is no live sg_cluster")
        }
        cluster = box.cluster
        self.shard = shard
    }

    init(shard handle: OpaquePointer?) throws(GatewayError) {
        let box = try shardBox(handle)
        cluster = box.cluster
        shard = box.shard
    }
}

private func send(
    _ target: () throws(GatewayError) -> Target, _ make: () throws(GatewayError) -> GatewayCommand
) -> sg_status {
    reporting { () throws(GatewayError) in
        let target = try target()
        try target.cluster.send(try make(), shard: target.shard)
    }
}

private func raw(_ json: UnsafePointer<CChar>?, _ length: Int) throws(GatewayError) -> GatewayCommand {
    try .raw(try bytes(json, length, "json", limit: 4096))
}

private func presence(_ json: UnsafePointer<CChar>?, _ length: Int) throws(GatewayError) -> GatewayCommand {
    try .presence(json: try bytes(json, length, "json", limit: 4096))
}

private func voice(_ guild: UInt64, _ channel: UInt64, _ mute: Bool, _ deaf: Bool) throws(GatewayError)
    -> GatewayCommand
{
    try .voiceState(guild: guild, channel: channel == 0 ? nil : channel, selfMute: mute, selfDeaf: deaf)
}

private func members(_ request: UnsafePointer<sg_guild_members_request>?) throws(GatewayError) -> GatewayCommand {
    try checkSize(request?.pointee.struct_size, least: MemoryLayout<sg_guild_members_request>.size, "request")
    guard let value = request?.pointee else { throw .invalid("request is NULL") }
    let nonce = value.nonce == nil ? nil : try text(value.nonce, "nonce")
    let presences = try flag(value.presences, "value of presences (0 or 1)")
    if value.query != nil {
        guard value.user_ids == nil, value.user_id_count == 0 else {
            throw .invalid("query and user_ids exclude each other")
        }
        return try .members(
            guild: value.guild_id, query: try text(value.query, "query"), limit: value.limit, presences: presences,
            nonce: nonce)
    }
    return try .members(
        guild: value.guild_id, users: try array(value.user_ids, value.user_id_count, "user_ids", limit: 100),
        presences: presences, nonce: nonce)
}

@implementation @_cdecl("sg_cluster_send")
public func sg_cluster_send(
    _ handle: OpaquePointer?, _ shard: UInt32, _ json: UnsafePointer<CChar>?, _ length: Int
) -> sg_status {
    send({ () throws(GatewayError) in try Target(cluster: handle, shard) }) { () throws(GatewayError) in
        try raw(json, length)
    }
}

@implementation @_cdecl("sg_shard_send")
public func sg_shard_send(_ handle: OpaquePointer?, _ json: UnsafePointer<CChar>?, _ length: Int) -> sg_status {
    send({ () throws(GatewayError) in try Target(shard: handle) }) { () throws(GatewayError) in
        try raw(json, length)
    }
}

@implementation @_cdecl("sg_cluster_update_presence")
public func sg_cluster_update_presence(
    _ handle: OpaquePointer?, _ shard: UInt32, _ json: UnsafePointer<CChar>?, _ length: Int
) -> sg_status {
    send({ () throws(GatewayError) in try Target(cluster: handle, shard) }) { () throws(GatewayError) in
        try presence(json, length)
    }
}

@implementation @_cdecl("sg_shard_update_presence")
public func sg_shard_update_presence(_ handle: OpaquePointer?, _ json: UnsafePointer<CChar>?, _ length: Int)
    -> sg_status
{
    send({ () throws(GatewayError) in try Target(shard: handle) }) { () throws(GatewayError) in
        try presence(json, length)
    }
}

@implementation @_cdecl("sg_cluster_update_presence_all")
public func sg_cluster_update_presence_all(
    _ handle: OpaquePointer?, _ json: UnsafePointer<CChar>?, _ length: Int
) -> sg_status {
    reporting { () throws(GatewayError) in
        try Target(cluster: handle, 0).cluster.updatePresence(json: try bytes(json, length, "json", limit: 4096))
    }
}

@implementation @_cdecl("sg_cluster_update_voice_state")
public func sg_cluster_update_voice_state(
    _ handle: OpaquePointer?, _ shard: UInt32, _ guild: UInt64, _ channel: UInt64, _ mute: Bool, _ deaf: Bool
) -> sg_status {
    send({ () throws(GatewayError) in try Target(cluster: handle, shard) }) { () throws(GatewayError) in
        try voice(guild, channel, mute, deaf)
    }
}

@implementation @_cdecl("sg_shard_update_voice_state")
public func sg_shard_update_voice_state(
    _ handle: OpaquePointer?, _ guild: UInt64, _ channel: UInt64, _ mute: Bool, _ deaf: Bool
) -> sg_status {
    send({ () throws(GatewayError) in try Target(shard: handle) }) { () throws(GatewayError) in
        try voice(guild, channel, mute, deaf)
    }
}

@implementation @_cdecl("sg_cluster_request_guild_members")
public func sg_cluster_request_guild_members(
    _ handle: OpaquePointer?, _ shard: UInt32, _ request: UnsafePointer<sg_guild_members_request>?
) -> sg_status {
    send({ () throws(GatewayError) in try Target(cluster: handle, shard) }) { () throws(GatewayError) in
        try members(request)
    }
}

@implementation @_cdecl("sg_shard_request_guild_members")
public func sg_shard_request_guild_members(
    _ handle: OpaquePointer?, _ request: UnsafePointer<sg_guild_members_request>?
) -> sg_status {
    send({ () throws(GatewayError) in try Target(shard: handle) }) { () throws(GatewayError) in
        try members(request)
    }
}

@implementation @_cdecl("sg_cluster_request_soundboard_sounds")
public func sg_cluster_request_soundboard_sounds(
    _ handle: OpaquePointer?, _ shard: UInt32, _ guilds: UnsafePointer<UInt64>?, _ count: Int
) -> sg_status {
    send({ () throws(GatewayError) in try Target(cluster: handle, shard) }) { () throws(GatewayError) in
        try .soundboardSounds(guilds: try array(guilds, count, "guild_ids", limit: 4096))
    }
}

@implementation @_cdecl("sg_shard_request_soundboard_sounds")
public func sg_shard_request_soundboard_sounds(_ handle: OpaquePointer?, _ guilds: UnsafePointer<UInt64>?, _ count: Int)
    -> sg_status
{
    send({ () throws(GatewayError) in try Target(shard: handle) }) { () throws(GatewayError) in
        try .soundboardSounds(guilds: try array(guilds, count, "guild_ids", limit: 4096))
    }
}

@implementation @_cdecl("sg_cluster_request_channel_info")
public func sg_cluster_request_channel_info(
    _ handle: OpaquePointer?, _ shard: UInt32, _ guild: UInt64, _ fields: UnsafePointer<UnsafePointer<CChar>?>?,
    _ count: Int
) -> sg_status {
    send({ () throws(GatewayError) in try Target(cluster: handle, shard) }) { () throws(GatewayError) in
        try .channelInfo(guild: guild, fields: try texts(fields, count, "fields", limit: 64))
    }
}

@implementation @_cdecl("sg_shard_request_channel_info")
public func sg_shard_request_channel_info(
    _ handle: OpaquePointer?, _ guild: UInt64, _ fields: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int
) -> sg_status {
    send({ () throws(GatewayError) in try Target(shard: handle) }) { () throws(GatewayError) in
        try .channelInfo(guild: guild, fields: try texts(fields, count, "fields", limit: 64))
    }
}
