import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// Ops 1, 7, 9 and 11 (`gateway.md` §6, §9).
    @Suite("Gateway signals")
    struct SignalTests {
        @Test("op 7: closes with 4000 and resumes, with what came meanwhile")
        func reconnect() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.reconnect)
                await rig.sandbox.emitBurst(count: 50)
                try await rig.until("resumed, nothing lost") { $0.trace().resumes == 1 && $0.trace().message == 55 }
                try await rig.exchange()
                let journal = await rig.journal
                #expect(journal.clientCloseCodes == [4000])
                #expect(journal.identifies.count == 1)
                #expect(journal.resumes.count == 1)
            }
        }

        @Test("op 7 in place of HELLO, of READY: connects again and identifies", arguments: [Moment.hello, .identify])
        func reconnectEarly(moment: Moment) async throws {
            try await withRig(faults: [FaultOrder(.reconnect, at: moment, times: 2)]) { rig in
                try await rig.untilActive()
                try await rig.exchange()
                let journal = await rig.journal
                #expect(journal.clientCloseCodes == [4000, 4000])
                #expect(journal.identifies.count == (moment == .hello ? 1 : 3))
                #expect(rig.record.trace().readies == 1)
            }
        }

        @Test(
            "op 7 in place of HELLO, of RESUMED, while resuming: the session is kept",
            arguments: [Moment.hello, .resume])
        func reconnectResuming(moment: Moment) async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.reconnect, at: moment, times: 2)
                await rig.sandbox.inject(.drop())
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                try await rig.exchange()
                #expect(await rig.journal.identifies.count == 1)
            }
        }

        @Test("op 9 true: resumes")
        func invalidResumable() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.invalidSession(resumable: true))
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                try await rig.exchange()
                let journal = await rig.journal
                #expect(journal.identifies.count == 1)
                #expect(journal.clientCloseCodes == [4000])
                #expect(try rig.cluster.info(shard: 0).invalidSessions == 1)
            }
        }

        @Test("op 9 false: a new session, at the main address")
        func invalid() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.invalidSession(resumable: false))
                try await rig.until("a second session") { $0.trace().readies == 2 && $0.isActive() }
                try await rig.exchange()
                let journal = await rig.journal
                #expect(journal.identifies.count == 2)
                #expect(journal.resumes.isEmpty)
                let upgrades = journal.entries.filter { if case .upgraded = $0.event { true } else { false } }
                #expect(upgrades.map(\.endpoint) == [.main, .main])
            }
        }

        @Test("op 9 false waits the configured time before the next IDENTIFY")
        func invalidWait() async throws {
            try await withRig(
                client: { try $0.setInvalidSessionWait(minMilliseconds: 700, maxMilliseconds: 800) },
                faults: [FaultOrder(.invalidSession(resumable: false), at: .identify, times: 1)]
            ) { rig in
                try await rig.untilActive()
                let times = await rig.journal.entries.compactMap { entry -> Duration? in
                    if case .identify = entry.event { entry.time } else { nil }
                }
                try #require(times.count == 2)
                #expect(times[1] - times[0] >= .milliseconds(690))
            }
        }

        @Test("op 9 false in place of RESUMED: the old session is given up, a new one begins")
        func resumeRefused() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.forgetSession)
                await rig.sandbox.inject(.drop())
                try await rig.until("a second session") { $0.trace().readies == 2 && $0.isActive() }
                try await rig.exchange()
                let journal = await rig.journal
                #expect(journal.resumes.count == 1)
                #expect(journal.identifies.count == 2)
                let last = journal.entries.last { if case .identify = $0.event { true } else { false } }
                #expect(last?.endpoint == .main)
            }
        }

        @Test("op 1 is answered at once")
        func heartbeatRequest() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                let before = await rig.journal.heartbeats.count
                await rig.sandbox.inject(.requestHeartbeat)
                // The next scheduled one may be 41 s away.
                try await rig.untilServer("the heartbeat", timeout: .seconds(5)) { $0.heartbeats.count > before }
                #expect(await rig.journal.heartbeats.last?.sequence == 4)
                try await rig.until("its ACK measured") { !$0.latencies.isEmpty }
            }
        }

        /// How a missing ACK ends: policy, whether events go on meanwhile, and after how many unanswered heartbeats.
        struct Zombie: CustomTestStringConvertible {
            let strict: Bool
            let streams: Bool
            let beats: Int
            var testDescription: String { "\(strict ? "strict" : "grace"), \(streams ? "streaming" : "silent")" }
        }

        @Test(
            "without ACKs the connection is given up and the session resumed",
            arguments: [
                Zombie(strict: false, streams: false, beats: 1), Zombie(strict: true, streams: false, beats: 1),
                Zombie(strict: true, streams: true, beats: 1), Zombie(strict: false, streams: true, beats: 2),
            ])
        func zombie(_ zombie: Zombie) async throws {
            try await withRig(
                sandbox: { $0.heartbeatInterval = .milliseconds(300) },
                client: { $0.setZombiePolicy(strict: zombie.strict) }
            ) { rig in
                try await rig.untilActive()
                try await rig.until("a first ACK") { !$0.latencies.isEmpty }
                let start = await rig.journal.nextIndex
                await rig.sandbox.inject(.acknowledge(false))
                if zombie.streams { await rig.sandbox.setEventsPerSecond(100) }
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                await rig.sandbox.setEventsPerSecond(0)
                let beats = await rig.journal.entries(from: start).count {
                    if case .heartbeat = $0.event { $0.connection == 1 } else { false }
                }
                #expect(beats == zombie.beats)
                #expect(try rig.cluster.info(shard: 0).zombies == 1)
                #expect(rig.record.closes.first?.code == 1006)
                #expect(rig.record.closes.first?.text.contains("not acknowledged") == true)
                #expect(await rig.journal.identifies.count == 1)
                #expect(await rig.journal.clientCloseCodes.allSatisfy { $0 != 1000 && $0 != 1001 })
                try await rig.exchange()
            }
        }

        @Test("late ACKs are measured and kill nothing")
        func lateAcks() async throws {
            try await withRig(sandbox: { $0.heartbeatInterval = .milliseconds(250) }) { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.delayAcks(.milliseconds(100)))
                let before = rig.record.latencies.count
                try await rig.until("four late ACKs") { $0.latencies.count >= before + 5 }
                #expect(rig.record.latencies.suffix(3).allSatisfy { $0 >= 95_000_000 })
                #expect(try rig.cluster.info(shard: 0).zombies == 0)
            }
        }
    }
}
