// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import SwiftGateway

@implementation @_cdecl("sg_cluster_get_summary")
public func sg_cluster_get_summary(_ handle: OpaquePointer?, _ out: UnsafeMutablePointer<sg_cluster_summary>?)
    -> sg_status
{
    reporting { () throws(GatewayError) in
        let summary = try cluster(handle).summary
        let size = out?.pointee.struct_size
        var answer = sg_cluster_summary()
        answer.struct_size = size ?? 0
        answer.shards = UInt32(clamping: summary.shards)
        answer.total = summary.total
        answer.ready = UInt32(clamping: summary.ready)
        withUnsafeMutableBytes(of: &answer.states) { bytes in
            let states = bytes.bindMemory(to: UInt32.self)
            for (state, count) in summary.states where Int(state.rawValue) < states.count {
                states[Int(state.rawValue)] = UInt32(clamping: count)
            }
        }
        if let slowest = summary.slowest {
            answer.latency_slowest_ns = slowest.latency
            answer.latency_slowest_shard = slowest.shard
        }
        if let budget = summary.identifyBudget {
            answer.identifies_left = budget.remaining
            answer.identifies_total = budget.total
            answer.identifies_reset_ns = budget.resetAfter
        }
        answer.inflate_backend = summary.inflateBackend?.rawValue ?? 0
        answer.events = summary.events
        answer.events_delivered = summary.eventsDelivered
        answer.reconnects = summary.reconnects
        answer.resumes = summary.resumes
        answer.identifies = summary.identifies
        answer.errors = summary.errors
        answer.bytes_wire = summary.bytesWire
        answer.bytes_inflated = summary.bytesInflated
        answer.bytes_sent = summary.bytesSent
        answer.bytes_queued = summary.bytesQueued
        answer.commands_queued = summary.commandsQueued
        try copyOut(answer, to: out, size: size, least: MemoryLayout<sg_cluster_summary>.size, "out")
    }
}
