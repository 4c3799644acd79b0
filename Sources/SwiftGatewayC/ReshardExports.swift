// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import SwiftGateway

@implementation @_cdecl("sg_config_set_reshard_window")
public func sg_config_set_reshard_window(_ handle: OpaquePointer?, _ milliseconds: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setReshardWindow(milliseconds: milliseconds) }
}

@implementation @_cdecl("sg_cluster_reshard")
public func sg_cluster_reshard(
    _ handle: OpaquePointer?, _ first: UInt32, _ count: UInt32, _ total: UInt32
) -> sg_status {
    let all = (first, count, total) == (0, 0, 0)
    return reshard(handle, to: all ? .auto : .range(first: first, count: count, total: total))
}

@implementation @_cdecl("sg_cluster_reshard_bucket")
public func sg_cluster_reshard_bucket(
    _ handle: OpaquePointer?, _ bucket: UInt32, _ buckets: UInt32, _ total: UInt32
) -> sg_status {
    reshard(handle, to: .bucket(bucket: bucket, buckets: buckets, total: total))
}

@implementation @_cdecl("sg_cluster_reshard_split")
public func sg_cluster_reshard_split(
    _ handle: OpaquePointer?, _ process: UInt32, _ processes: UInt32, _ total: UInt32
) -> sg_status {
    reshard(handle, to: .split(process: process, processes: processes, total: total))
}

private func reshard(_ handle: OpaquePointer?, to shards: ShardChoice) -> sg_status {
    reporting { () throws(GatewayError) in try cluster(handle).reshard(to: shards) }
}

@implementation @_cdecl("sg_cluster_wait_reshard")
public func sg_cluster_wait_reshard(_ handle: OpaquePointer?, _ timeout: UInt32) -> sg_status {
    reporting { () throws(GatewayError) in try cluster(handle).waitReshard(timeout: nanoseconds(timeout)) }
}

@implementation @_cdecl("sg_cluster_cancel_reshard")
public func sg_cluster_cancel_reshard(_ handle: OpaquePointer?) -> sg_status {
    reporting { () throws(GatewayError) in try cluster(handle).cancelReshard() }
}
