import GatewaySandbox
import Metrics
import MetricsTestKit
import SwiftGateway
import Testing

@testable import SwiftGatewayMetrics

@Suite("Metrics")
struct ClusterMetricsTests {
    private static func withCluster(
        shards: UInt32, heartbeat: Duration = .seconds(60), _ body: (Sandbox, Cluster) async throws -> Void
    ) async throws {
        var settings = SandboxConfiguration()
        settings.identifyWindow = .zero
        settings.maxConcurrency = Int(shards)
        settings.heartbeatInterval = heartbeat
        settings.heartbeatTolerance = 1000
        let sandbox = try await Sandbox.start(settings)
        var configuration = try Configuration(token: sandbox.token, intents: [.guilds, .guildMessages])
        try configuration.setGatewayURL(sandbox.gatewayURL)
        try configuration.setCAFile(sandbox.caFile)
        try configuration.setShards(.range(first: 0, count: shards, total: shards))
        try configuration.setMaxConcurrency(shards)
        configuration.setIdentifyInterval(milliseconds: 0)
        do {
            try await SwiftGateway.withCluster(configuration, shutdown: .final) { cluster in
                try await body(sandbox, cluster)
            }
        } catch {
            await sandbox.stop()
            throw error
        }
        await sandbox.stop()
    }

    @Test("counters, gauges and latencies of each shard, each counted once over several reports")
    func byShard() async throws {
        let factory = TestMetrics()
        try await Self.withCluster(shards: 2, heartbeat: .milliseconds(100)) { _, cluster in
            let metrics = ClusterMetrics(cluster, factory: factory)
            // A READY of each, and three guilds in all; a heartbeat of each.
            var dispatches = 0
            var latencies: Set<UInt32> = []
            for await (shard, event) in cluster.events {
                if event.kind == .dispatch { dispatches += 1 }
                if event.kind == .latency { latencies.insert(shard.id) }
                if dispatches == 3 { metrics.report() }
                if dispatches == 5, latencies.count == 2 { break }
            }
            // A shard may have to resume on a machine this slow: what it has counted itself, before and after, decides.
            let before = cluster.infos()
            metrics.report()
            metrics.report()
            for (info, after) in zip(before, cluster.infos()) {
                let shard = [("shard", "\(info.id)")]
                let events = try factory.expectCounter("swiftgateway_events_total", shard)
                #expect(info.events >= (info.id == 0 ? 3 : 2))
                #expect(events.totalValue >= Int64(info.events) && events.totalValue <= Int64(after.events))
                #expect(try factory.expectCounter("swiftgateway_identifies_total", shard).totalValue == 1)
                #expect(try factory.expectCounter("swiftgateway_wire_bytes_total", shard).totalValue > 0)
                let timer = try factory.expectTimer("swiftgateway_latency", shard)
                #expect(!timer.values.isEmpty && timer.values.allSatisfy { $0 > 0 })
            }
            #expect(try factory.expectGauge("swiftgateway_shards", [("state", "active")]).lastValue == 2)
            #expect(try factory.expectGauge("swiftgateway_shards", [("state", "backoff")]).lastValue == 0)
        }
    }

    @Test("as a whole: one set of metrics; run reports until it is cancelled, and once more")
    func whole() async throws {
        let factory = TestMetrics()
        try await Self.withCluster(shards: 2) { _, cluster in
            let running = Task {
                await ClusterMetrics(cluster, interval: .seconds(3600), grouping: .whole, factory: factory).run()
            }
            var dispatches = 0
            for await (_, event) in cluster.events {
                if event.kind == .dispatch { dispatches += 1 }
                if dispatches == 5 { break }
            }
            running.cancel()
            await running.value
            let events = try factory.expectCounter("swiftgateway_events_total")
            #expect(events.totalValue == 5)
            #expect(throws: (any Error).self) {
                try factory.expectCounter("swiftgateway_events_total", [("shard", "0")])
            }
        }
    }
}
