import GatewayProtocol
import GatewayTransport

extension Cluster {
    /// Counters, gauges and histograms in the text format of Prometheus, version 0.0.4 (`text/plain; version=0.0.4`).
    /// What differs from shard to shard has the label `shard`, what belongs to an I/O thread the label `loop`. Counters
    /// start over with each start of the cluster. Throws `invalidState` when not running.
    ///
    /// Takes some twenty microseconds a shard, and 1.5 KB of text: ask as often as it is looked at, every 10 s or so.
    public func metrics() throws(GatewayError) -> [UInt8] {
        guard let engine = currentEngine else { throw GatewayError(.invalidState, "the cluster is not running") }
        let summary = try self.summary
        var text = MetricsText()
        text.writeInfo(of: self, inflater: engine.inflaterName)
        text.writeSummary(summary)
        text.writeLoops(engine.loops)
        text.writeShards(engine.cells)
        return text.bytes
    }
}

extension MetricsText {
    fileprivate mutating func writeInfo(of cluster: Cluster, inflater: StaticString) {
        family("info", .gauge, "What runs: the library's version, the transport compression and what inflates it.")
        sample(
            [
                "version": Version.string.description, "compression": "\(cluster.configuration.compression)",
                "inflater": inflater.description,
            ], 1)
    }

    /// The cluster as a whole.
    fileprivate mutating func writeSummary(_ summary: ClusterSummary) {
        family("shards", .gauge, "Shards of this cluster in each state.")
        for state in ShardState.allCases {
            sample("state", state.staticName.description, UInt64(summary.states[state] ?? 0))
        }
        family("shards_ready", .gauge, "Shards that have been active at least once since the start.")
        sample(UInt64(summary.ready))
        guard let budget = summary.identifyBudget else { return }
        family("identifies_remaining", .gauge, "Identifies left until the reset, as last known.")
        sample(UInt64(budget.remaining))
        family("identifies_limit", .gauge, "Identifies allowed per period.")
        sample(UInt64(budget.total))
        family("identifies_reset_seconds", .gauge, "Seconds until the identifies are given back.")
        seconds(budget.resetAfter)
    }

    /// What is counted by I/O thread: some of it only makes sense there, the rest would be too much by shard.
    fileprivate mutating func writeLoops(_ loops: [Engine.LoopView]) {
        var events = [UInt64](repeating: 0, count: EventType.allCases.count + 1)
        for loop in loops { events += loop.metrics.events }
        family("dispatches_total", .counter, "Dispatches received, filtered ones included, by event.")
        for type in EventType.allCases { sample("event", type.name, events[Int(type.rawValue)]) }
        sample("event", "UNKNOWN", events[0])
        if let heartbeats = DurationHistogram.Snapshot.merged(loops.map { $0.metrics.heartbeats.snapshot }) {
            family("heartbeat_seconds", .histogram, "Round trips of acknowledged heartbeats.")
            histogram(heartbeats)
        }
        if let lag = DurationHistogram.Snapshot.merged(loops.map(\.lag)) {
            family(
                "delivery_lag_seconds", .histogram,
                "Time from reading an event to its handler, sampled: in queued mode until the handler of the oldest one "
                    + "that waits is called, in inline mode until the last handler of a wakeup has returned.")
            histogram(lag)
        }
        family("queue_bytes", .gauge, "Bytes of events waiting for delivery.")
        for (index, loop) in loops.enumerated() where loop.queue != nil {
            sample("loop", UInt32(clamping: index), UInt64(loop.depth))
        }
        family(
            "queue_dropped_total", .counter,
            "Events other than dispatches that were dropped because the queue was full.")
        for (index, loop) in loops.enumerated() {
            if let queue = loop.queue {
                sample("loop", UInt32(clamping: index), queue.dropped.load(ordering: .relaxed))
            }
        }
        family("handshakes", .gauge, "Connections being made: TCP, TLS and websocket.")
        for (index, loop) in loops.enumerated() {
            sample("loop", UInt32(clamping: index), UInt64(clamping: loop.metrics.handshakes.load(ordering: .relaxed)))
        }
        family("handshakes_waiting", .gauge, "Shards that wait for their turn to connect.")
        for (index, loop) in loops.enumerated() {
            sample(
                "loop", UInt32(clamping: index),
                UInt64(clamping: loop.metrics.handshakesWaiting.load(ordering: .relaxed)))
        }
    }

    private typealias Column = (name: String, help: String, value: @Sendable (ShardInfo) -> UInt64)

    private static let counters: [Column] = [
        ("events_total", "Dispatches received, filtered ones included.", { $0.events }),
        ("events_delivered_total", "Dispatches whose handler returned.", { $0.eventsDelivered }),
        ("events_duplicate_total", "Dispatches that came twice and were delivered once.", { $0.duplicates }),
        ("heartbeats_total", "Heartbeats sent.", { $0.heartbeatsSent }),
        ("heartbeat_acks_total", "Heartbeats acknowledged.", { $0.heartbeatsAcknowledged }),
        ("zombies_total", "Connections given up for want of an acknowledgement.", { $0.zombies }),
        ("connects_total", "Connection attempts.", { $0.connects }),
        ("reconnects_total", "Connections lost or failed that were followed by another attempt.", { $0.reconnects }),
        ("resumes_total", "RESUMED received.", { $0.resumes }),
        ("identifies_total", "IDENTIFY sent.", { $0.identifies }),
        ("invalid_sessions_total", "Op 9 received.", { $0.invalidSessions }),
        ("errors_total", "Errors told.", { $0.errors }),
        ("wire_bytes_total", "Bytes of websocket frames received, inside TLS.", { $0.bytesWire }),
        ("inflated_bytes_total", "Bytes of payloads after decompression.", { $0.bytesInflated }),
        ("sent_bytes_total", "Bytes of payloads sent.", { $0.bytesSent }),
    ]

    private static let gauges: [Column] = [
        ("shard_state", "State of the shard, as an sg_shard_state number.", { UInt64($0.state.rawValue) }),
        ("sequence", "Newest sequence received.", { $0.sequence }),
        ("sequence_delivered", "Newest sequence delivered.", { $0.sequenceDelivered }),
        ("commands_queued", "Commands waiting to be sent.", { UInt64($0.commandsQueued) }),
        ("inflater_bytes", "Memory that the inflater holds, about.", { $0.inflaterBytes }),
    ]

    fileprivate mutating func writeShards(_ cells: [ShardCell]) {
        let infos = cells.map { ShardInfo($0) }
        for (columns, kind) in [(Self.counters, Kind.counter), (Self.gauges, Kind.gauge)] {
            for column in columns {
                family(column.name, kind, column.help)
                for info in infos { sample("shard", info.id, column.value(info)) }
            }
        }
        family("heartbeat_last_seconds", .gauge, "Round trip of the newest acknowledged heartbeat.")
        for info in infos where info.latencyLast > 0 { seconds("shard", info.id, info.latencyLast) }
        family("inflate_ratio", .gauge, "Bytes after decompression for each byte received.")
        for info in infos where info.bytesWire > 0 {
            let (scaled, overflow) = info.bytesInflated.multipliedReportingOverflow(by: 1000)
            thousandths(
                "shard", info.id, overflow ? info.bytesInflated / info.bytesWire * 1000 : scaled / info.bytesWire)
        }
        family("closes_total", .counter, "Connections ended, by close code; 1006 is the end without one.")
        for cell in cells {
            let closes = cell.snapshot.withLock { $0.closes }
            for (code, count) in closes.sorted(by: { $0.key < $1.key }) {
                sample(["shard": "\(cell.id)", "code": "\(code)"], count)
            }
        }
    }
}
