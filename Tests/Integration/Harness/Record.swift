import SwiftGateway

/// Everything that a cluster's handler has seen.
struct Record: Sendable {
    /// In the order of delivery; streamed dispatches only when the recorder keeps them.
    var events: [SeenEvent] = []
    var traces: [UInt32: ShardTrace] = [:]
    /// Log lines of level info and above.
    var log: [String] = []

    func trace(_ shard: UInt32 = 0) -> ShardTrace { traces[shard] ?? ShardTrace() }

    /// The shard's state as its events tell it.
    func state(_ shard: UInt32 = 0) -> ShardState { trace(shard).state }

    func isActive(_ shard: UInt32 = 0) -> Bool { state(shard) == .active }

    func dispatches(_ name: String, shard: UInt32? = nil) -> [SeenEvent] {
        events.filter { $0.kind == .dispatch && $0.name == name && (shard == nil || shard == $0.shard) }
    }

    func has(_ name: String, shard: UInt32? = nil) -> Bool {
        events.contains { $0.kind == .dispatch && $0.name == name && (shard == nil || shard == $0.shard) }
    }

    var closes: [SeenEvent] { events.filter { $0.kind == .closed } }
    var errors: [SeenEvent] { events.filter { $0.kind == .error } }
    func errors(_ status: Status) -> [SeenEvent] { errors.filter { $0.status == status } }
    var latencies: [UInt64] { events.filter { $0.kind == .latency }.map(\.value) }

    func states(_ shard: UInt32 = 0) -> [ShardState] {
        events.filter { $0.kind == .state && $0.shard == shard }.map(\.state)
    }

    /// The first violation of order or completeness of any shard.
    var violations: [String] {
        traces.sorted { $0.key < $1.key }.flatMap { shard, trace in trace.violations.map { "shard \(shard): \($0)" } }
    }
}
