// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import SwiftGateway

/// The host program's identify queue.
private final class HostIdentifyQueue: IdentifyQueueing {
    private let function: sg_identify_fn
    private let user: UserPointer

    init(_ function: @escaping sg_identify_fn, _ user: UnsafeMutableRawPointer?) {
        self.function = function
        self.user = UserPointer(pointer: user)
    }

    func request(_ permit: IdentifyPermit) { tell(permit, SG_IDENTIFY_REQUEST) }
    func cancel(_ permit: IdentifyPermit) { tell(permit, SG_IDENTIFY_CANCEL) }
    func sent(_ permit: IdentifyPermit) { tell(permit, SG_IDENTIFY_SENT) }

    private func tell(_ permit: IdentifyPermit, _ kind: sg_identify_kind) {
        var request = sg_identify()
        request.struct_size = UInt32(MemoryLayout<sg_identify>.size)
        request.kind = kind.rawValue
        request.permit = permit.number
        request.shard_id = permit.shardID
        request.shard_total = permit.shardTotal
        request.max_concurrency = permit.maxConcurrency
        request.rate_limit_key = permit.rateLimitKey
        function(&request, user.pointer)
    }
}

@implementation @_cdecl("sg_config_set_identify_queue")
public func sg_config_set_identify_queue(
    _ handle: OpaquePointer?, _ function: sg_identify_fn?, _ user: UnsafeMutableRawPointer?
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        c.setIdentifyQueue(function.map { HostIdentifyQueue($0, user) })
    }
}

@implementation @_cdecl("sg_identify_grant")
public func sg_identify_grant(_ permit: UInt64) -> sg_status {
    reporting { () throws(GatewayError) in try IdentifyPermit.grant(permit) }
}
