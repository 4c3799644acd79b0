import GatewaySandbox
import GatewayTransport
import SwiftGateway
import Testing

/// A queue that grants only when the test says so, and writes down what it is told.
private final class ManualQueue: IdentifyQueueing {
    enum Told: Equatable {
        case request(UInt32)
        case cancel(UInt32)
        case sent(UInt32)
    }

    private struct State {
        var told: [Told] = []
        var waiting: [IdentifyPermit] = []
        var seen: Set<UInt64> = []
        var violations: [String] = []
    }

    private let state = Lock(State())

    var told: [Told] { state.withLock { $0.told } }
    var waiting: [IdentifyPermit] { state.withLock { $0.waiting } }
    var violations: [String] { state.withLock { $0.violations } }

    func request(_ permit: IdentifyPermit) {
        state.withLock {
            $0.told.append(.request(permit.shardID))
            $0.waiting.append(permit)
            if !$0.seen.insert(permit.number).inserted { $0.violations.append("permit \(permit.number) came twice") }
        }
    }

    func cancel(_ permit: IdentifyPermit) { end(permit, .cancel(permit.shardID)) }
    func sent(_ permit: IdentifyPermit) { end(permit, .sent(permit.shardID)) }

    private func end(_ permit: IdentifyPermit, _ told: Told) {
        state.withLock {
            $0.told.append(told)
            let before = $0.waiting.count
            $0.waiting.removeAll { $0 == permit }
            if $0.waiting.count != before - 1 { $0.violations.append("\(told) of a permit that does not wait") }
        }
    }
}

extension Integration {
    /// A queue in place of the engine's own.
    @Suite("Pluggable identify queue")
    struct IdentifyQueueTests {
        private static func withManualQueue(
            shards: UInt32, _ body: (Rig, ManualQueue) async throws -> Void
        ) async throws {
            let queue = ManualQueue()
            try await withRig(client: {
                try $0.setShards(.range(first: 0, count: shards, total: shards))
                try $0.setMaxConcurrency(2)
                $0.setIdentifyQueue(queue)
            }) { rig in
                try await body(rig, queue)
                try await rig.shutdown()
                // Every request came to an end, also those of the shutdown.
                #expect(queue.waiting == [])
                #expect(queue.violations == [])
            }
        }

        @Test("it decides who identifies, and hears when")
        func decides() async throws {
            try await Self.withManualQueue(shards: 3) { rig, queue in
                try await rig.until("all three wait") { record in
                    (0..<3).allSatisfy { record.state($0) == .awaitingIdentify }
                }
                try await eventually("three requests") { queue.waiting.count == 3 }
                #expect(await rig.journal.identifies.isEmpty)
                let permit = try #require(queue.waiting.first { $0.shardID == 1 })
                #expect(permit.shardTotal == 3 && permit.maxConcurrency == 2 && permit.rateLimitKey == 1)
                try permit.grant()
                try await rig.until("shard 1") { $0.isActive(1) }
                #expect(await rig.journal.identifies.count == 1)
                try await eventually("the send") { queue.told.contains(.sent(1)) }
                // Used up.
                #expect(throws: GatewayError.self) { try permit.grant() }
                #expect(rig.record.state(0) == .awaitingIdentify && rig.record.state(2) == .awaitingIdentify)
                for other in queue.waiting { try IdentifyPermit.grant(other.number) }
                try await rig.until("all three") { record in (0..<3).allSatisfy { record.isActive($0) } }
                // A RESUME does not ask.
                await rig.sandbox.inject(.drop())
                try await rig.until("resumed") { record in (0..<3).allSatisfy { record.trace($0).resumes == 1 } }
                #expect(queue.told.count { if case .request = $0 { true } else { false } } == 3)
            }
        }

        @Test("a connection that is lost cancels its request: a later grant of it is refused")
        func cancels() async throws {
            try await Self.withManualQueue(shards: 1) { rig, queue in
                try await eventually("the request") { queue.waiting.count == 1 }
                let first = try #require(queue.waiting.first)
                await rig.sandbox.inject(.drop())
                try await eventually("the cancel and the next request") {
                    queue.told == [.request(0), .cancel(0), .request(0)]
                }
                #expect {
                    try first.grant()
                } throws: {
                    ($0 as? GatewayError)?.status == .notFound
                }
                #expect(await rig.journal.identifies.isEmpty)
                let second = try #require(queue.waiting.first)
                #expect(second != first)
                try second.grant()
                try await rig.untilActive()
                #expect(queue.told == [.request(0), .cancel(0), .request(0), .sent(0)])
            }
        }

        @Test("two clusters of one token share one queue")
        func shared() async throws {
            let window = Duration.milliseconds(300)
            let queue = LocalIdentifyQueue(maxConcurrency: 1, intervalMilliseconds: 300)
            try await withRig(
                sandbox: { $0.identifyWindow = window },
                client: { $0.setIdentifyQueue(queue) }
            ) { rig in
                var configuration = try Rig.configuration(for: rig.sandbox)
                let recorder = Recorder()
                configuration.eventHandler = { recorder.take($0) }
                configuration.setIdentifyQueue(queue)
                let other = Rig(sandbox: rig.sandbox, cluster: try Cluster(configuration), recorder: recorder)
                try other.cluster.start()
                do {
                    try await rig.until("the one") { $0.isActive() }
                    try await other.until("the other") { $0.isActive() }
                    #expect(await rig.journal.count { $0 == .invalidSession(resumable: false) } == 0)
                } catch {
                    try? await other.shutdown(seconds: 3)
                    throw error
                }
                try await other.shutdown()
            }
        }
    }
}
