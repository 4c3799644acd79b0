// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import SwiftGateway

/// What an `sg_cluster` or `sg_shard` handle stands for. A shard is a cluster of one.
final class ClusterBox: Sendable {
    let cluster: Cluster
    /// The one shard of an `sg_shard`.
    let shard: UInt32

    init(_ cluster: Cluster, shard: UInt32 = 0) {
        self.cluster = cluster
        self.shard = shard
    }
}

func cluster(_ handle: OpaquePointer?) throws(GatewayError) -> Cluster {
    guard case .cluster(let box) = HandleTable.find(handle) else {
        throw .invalid(handle == nil ? "cluster is NULL" : "cluster is no live sg_cluster")
    }
    return box.cluster
}

/// Frees what the handle stands for, waiting for its threads; not inside a callback.
func release(_ handle: OpaquePointer?, _ cluster: Cluster) {
    guard !cluster.isInHandler else {
        return LastError.set("this call waits for event handlers and came from inside one; nothing was freed")
    }
    _ = HandleTable.remove(handle)
    cluster.end()
}

@implementation @_cdecl("sg_cluster_new")
public func sg_cluster_new(_ handle: OpaquePointer?, _ out: UnsafeMutablePointer<OpaquePointer?>?) -> sg_status {
    reporting { () throws(GatewayError) in
        guard let out else { throw .invalid("out is NULL") }
        let configuration = try config(handle).configuration.withLock { $0 }
        out.pointee = HandleTable.add(.cluster(ClusterBox(try Cluster(configuration, streams: false))))
    }
}

@implementation @_cdecl("sg_cluster_start")
public func sg_cluster_start(_ handle: OpaquePointer?) -> sg_status {
    reporting { () throws(GatewayError) in try cluster(handle).start() }
}

@implementation @_cdecl("sg_cluster_wait_ready")
public func sg_cluster_wait_ready(_ handle: OpaquePointer?, _ timeout: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in try cluster(handle).waitReady(timeout: nanoseconds(timeout)) }
}

@implementation @_cdecl("sg_cluster_wait")
public func sg_cluster_wait(_ handle: OpaquePointer?, _ timeout: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in try cluster(handle).wait(timeout: nanoseconds(timeout)) }
}

@implementation @_cdecl("sg_cluster_shutdown")
public func sg_cluster_shutdown(_ handle: OpaquePointer?, _ mode: UInt32, _ timeout: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in
        let cluster = try cluster(handle)
        try cluster.shutdown(resumable: try flag(mode, "shutdown mode"), timeout: nanoseconds(timeout))
    }
}

@implementation @_cdecl("sg_cluster_free")
public func sg_cluster_free(_ handle: OpaquePointer?) {
    guard handle != nil else { return }
    guard case .cluster(let box) = HandleTable.find(handle) else {
        return LastError.set("cluster is no live sg_cluster")
    }
    release(handle, box.cluster)
}

@implementation @_cdecl("sg_cluster_shard_ids")
public func sg_cluster_shard_ids(
    _ handle: OpaquePointer?, _ ids: UnsafeMutablePointer<UInt32>?, _ count: UnsafeMutablePointer<Int>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        let cluster = try cluster(handle)
        guard let count else { throw .invalid("count is NULL") }
        let capacity = count.pointee
        if ids == nil, capacity != 0 { throw .invalid("ids is NULL and its capacity is not 0") }
        let all = try cluster.shardIDs()
        count.pointee = all.count
        guard capacity < 0 || capacity >= all.count else {
            throw GatewayError(.bufferTooSmall, "the array holds \(capacity) ids; there are \(all.count)")
        }
        for (index, id) in all.enumerated() { ids?[index] = id }
    }
}

@implementation @_cdecl("sg_cluster_info")
public func sg_cluster_info(_ handle: OpaquePointer?, _ shard: UInt32, _ out: UnsafeMutablePointer<sg_shard_info>?)
    -> sg_status
{
    reporting { () throws(GatewayError) in try write(try cluster(handle).info(shard: shard), to: out) }
}

@implementation @_cdecl("sg_cluster_restart_shard")
public func sg_cluster_restart_shard(_ handle: OpaquePointer?, _ shard: UInt32, _ mode: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in
        let cluster = try cluster(handle)
        try cluster.restartShard(shard, resuming: try flag(mode, "restart mode"))
    }
}

@implementation @_cdecl("sg_cluster_add_shard")
public func sg_cluster_add_shard(_ handle: OpaquePointer?, _ shard: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in try cluster(handle).addShard(shard) }
}

@implementation @_cdecl("sg_cluster_add_shard_session")
public func sg_cluster_add_shard_session(
    _ handle: OpaquePointer?, _ shard: UInt32, _ json: UnsafePointer<CChar>?, _ length: Int
) -> sg_status {
    reporting { () throws(GatewayError) in
        let cluster = try cluster(handle)
        try cluster.addShard(shard, session: try bytes(json, length, "json", limit: 64 << 20))
    }
}

@implementation @_cdecl("sg_cluster_export_shard")
public func sg_cluster_export_shard(
    _ handle: OpaquePointer?, _ shard: UInt32, _ timeout: UInt32, _ buffer: UnsafeMutablePointer<CChar>?,
    _ length: UnsafeMutablePointer<Int>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        let cluster = try cluster(handle)
        guard length != nil else { throw .invalid("length is NULL") }
        try copyOut(try cluster.exportShard(shard, timeout: nanoseconds(timeout)), buffer, length)
    }
}

@implementation @_cdecl("sg_cluster_guild_shard")
public func sg_cluster_guild_shard(
    _ handle: OpaquePointer?, _ guild: UInt64, _ out: UnsafeMutablePointer<UInt32>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        let cluster = try cluster(handle)
        guard let out else { throw .invalid("out is NULL") }
        out.pointee = try cluster.shard(ofGuild: guild)
    }
}

@implementation @_cdecl("sg_cluster_remove_shard")
public func sg_cluster_remove_shard(_ handle: OpaquePointer?, _ shard: UInt32, _ mode: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in
        let cluster = try cluster(handle)
        try cluster.removeShard(shard, resumable: try flag(mode, "shutdown mode"))
    }
}

@implementation @_cdecl("sg_cluster_export_sessions")
public func sg_cluster_export_sessions(
    _ handle: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ length: UnsafeMutablePointer<Int>?
) -> sg_status {
    reporting { () throws(GatewayError) in try copyOut(try cluster(handle).exportSessions(), buffer, length) }
}

@implementation @_cdecl("sg_cluster_metrics")
public func sg_cluster_metrics(
    _ handle: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ length: UnsafeMutablePointer<Int>?
) -> sg_status {
    reporting { () throws(GatewayError) in try copyOut(try cluster(handle).metrics(), buffer, length) }
}

@implementation @_cdecl("sg_fetch_gateway_bot")
public func sg_fetch_gateway_bot(
    _ handle: OpaquePointer?, _ timeout: UInt32, _ out: UnsafeMutablePointer<sg_gateway_bot>?
)
    -> sg_status
{
    reporting { () throws(GatewayError) in
        let configuration = try config(handle).configuration.withLock { $0 }
        let size = out?.pointee.struct_size
        // Refused before the question is asked.
        try checkSize(size, least: MemoryLayout<sg_gateway_bot>.size, "out")
        let bot = try GatewayBot.fetch(configuration, timeout: nanoseconds(timeout))
        var answer = sg_gateway_bot()
        answer.struct_size = size ?? 0
        answer.shards = bot.shards
        answer.total = bot.total
        answer.remaining = bot.remaining
        answer.max_concurrency = bot.maxConcurrency
        answer.reset_after_ms = bot.resetAfterMilliseconds
        fill(&answer.url, with: bot.url)
        try copyOut(answer, to: out, size: size, least: MemoryLayout<sg_gateway_bot>.size, "out")
    }
}

@implementation @_cdecl("sg_fetch_gateway")
public func sg_fetch_gateway(
    _ handle: OpaquePointer?, _ timeout: UInt32, _ url: UnsafeMutablePointer<CChar>?,
    _ length: UnsafeMutablePointer<Int>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        let configuration = try config(handle).configuration.withLock { $0 }
        // Refused before the question is asked.
        try checkBuffer(url, length)
        try copyOut(Array(try Gateway.fetchURL(configuration, timeout: nanoseconds(timeout)).utf8), url, length)
    }
}

func checkSize(_ size: UInt32?, least: Int, _ name: StaticString) throws(GatewayError) {
    guard let size else { throw .invalid("\(name) is NULL") }
    guard size >= least else { throw .invalid("the struct_size of \(name) is \(size); the struct has \(least) bytes") }
}

/// Writes a shard's info as far as the caller's struct goes.
func write(_ info: ShardInfo, to out: UnsafeMutablePointer<sg_shard_info>?) throws(GatewayError) {
    let size = out?.pointee.struct_size
    var answer = sg_shard_info()
    answer.struct_size = size ?? 0
    answer.id = info.id
    answer.total = info.total
    answer.state = info.state.rawValue
    answer.sequence = info.sequence
    fill(&answer.session_id, with: info.sessionID)
    answer.latency_last_ns = info.latencyLast
    answer.latency_average_ns = info.latencyAverage
    withUnsafeMutableBytes(of: &answer.latency_recent_ns) { bytes in
        let recent = bytes.bindMemory(to: UInt64.self)
        for (index, value) in info.latencyRecent.prefix(recent.count).enumerated() { recent[index] = value }
    }
    answer.heartbeats_sent = info.heartbeatsSent
    answer.heartbeats_acked = info.heartbeatsAcknowledged
    answer.connects = info.connects
    answer.reconnects = info.reconnects
    answer.identifies = info.identifies
    answer.resumes = info.resumes
    answer.events = info.events
    answer.events_delivered = info.eventsDelivered
    answer.sequence_delivered = info.sequenceDelivered
    answer.bytes_wire = info.bytesWire
    answer.bytes_inflated = info.bytesInflated
    answer.bytes_sent = info.bytesSent
    answer.bytes_queued = info.bytesQueued
    answer.next_permit_ns = info.nextPermit
    answer.commands_queued = info.commandsQueued
    answer.send_permits = info.sendPermits
    answer.heartbeat_interval_ms = info.heartbeatIntervalMilliseconds
    answer.last_close_code = info.lastCloseCode
    try copyOut(answer, to: out, size: size, least: MemoryLayout<sg_shard_info>.size, "out")
}
