import Metrics
import SwiftGateway

/// The metrics of one shard, or of all, and what was reported to them.
final class ShardMeters {
    private struct Meter {
        let counter: Counter
        let value: (ShardInfo) -> UInt64
    }

    /// Counters are for the life of a cluster's run; these are for the life of the process.
    private struct Reported {
        var values: [UInt64]
        var acknowledged: UInt64 = 0
    }

    private static let values: [(name: String, value: @Sendable (ShardInfo) -> UInt64)] = [
        ("events_total", { $0.events }),
        ("events_delivered_total", { $0.eventsDelivered }),
        ("events_duplicate_total", { $0.duplicates }),
        ("heartbeats_total", { $0.heartbeatsSent }),
        ("heartbeat_acks_total", { $0.heartbeatsAcknowledged }),
        ("zombies_total", { $0.zombies }),
        ("connects_total", { $0.connects }),
        ("reconnects_total", { $0.reconnects }),
        ("resumes_total", { $0.resumes }),
        ("identifies_total", { $0.identifies }),
        ("invalid_sessions_total", { $0.invalidSessions }),
        ("errors_total", { $0.errors }),
        ("wire_bytes_total", { $0.bytesWire }),
        ("inflated_bytes_total", { $0.bytesInflated }),
        ("sent_bytes_total", { $0.bytesSent }),
    ]

    private let meters: [Meter]
    private let latency: Timer
    private var reported: [UInt32: Reported] = [:]

    init(dimensions: [(String, String)], factory: any MetricsFactory) {
        meters = Self.values.map { name, value in
            Meter(
                counter: Counter(label: "swiftgateway_\(name)", dimensions: dimensions, factory: factory), value: value)
        }
        latency = Timer(label: "swiftgateway_latency", dimensions: dimensions, factory: factory)
    }

    func report(_ info: ShardInfo) {
        var last = reported[info.id] ?? Reported(values: Array(repeating: 0, count: meters.count))
        for (index, meter) in meters.enumerated() {
            let value = meter.value(info)
            let added = Self.added(value, since: last.values[index])
            if added > 0 { meter.counter.increment(by: Int64(clamping: added)) }
            last.values[index] = value
        }
        // Of the acknowledgements since the last report the newest five are known; newest first.
        let fresh = Self.added(info.heartbeatsAcknowledged, since: last.acknowledged)
        for time in info.latencyRecent.prefix(Int(clamping: fresh)).reversed() {
            latency.recordNanoseconds(Int64(clamping: time))
        }
        last.acknowledged = info.heartbeatsAcknowledged
        reported[info.id] = last
    }

    /// A cluster that was started again, or a shard that was added again, counts from 0.
    private static func added(_ value: UInt64, since last: UInt64) -> UInt64 { value >= last ? value - last : value }
}
