import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// What `metrics` and `summary` say, against what happened.
    @Suite("Health and metrics")
    struct MetricsTests {
        private static func metrics(_ rig: Rig) throws -> PrometheusText { try PrometheusText(rig.cluster.metrics()) }

        @Test("every number is the one that happened", arguments: DeliveryMode.allCases)
        func counts(mode: DeliveryMode) async throws {
            try await withRig(
                sandbox: { $0.heartbeatInterval = .milliseconds(100) },
                client: { try $0.setDelivery(mode, queueBytes: 0) }
            ) { rig in
                try await rig.untilActive()
                try await rig.exchange(20)
                await rig.sandbox.inject(.unknownEvent)
                await rig.sandbox.inject(.drop())
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                await rig.sandbox.inject(.invalidSession(resumable: false))
                try await rig.until("a second session, with its guilds and a heartbeat") {
                    $0.trace().readies == 2 && $0.trace().sequence == 4 && $0.latencies.count > 2
                }
                // The numbers of a dispatch are written when its handler has returned.
                try await eventually("all counted") {
                    let text = try Self.metrics(rig)
                    return text.sum("swiftgateway_events_delivered_total") == Double(rig.record.trace().dispatches)
                }
                let text = try Self.metrics(rig)
                let shard = ["shard": "0"]
                func total(_ name: String) -> Double? { text.value("swiftgateway_\(name)_total", shard) }
                func dispatches(_ event: String) -> Double? {
                    text.value("swiftgateway_dispatches_total", ["event": event])
                }
                #expect(dispatches("READY") == 2 && dispatches("RESUMED") == 1)
                #expect(dispatches("GUILD_CREATE") == 6 && dispatches("MESSAGE_CREATE") == 20)
                #expect(dispatches("UNKNOWN") == 1 && dispatches("TYPING_START") == 0)
                #expect(text.sum("swiftgateway_dispatches_total") == total("events"))
                #expect(total("events") == 30)
                #expect(total("identifies") == 2 && total("resumes") == 1 && total("invalid_sessions") == 1)
                #expect(total("reconnects") == 2 && total("connects") == 3 && total("errors") == 0)
                let closes = text.values.filter { $0.key.name == "swiftgateway_closes_total" }
                #expect(closes.map { $0.key.labels["code"] }.sorted { ($0 ?? "") < ($1 ?? "") } == ["1000", "1006"])
                #expect(closes.values.allSatisfy { $0 == 1 })

                // They go on meanwhile, and one text is not of one moment: what comes first is compared with a later text.
                let later = try Self.metrics(rig)
                let beats = text.value("swiftgateway_heartbeat_seconds_count") ?? 0
                let acks = later.value("swiftgateway_heartbeat_acks_total", shard) ?? 0
                #expect(beats > 2 && beats <= acks && total("heartbeat_acks") ?? 0 > 2)
                #expect(acks <= (try Self.metrics(rig).value("swiftgateway_heartbeats_total", shard)) ?? 0)
                #expect(text.value("swiftgateway_heartbeat_last_seconds", shard) ?? 0 > 0)
                let lags = text.value("swiftgateway_delivery_lag_seconds_count") ?? 0
                #expect(lags >= 3 && lags <= 30 + Double(rig.record.events.count))

                let (wire, inflated) = (total("wire_bytes") ?? 0, total("inflated_bytes") ?? 0)
                #expect(wire > 1_000 && inflated > wire)
                let ratio = text.value("swiftgateway_inflate_ratio", shard) ?? 0
                #expect(abs(ratio - inflated / wire) < 0.002)
                #expect(text.value("swiftgateway_inflater_bytes", shard) ?? 0 > 32_768)
                #expect(text.value("swiftgateway_sequence", shard) == 4)
                #expect(text.value("swiftgateway_shard_state", shard) == 6)
                #expect(text.value("swiftgateway_shards", ["state": "active"]) == 1)
                #expect(text.value("swiftgateway_shards", ["state": "backoff"]) == 0)
                #expect(text.value("swiftgateway_shards_ready") == 1)
                #expect(text.value("swiftgateway_handshakes", ["loop": "0"]) == 0)
                #expect(text.value("swiftgateway_handshakes_waiting", ["loop": "0"]) == 0)
                let queued = text.value("swiftgateway_queue_bytes", ["loop": "0"])
                #expect(mode == .queued ? queued != nil : queued == nil)
                #expect(text.types["swiftgateway_identifies_remaining"] == nil)
                let info = try #require(text.values.keys.first { $0.name == "swiftgateway_info" })
                #expect(info.labels["compression"] == "zlib" && info.labels["inflater"]?.hasPrefix("zlib") == true)
                #expect(info.labels["version"] == Version.string.description)
                #expect(!String(decoding: try rig.cluster.metrics(), as: UTF8.self).contains(rig.sandbox.token))
            }
        }

        @Test("each compression tells what inflates it and what that holds", arguments: Compression.allCases)
        func compressions(compression: Compression) async throws {
            try await withRig(client: { try $0.setCompression(compression) }) { rig in
                try await rig.untilActive()
                let text = try Self.metrics(rig)
                let info = try #require(text.values.keys.first { $0.name == "swiftgateway_info" })
                #expect(info.labels["compression"] == "\(compression)")
                let held = text.value("swiftgateway_inflater_bytes", ["shard": "0"]) ?? -1
                switch compression {
                case .none: #expect(info.labels["inflater"] == "none" && held == 0)
                case .zlib: #expect(held > 32_768 && held < 65_536)
                case .zstd: #expect(info.labels["inflater"] == "zstd" && held > 65_536)
                }
            }
        }

        /// Those that this machine has: asking for one that is not installed is refused.
        static let inflateBackends = InflateBackend.allCases.filter { backend in
            var configuration = try? Configuration(token: "token", intents: [])
            return (try? configuration?.setInflateBackend(backend)) != nil
        }

        @Test("each inflate backend inflates, and metrics and summary tell which it is", arguments: inflateBackends)
        func inflateBackend(backend: InflateBackend) async throws {
            try await withRig(client: { try $0.setInflateBackend(backend) }) { rig in
                try await rig.untilActive()
                try await rig.exchange(20)
                let text = try Self.metrics(rig)
                let info = try #require(text.values.keys.first { $0.name == "swiftgateway_info" })
                let told = try #require(try rig.cluster.summary.inflateBackend)
                #expect(info.labels["inflater"] == (told == .zlibNG ? "zlib-ng" : "zlib"))
                #expect(told == backend || backend == .auto)
                #expect(rig.record.errors.isEmpty && rig.record.closes.isEmpty)
            }
        }

        @Test("without zlib-stream there is no inflate backend to tell", arguments: [Compression.none, .zstd])
        func noInflateBackend(compression: Compression) async throws {
            try await withRig(client: { try $0.setCompression(compression) }) { rig in
                try await rig.untilActive()
                #expect(try rig.cluster.summary.inflateBackend == nil)
            }
        }

        @Test("a handler that holds events back shows in the lag")
        func lag() async throws {
            let gate = Gate(isOpen: true)
            let recorder = Recorder()
            try await withRig(client: {
                $0.eventHandler = { event in
                    if event.type == .messageCreate { gate.pass() }
                    recorder.take(event)
                }
            }) { rig in
                try await recorder.wait("active") { $0.isActive() && $0.trace().sequence == 4 }
                gate.close()
                await rig.sandbox.emitBurst(count: 1)
                try await gate.waitForSomeone()
                // Events that follow each other faster than a millisecond are not all timed.
                let held = ContinuousClock.now
                try await eventually("some milliseconds") { ContinuousClock.now - held > .milliseconds(5) }
                await rig.sandbox.emitBurst(count: 5)
                try await eventually("the others received") { try rig.cluster.info(shard: 0).events == 10 }
                let received = ContinuousClock.now
                try await eventually("half a second") { ContinuousClock.now - received > .milliseconds(500) }
                #expect(try Self.metrics(rig).value("swiftgateway_queue_bytes", ["loop": "0"]) ?? 0 > 0)
                gate.open()
                try await recorder.wait("delivered") { $0.trace().message == 6 }
                let text = try Self.metrics(rig)
                let all = text.value("swiftgateway_delivery_lag_seconds_count") ?? 0
                let within = text.value("swiftgateway_delivery_lag_seconds_bucket", ["le": "0.5"]) ?? 0
                #expect(all > within)
            }
        }

        @Test("the summary adds up what the shards say, before, during and after the run")
        func summary() async throws {
            try await BootstrapTests.withAskingRig(sandbox: {
                $0.recommendedShards = 3
                $0.maxConcurrency = 3
                $0.sessionStartTotal = 50
                $0.sessionStartRemaining = 20
                $0.heartbeatInterval = .milliseconds(100)
            }) { rig in
                let fresh = try Cluster(BootstrapTests.asking(rig.sandbox))
                #expect {
                    _ = try fresh.summary
                } throws: {
                    ($0 as? GatewayError)?.status == .invalidState
                }
                try await rig.until("three shards and their heartbeats") { record in
                    (0..<3).allSatisfy { id in
                        record.isActive(id) && record.events.contains { $0.kind == .latency && $0.shard == id }
                    }
                }
                let summary = try rig.cluster.summary
                #expect(summary.shards == 3 && summary.total == 3 && summary.ready == 3)
                #expect(summary.states == [.active: 3])
                let infos = try (0..<3).map { try rig.cluster.info(shard: $0) }
                let slowest = try #require(summary.slowest)
                #expect(slowest.shard < 3 && slowest.latency > 0)
                let budget = try #require(summary.identifyBudget)
                #expect(budget.remaining == 17 && budget.total == 50)
                #expect(budget.resetAfter > 86_000 * Rig.second && budget.resetAfter <= 86_400 * Rig.second)
                #expect(summary.identifies == 3 && summary.reconnects == 0 && summary.resumes == 0)
                #expect(summary.events == infos.reduce(0) { $0 + $1.events })
                #expect(summary.bytesWire > 0 && summary.bytesInflated > summary.bytesWire && summary.bytesSent > 0)
                let text = try Self.metrics(rig)
                #expect(text.value("swiftgateway_identifies_remaining") == 17)
                #expect(text.value("swiftgateway_identifies_limit") == 50)
                #expect(text.value("swiftgateway_identifies_reset_seconds") ?? 0 > 86_000)
                #expect(text.sum("swiftgateway_shards") == 3)

                await rig.sandbox.inject(.refuse)
                await rig.sandbox.inject(.drop(), shard: 1)
                try await rig.until("one is away") { !$0.errors(.network).isEmpty }
                try await eventually("the others") { try rig.cluster.summary.states[.active] == 2 }
                #expect(try rig.cluster.summary.ready == 3)
                await rig.sandbox.clearFaults()
                try await rig.until("back") { $0.isActive(1) }
                try await rig.shutdown()
                let last = try rig.cluster.summary
                #expect(last.shards == 3 && last.states == [.stopped: 3] && last.ready == 3)
                #expect(last.resumes == 1 && last.slowest == nil)
                #expect(throws: GatewayError.self) { try rig.cluster.metrics() }
            }
        }
    }
}
