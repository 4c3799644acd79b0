import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    @Suite("Shutdown and restart")
    struct ShutdownTests {
        @Test("final closes with 1000 and ends the session")
        func final() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.shutdown(resumable: false)
                try await rig.untilServer("the end of the session") {
                    $0.count { if case .sessionEnded = $0 { true } else { false } } == 1
                }
                #expect(await rig.journal.clientCloseCodes == [1000])
                #expect(rig.record.state() == .stopped)
                #expect(rig.record.closes.map(\.state) == [.stopped])
                try rig.cluster.start()
                try await rig.until("a second session") { $0.trace().readies == 2 }
                #expect(await rig.journal.resumes.isEmpty)
            }
        }

        @Test("resumable closes with 4000; the next start resumes, with what came meanwhile")
        func resumable() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                try await rig.shutdown(resumable: true)
                #expect(await rig.journal.clientCloseCodes == [4000])
                await rig.sandbox.emitBurst(count: 20)
                try rig.cluster.start()
                try await rig.until("resumed, nothing lost") { $0.trace().resumes == 1 && $0.trace().message == 25 }
                #expect(await rig.journal.identifies.count == 1)
            }
        }

        @Test("what was received before is delivered before shutdown returns")
        func drains() async throws {
            let gate = Gate()
            let recorder = Recorder()
            try await withRig(client: {
                $0.eventHandler = { event in
                    if event.type == .messageCreate { gate.pass() }
                    recorder.take(event)
                }
            }) { rig in
                try await recorder.wait("active") { $0.isActive() && $0.trace().sequence == 4 }
                await rig.sandbox.emitBurst(count: 300)
                try await eventually("all received") { try rig.cluster.info(shard: 0).events == 304 }
                #expect(recorder.record.trace().message == 0)
                async let ended: Void = rig.shutdown(resumable: true)
                try await rig.untilServer("the close") { $0.clientCloseCodes == [4000] }
                gate.open()
                try await ended
                #expect(recorder.record.trace().message == 300)
                #expect(recorder.record.violations == [])
                #expect(recorder.record.state() == .stopped)
            }
        }

        @Test("what was not delivered by the deadline is replayed to the next start, once")
        func deadline() async throws {
            let gate = Gate()
            let recorder = Recorder()
            try await withRig(client: {
                $0.eventHandler = { event in
                    if event.type == .messageCreate { gate.pass() }
                    recorder.take(event)
                }
            }) { rig in
                try await recorder.wait("active") { $0.isActive() && $0.trace().sequence == 4 }
                await rig.sandbox.emitBurst(count: 300)
                try await eventually("all received") { try rig.cluster.info(shard: 0).events == 304 }
                try await gate.waitForSomeone()
                let task = Task { try await rig.shutdown(resumable: true, seconds: 0) }
                try await rig.untilServer("the drop") { $0.count { $0 == .disconnected } == 1 }
                gate.open()
                await #expect {
                    try await task.value
                } throws: {
                    ($0 as? GatewayError)?.status == .timeout
                }
                let delivered = recorder.record.trace().sequence
                try rig.cluster.start()
                try await recorder.wait("resumed, nothing lost") {
                    $0.trace().resumes == 1 && $0.trace().message == 300
                }
                #expect(recorder.record.violations == [])
                #expect(await rig.journal.identifies.count == 1)
                #expect(await rig.journal.resumes.map(\.sequence) == [Int64(delivered)])
            }
        }

        @Test("a shutdown while nothing answers ends in time", arguments: [Moment.accept, .upgrade, .hello])
        func whileSilent(moment: Moment) async throws {
            let fault: Fault = moment == .accept ? .acceptThenHang : .silence
            try await withRig(faults: [FaultOrder(fault, at: moment)]) { rig in
                try await rig.until("connecting") { $0.states().contains(.connecting) }
                let clock = ContinuousClock.now
                try await rig.shutdown(resumable: false)
                #expect(ContinuousClock.now - clock < .seconds(5))
            }
        }

        @Test("a shutdown ends the waits of others, and a second one changes nothing")
        func waits() async throws {
            try await withRig(faults: [FaultOrder(.acceptThenHang)]) { rig in
                let cluster = rig.cluster
                await #expect {
                    try await Rig.blocking { try cluster.waitReady(timeout: Rig.second / 10) }
                } throws: {
                    ($0 as? GatewayError)?.status == .timeout
                }
                #expect(throws: GatewayError.self) { try cluster.start() }
                let ready = Task { try await Rig.blocking { try cluster.waitReady(timeout: 20 * Rig.second) } }
                let ended = Task { try await Rig.blocking { try cluster.wait(timeout: 20 * Rig.second) } }
                try await rig.shutdown()
                await #expect {
                    try await ready.value
                } throws: {
                    ($0 as? GatewayError)?.status == .cancelled
                }
                try await ended.value
                try await rig.shutdown()
                #expect(try cluster.info(shard: 0).state == .stopped)
            }
        }

        @Test("waitReady returns when every shard has been active")
        func waitReady() async throws {
            try await withRig(client: {
                try $0.setShards(.range(first: 0, count: 2, total: 2))
                try $0.setMaxConcurrency(2)
            }) { rig in
                try await Rig.blocking { [cluster = rig.cluster] in try cluster.waitReady(timeout: 15 * Rig.second) }
                #expect(await rig.journal.identifies.count == 2)
            }
        }

        @Test("a shard can be restarted, with its session or without", arguments: [true, false])
        func restart(resuming: Bool) async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try rig.cluster.restartShard(0, resuming: resuming)
                try await rig.until("back") {
                    resuming ? $0.trace().resumes == 1 && $0.isActive() : $0.trace().readies == 2 && $0.isActive()
                }
                #expect(await rig.journal.clientCloseCodes == [resuming ? 4000 : 1000])
                try await rig.exchange()
            }
        }

        @Test("shards can be added and taken out")
        func addAndRemove() async throws {
            try await withRig(client: { try $0.setShards(.range(first: 0, count: 1, total: 3)) }) { rig in
                try await rig.until("the first") { $0.isActive(0) }
                try rig.cluster.addShard(2)
                try await rig.until("the other") { $0.isActive(2) }
                #expect(try rig.cluster.shardIDs() == [0, 2])
                try rig.cluster.removeShard(0, resumable: false)
                try await rig.until("the first stopped") { $0.state(0) == .stopped }
                #expect(try rig.cluster.shardIDs() == [2])
                await rig.sandbox.emitBurst(shard: 2, count: 3)
                try await rig.until("the other lives") { $0.trace(2).message == 3 }
            }
        }
    }
}
