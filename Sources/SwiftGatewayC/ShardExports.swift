// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import SwiftGateway

/// What an `sg_shard` handle stands for.
func shardBox(_ handle: OpaquePointer?) throws(GatewayError) -> ClusterBox {
    guard case .shard(let box) = HandleTable.find(handle) else {
        throw .invalid(handle == nil ? "shard is NULL" : "shard is no live sg_shard")
    }
    return box
}

@implementation @_cdecl("sg_shard_new")
public func sg_shard_new(
    _ handle: OpaquePointer?, _ id: UInt32, _ total: UInt32, _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        guard let out else { throw .invalid("out is NULL") }
        var configuration = try config(handle).configuration.withLock { $0 }
        try configuration.setShards(.range(first: id, count: 1, total: total))
        out.pointee = HandleTable.add(.shard(ClusterBox(try Cluster(configuration, streams: false), shard: id)))
    }
}

@implementation @_cdecl("sg_shard_start")
public func sg_shard_start(_ handle: OpaquePointer?) -> sg_status {
    reporting { () throws(GatewayError) in try shardBox(handle).cluster.start() }
}

@implementation @_cdecl("sg_shard_wait_ready")
public func sg_shard_wait_ready(_ handle: OpaquePointer?, _ timeout: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in try shardBox(handle).cluster.waitReady(timeout: nanoseconds(timeout)) }
}

@implementation @_cdecl("sg_shard_wait")
public func sg_shard_wait(_ handle: OpaquePointer?, _ timeout: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in try shardBox(handle).cluster.wait(timeout: nanoseconds(timeout)) }
}

@implementation @_cdecl("sg_shard_shutdown")
public func sg_shard_shutdown(_ handle: OpaquePointer?, _ mode: UInt32, _ timeout: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in
        let box = try shardBox(handle)
        try box.cluster.shutdown(resumable: try flag(mode, "shutdown mode"), timeout: nanoseconds(timeout))
    }
}

@implementation @_cdecl("sg_shard_free")
public func sg_shard_free(_ handle: OpaquePointer?) {
    guard handle != nil else { return }
    guard case .shard(let box) = HandleTable.find(handle) else { return LastError.set("shard is no live sg_shard") }
    release(handle, box.cluster)
}

@implementation @_cdecl("sg_shard_get_info")
public func sg_shard_get_info(_ handle: OpaquePointer?, _ out: UnsafeMutablePointer<sg_shard_info>?) -> sg_status {
    reporting { () throws(GatewayError) in
        let box = try shardBox(handle)
        try write(try box.cluster.info(shard: box.shard), to: out)
    }
}
