import GatewayProtocol
import GatewayTransport

extension Cluster {
    /// Counters and gauges of all shards in the text format of Prometheus. Throws `invalidState` when not running.
    public func metrics() throws(GatewayError) -> [UInt8] {
        guard let engine = currentEngine else { throw GatewayError(.invalidState, "the cluster is not running") }
        let cells = engine.cells
        let infos = cells.map { ShardInfo($0) }
        var text = MetricsText()
        text.family("swiftgateway_shard_state", "gauge", "State of the shard, as an sg_shard_state number.")
        for info in infos { text.value(info.id, UInt64(info.state.rawValue)) }
        let counters: [(StaticString, StaticString, (ShardInfo) -> UInt64)] = [
            ("events_total", "Dispatches received, filtered ones included.", { $0.events }),
            ("events_delivered_total", "Dispatches whose handler returned.", { $0.eventsDelivered }),
            ("events_duplicate_total", "Dispatches that came twice and were delivered once.", { $0.duplicates }),
            ("heartbeats_total", "Heartbeats sent.", { $0.heartbeatsSent }),
            ("heartbeat_acks_total", "Heartbeats acknowledged.", { $0.heartbeatsAcknowledged }),
            ("zombies_total", "Connections given up for want of an acknowledgement.", { $0.zombies }),
            ("connects_total", "Connection attempts.", { $0.connects }),
            (
                "reconnects_total", "Connections lost or failed that were followed by another attempt.",
                { $0.reconnects }
            ),
            ("resumes_total", "RESUMED received.", { $0.resumes }),
            ("identifies_total", "IDENTIFY sent.", { $0.identifies }),
            ("invalid_sessions_total", "Op 9 received.", { $0.invalidSessions }),
            ("errors_total", "Errors told.", { $0.errors }),
            ("wire_bytes_total", "Bytes of websocket frames received, inside TLS.", { $0.bytesWire }),
            ("inflated_bytes_total", "Bytes of payloads after decompression.", { $0.bytesInflated }),
            ("sent_bytes_total", "Bytes of payloads sent.", { $0.bytesSent }),
        ]
        for (name, help, value) in counters {
            text.family("swiftgateway_\(name)", "counter", help)
            for info in infos { text.value(info.id, value(info)) }
        }
        let gauges: [(StaticString, StaticString, (ShardInfo) -> UInt64)] = [
            ("sequence", "Newest sequence received.", { $0.sequence }),
            ("sequence_delivered", "Newest sequence delivered.", { $0.sequenceDelivered }),
            ("commands_queued", "Commands waiting to be sent.", { UInt64($0.commandsQueued) }),
        ]
        for (name, help, value) in gauges {
            text.family("swiftgateway_\(name)", "gauge", help)
            for info in infos { text.value(info.id, value(info)) }
        }
        text.family("swiftgateway_latency_seconds", "gauge", "Round trip of the newest acknowledged heartbeat.")
        for info in infos { text.seconds(info.id, info.latencyLast) }
        text.family("swiftgateway_closes_total", "counter", "Connections ended, by close code.")
        for cell in cells {
            let closes = cell.snapshot.withLock { $0.closes }
            for (code, count) in closes.sorted(by: { $0.key < $1.key }) {
                text.value(cell.id, count, label: "code", "\(code)")
            }
        }
        text.family("swiftgateway_queue_bytes", "gauge", "Bytes of events waiting for delivery, by I/O thread.")
        for (index, queue) in engine.queueDepths.enumerated() { text.loop(index, UInt64(queue.depth)) }
        text.family(
            "swiftgateway_queue_dropped_total", "counter",
            "Events other than dispatches that were dropped because the queue was full, by I/O thread.")
        for (index, queue) in engine.queueDepths.enumerated() { text.loop(index, queue.dropped) }
        return Array(text.text.utf8)
    }
}

/// Text in the exposition format of Prometheus.
private struct MetricsText {
    var text = ""
    private var name = ""

    mutating func family(_ name: String, _ type: StaticString, _ help: StaticString) {
        self.name = name
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func value(_ shard: UInt32, _ value: UInt64) { text += "\(name){shard=\"\(shard)\"} \(value)\n" }

    mutating func value(_ shard: UInt32, _ value: UInt64, label: StaticString, _ content: String) {
        text += "\(name){shard=\"\(shard)\",\(label)=\"\(content)\"} \(value)\n"
    }

    mutating func loop(_ index: Int, _ value: UInt64) { text += "\(name){loop=\"\(index)\"} \(value)\n" }

    /// Nanoseconds as seconds.
    mutating func seconds(_ shard: UInt32, _ nanoseconds: UInt64) {
        let fraction = String(nanoseconds % 1_000_000_000)
        let zeros = String(repeating: "0", count: 9 - fraction.utf8.count)
        text += "\(name){shard=\"\(shard)\"} \(nanoseconds / 1_000_000_000).\(zeros)\(fraction)\n"
    }
}
