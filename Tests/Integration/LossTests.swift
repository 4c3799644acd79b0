import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// Connections that end or fall silent without a word.
    @Suite("Lost connections")
    struct LossTests {
        @Test("RST and FIN: resumes, and what was sent meanwhile is replayed", arguments: [true, false])
        func drop(reset: Bool) async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                #expect(await rig.sandbox.inject(.drop(reset: reset)) == 1)
                await rig.sandbox.emitBurst(count: 100)
                try await rig.until("resumed, nothing lost") { $0.trace().resumes == 1 && $0.trace().message == 105 }
                #expect(rig.record.closes.map(\.code) == [1006])
                let journal = await rig.journal
                #expect(journal.identifies.count == 1)
                #expect(journal.resumes.count == 1)
                #expect(try rig.cluster.info(shard: 0).resumes == 1)
            }
        }

        @Test("drops again and again, in the middle of the replay too")
        func manyDrops() async throws {
            try await withRig(keeps: { $0.type != .messageCreate }) { rig in
                try await rig.untilActive()
                for round in 1...8 {
                    await rig.sandbox.emitBurst(count: 200)
                    await rig.sandbox.inject(.drop(reset: round % 2 == 0))
                    try await rig.until("round \(round)") { $0.trace().resumes >= round }
                }
                try await rig.until("everything") { $0.trace().message == 1600 && $0.isActive() }
                #expect(await rig.journal.identifies.count == 1)
            }
        }

        @Test("a drop before READY: identifies again", arguments: [Moment.hello, .identify, .accept, .upgrade])
        func early(moment: Moment) async throws {
            try await withRig(faults: [FaultOrder(.drop(), at: moment, times: 3)]) { rig in
                try await rig.untilActive()
                try await rig.exchange()
                #expect(rig.record.trace().readies == 1)
                #expect(try rig.cluster.info(shard: 0).connects == 4)
            }
        }

        @Test("drops in place of RESUMED keep the session")
        func duringResume() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.drop(), at: .resume, times: 3)
                await rig.sandbox.inject(.drop())
                await rig.sandbox.emitBurst(count: 10)
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.trace().message == 15 }
                #expect(await rig.journal.identifies.count == 1)
                #expect(await rig.journal.resumes.count == 4)
            }
        }

        @Test("half-open: no ACK and not a byte, so the connection is dead by the next beat")
        func halfOpen() async throws {
            try await withRig(sandbox: {
                $0.heartbeatInterval = .milliseconds(200)
                $0.heartbeatTolerance = 0
            }) { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.halfOpen)
                await rig.sandbox.emitBurst(count: 20)
                try await rig.until("resumed, nothing lost", timeout: .seconds(5)) {
                    $0.trace().resumes == 1 && $0.trace().message == 25
                }
                #expect(try rig.cluster.info(shard: 0).zombies == 1)
                #expect(rig.record.closes.map(\.code) == [1006])
                #expect(await rig.journal.identifies.count == 1)
            }
        }

        @Test("a host that accepts and drops at once is met with growing pauses")
        func acceptThenDrop() async throws {
            try await withRig(
                client: { try $0.setBackoff(firstMilliseconds: 40, limitMilliseconds: 200) },
                faults: [FaultOrder(.drop(), at: .accept)]
            ) { rig in
                try await rig.until("eight attempts") { $0.states().filter { $0 == .backoff }.count >= 8 }
                let waits = rig.record.events.filter { $0.kind == .state && $0.state == .backoff }
                // Attempt numbers rise; no pause is beyond the limit.
                #expect(waits.prefix(8).map(\.code) == [1, 2, 3, 4, 5, 6, 7, 8])
                #expect(waits.allSatisfy { $0.value < 200_000_000 })
                #expect(rig.record.errors.allSatisfy { $0.status == .network })
                await rig.sandbox.clearFaults()
                try await rig.untilActive()
            }
        }

        @Test("a session that is live and dropped at once backs off all the same")
        func startedThenDropped() async throws {
            try await withRig(
                client: { try $0.setBackoff(firstMilliseconds: 2000, limitMilliseconds: 2000) },
                faults: [FaultOrder(.drop(), at: .started, times: 3)]
            ) { rig in
                // The close is told before the pause that follows it: wait for what is looked at.
                try await rig.until("two pauses") { $0.states().filter { $0 == .backoff }.count >= 2 }
                let waits = rig.record.events.filter { $0.kind == .state && $0.state == .backoff }
                // Lived for less than the first backoff, so the count of failures goes on.
                #expect(waits.prefix(2).map(\.code) == [1, 2])
            }
        }
    }
}
