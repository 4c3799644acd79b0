import GatewaySandbox
import Testing

@testable import SwiftGateway

extension Integration {
    @Suite("The end of the events")
    struct EventsEndTests {
        @Test("a shutdown waits until the loop has finished what was received")
        func drains() async throws {
            let gate = AsyncGate()
            try await EventsTests.withEvents { rig in
                let loop = rig.loop { if $0.type == .messageCreate { await gate.pass() } }
                try await rig.until("active") { $0.isActive() && $0.trace().sequence == 4 }
                await rig.sandbox.emitBurst(count: 300)
                try await eventually("all received") { try rig.cluster.info(shard: 0).events == 304 }
                #expect(rig.record.trace().message == 0)
                let cluster = rig.cluster
                async let ended: Void = cluster.shutdown(.resumable, deadline: .seconds(30))
                try await rig.untilServer("the close") { $0.clientCloseCodes == [4000] }
                gate.open()
                try await ended
                await loop.value
                #expect(rig.record.trace().message == 300)
                #expect(rig.record.state() == .stopped)
                #expect(try cluster.info(shard: 0).sequenceDelivered == 304)
            }
        }

        @Test("what the loop had not finished by the deadline is repeated to the next start, and nothing else")
        func deadline() async throws {
            let gate = AsyncGate()
            try await EventsTests.withEvents { rig in
                let loop = rig.loop { if $0.type == .messageCreate { await gate.pass() } }
                try await rig.until("active") { $0.isActive() && $0.trace().sequence == 4 }
                await rig.sandbox.emitBurst(count: 300)
                try await eventually("all received") { try rig.cluster.info(shard: 0).events == 304 }
                try await gate.waitForSomeone()
                await #expect {
                    try await rig.cluster.shutdown(.resumable, deadline: .zero)
                } throws: {
                    ($0 as? GatewayError)?.status == .timeout
                }
                #expect(rig.record.trace().message == 0)
                #expect(try rig.cluster.info(shard: 0).sequenceDelivered == 4)
                // The first loop is still at its event, which it may not tell the recorder: that one comes again.
                loop.cancel()
                let second = Recorder()
                second.expect(shard: 0, from: ShardTrace(sequence: 4))
                gate.open()
                await loop.value
                #expect(rig.record.trace().message == 1)
                try rig.cluster.start()
                let again = Task { [cluster = rig.cluster] in
                    for await (_, event) in cluster.events { second.take(event.view()) }
                }
                try await second.wait("resumed, nothing lost") { $0.trace().resumes == 1 && $0.trace().message == 300 }
                #expect(second.record.violations == [])
                #expect(await rig.journal.resumes.map(\.sequence) == [4])
                try await rig.cluster.shutdown(.final)
                await again.value
            }
        }

        @Test("a break and a resumable shutdown: the next start repeats the event that was in hand, and skips none")
        func breaks() async throws {
            try await EventsTests.withEvents(isStrict: false) { rig in
                for await (_, event) in rig.cluster.events {
                    if event.sequence == 4 { await rig.sandbox.emitBurst(count: 100) }
                    if event.sequence == 20 { break }
                }
                try await rig.cluster.shutdown(.resumable)
                #expect(try rig.cluster.info(shard: 0).sequenceDelivered == 19)
                let recorder = rig.recorder
                recorder.expect(shard: 0, from: ShardTrace(sequence: 19, message: 15))
                try rig.cluster.start()
                let loop = rig.loop()
                // RESUMED comes behind what is replayed.
                try await rig.until("the rest") { $0.trace().message == 100 && $0.trace().resumes == 1 }
                #expect(rig.record.violations == [])
                try await rig.cluster.shutdown(.final)
                await loop.value
            }
        }

        @Test("a shutdown inside the loop does not wait for the loop", arguments: [true, false])
        func inside(isAsync: Bool) async throws {
            try await EventsTests.withEvents(isStrict: false) { rig in
                var count = 0
                let before = ContinuousClock.now
                for await (_, event) in rig.cluster.events {
                    count += 1
                    guard event.sequence == 4 else { continue }
                    await rig.sandbox.emitBurst(count: 50)
                    try await eventually("all received") { try rig.cluster.info(shard: 0).events == 54 }
                    if isAsync {
                        try await rig.cluster.shutdown(.resumable, deadline: .seconds(60))
                    } else {
                        Self.blocking(rig.cluster)
                    }
                }
                #expect(ContinuousClock.now - before < .seconds(50))
                #expect(try rig.cluster.info(shard: 0).state == .stopped)
                #expect(try rig.cluster.info(shard: 0).sequenceDelivered == 3)
                #expect(count < 50)
                try rig.cluster.start()
                rig.recorder.expect(shard: 0, from: ShardTrace(sequence: 3))
                let loop = rig.loop()
                try await rig.until("the rest") { $0.trace().message == 50 }
                #expect(rig.record.violations == [])
                try await rig.cluster.shutdown(.final)
                await loop.value
            }
        }

        /// In a function of its own, where the asynchronous shutdown is none to choose.
        private static func blocking(_ cluster: Cluster) {
            #expect(throws: Never.self) { try cluster.shutdown(resumable: true, timeout: 60 * Rig.second) }
        }

        @Test("the loop ends when every shard has ended by an error, which is among the last events")
        func fatal() async throws {
            try await EventsTests.withEvents(
                client: {
                    try $0.setShards(.range(first: 0, count: 3, total: 3))
                    try $0.setMaxConcurrency(3)
                }, faults: [FaultOrder(.close(code: 4004), at: .identify)]
            ) { rig in
                await rig.loop().value
                #expect(!rig.record.errors(.unauthorized).isEmpty || !rig.record.errors(.gatewayClosed).isEmpty)
                for shard in UInt32(0)..<3 { #expect(rig.record.state(shard) == .fatal) }
                let failure = try #require(rig.cluster.failure)
                #expect(rig.record.errors.map(\.text).contains(failure.message))
                await #expect {
                    try await rig.cluster.wait()
                } throws: {
                    ($0 as? GatewayError) == failure
                }
            }
        }

        @Test("the loop ends when the API refuses")
        func refused() async throws {
            try await withRig(
                client: { $0.eventHandler = nil }, faults: [FaultOrder(.answerREST(HTTPAnswer(status: 401)))],
                starts: false
            ) { rig in
                let cluster = try Cluster(BootstrapTests.asking(rig.sandbox))
                try cluster.start()
                var errors: [GatewayError] = []
                for await (_, event) in cluster.events { if let error = event.error { errors.append(error) } }
                #expect(errors.map(\.status) == [.unauthorized])
                #expect(cluster.failure?.status == .unauthorized)
                try await cluster.shutdown(.final)
            }
        }

        @Test("waiting tasks can be cancelled, and time out")
        func waits() async throws {
            try await EventsTests.withEvents(faults: [FaultOrder(.acceptThenHang)]) { rig in
                let cluster = rig.cluster
                await #expect {
                    try await cluster.waitReady(timeout: .milliseconds(50))
                } throws: {
                    ($0 as? GatewayError)?.status == .timeout
                }
                await #expect {
                    try await cluster.wait(timeout: .milliseconds(50))
                } throws: {
                    ($0 as? GatewayError)?.status == .timeout
                }
                let ready = Task { try await cluster.waitReady() }
                let ended = Task { try await cluster.wait() }
                ready.cancel()
                ended.cancel()
                for task in [ready, ended] {
                    await #expect {
                        try await task.value
                    } throws: {
                        ($0 as? GatewayError)?.status == .cancelled
                    }
                }
            }
        }
    }
}
