import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// Identify concurrency (`gateway.md` §16): the sandbox answers a breach with op 9.
    @Suite("Identify queue")
    struct IdentifyTests {
        private static func identifyTimes(_ journal: Journal) -> [(shard: Int, time: Duration)] {
            journal.entries.compactMap { entry in
                if case .identify = entry.event { (entry.shard ?? -1, entry.time) } else { nil }
            }
        }

        @Test("one at a time: shards identify one window apart")
        func oneAtATime() async throws {
            try await withRig(
                sandbox: { $0.identifyWindow = .milliseconds(300) },
                client: {
                    try $0.setShards(.range(first: 0, count: 3, total: 3))
                    $0.setIdentifyInterval(milliseconds: 300)
                }
            ) { rig in
                try await rig.until("all three") { record in (0..<3).allSatisfy { record.isActive($0) } }
                let journal = await rig.journal
                let times = Self.identifyTimes(journal).map(\.time)
                try #require(times.count == 3)
                #expect(zip(times.dropFirst(), times).allSatisfy { $0 - $1 >= .milliseconds(300) })
                #expect(journal.count { if case .invalidSession = $0 { true } else { false } } == 0)
                // All were connected and waiting meanwhile.
                #expect(journal.entries.prefix { $0.time < times[1] }.count { $0.event == .helloSent } == 3)
                #expect(rig.record.states(2).contains(.awaitingIdentify))
            }
        }

        @Test("max_concurrency 2: four shards in two windows, no two of a key in one")
        func concurrency() async throws {
            try await withRig(
                sandbox: {
                    $0.identifyWindow = .milliseconds(400)
                    $0.maxConcurrency = 2
                },
                client: {
                    try $0.setShards(.range(first: 0, count: 4, total: 4))
                    try $0.setMaxConcurrency(2)
                    $0.setIdentifyInterval(milliseconds: 400)
                }
            ) { rig in
                try await rig.until("all four") { record in (0..<4).allSatisfy { record.isActive($0) } }
                let journal = await rig.journal
                let times = Self.identifyTimes(journal)
                try #require(times.count == 4)
                #expect(journal.count { if case .invalidSession = $0 { true } else { false } } == 0)
                #expect(times[1].time - times[0].time < .milliseconds(400))
                #expect(times[2].time - times[0].time >= .milliseconds(400))
            }
        }

        @Test("heartbeats go on while a shard waits for its turn")
        func beatsWhileWaiting() async throws {
            try await withRig(
                sandbox: { $0.heartbeatInterval = .milliseconds(100) },
                client: {
                    try $0.setShards(.range(first: 0, count: 2, total: 2))
                    $0.setIdentifyInterval(milliseconds: 1_200)
                }
            ) { rig in
                try await rig.until("both") { $0.isActive(0) && $0.isActive(1) }
                let journal = await rig.journal
                let second = try #require(Self.identifyTimes(journal).last)
                // Heartbeats with `d` null: no session yet. Both connections send them, the waiting one most.
                let early = journal.heartbeats.count { $0.sequence == nil && $0.time < second.time }
                #expect(early >= 5)
                #expect(rig.record.closes.isEmpty)
            }
        }

        @Test("a shard that loses its connection while waiting gives its turn to the next")
        func lostTurn() async throws {
            try await withRig(
                client: {
                    try $0.setShards(.range(first: 0, count: 3, total: 3))
                    $0.setIdentifyInterval(milliseconds: 700)
                }
            ) { rig in
                try await rig.until("the first active, the others waiting") {
                    $0.traces.values.contains { $0.state == .active }
                        && $0.traces.values.count { $0.state == .awaitingIdentify } == 2
                }
                await rig.sandbox.inject(.drop())
                try await rig.until("all three") { record in (0..<3).allSatisfy { record.isActive($0) } }
                #expect(await rig.journal.identifies.count == 3)
            }
        }

        @Test("RESUME needs no turn")
        func resumeAtOnce() async throws {
            try await withRig(client: { $0.setIdentifyInterval(milliseconds: 60_000) }) { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.drop())
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
            }
        }

        @Test("an op 9 for identifying too early is survived")
        func tooEarly() async throws {
            try await withRig(
                sandbox: { $0.identifyWindow = .milliseconds(600) },
                client: { try $0.setShards(.range(first: 0, count: 2, total: 2)) }
            ) { rig in
                try await rig.until("both") { $0.isActive(0) && $0.isActive(1) }
                #expect(await rig.journal.count { $0 == .invalidSession(resumable: false) } >= 1)
            }
        }
    }
}
