import GatewaySandbox
import Testing

@testable import SwiftGateway

extension Integration {
    @Suite("for await over the events")
    struct EventsTests {
        /// A rig without a handler: its events go to `Cluster.events`.
        static func withEvents(
            sandbox: (inout SandboxConfiguration) -> Void = { _ in },
            client: (inout Configuration) throws -> Void = { _ in }, faults: [FaultOrder] = [],
            isStrict: Bool = true, _ body: (Rig) async throws -> Void
        ) async throws {
            try await withRig(
                sandbox: sandbox,
                client: {
                    $0.eventHandler = nil
                    try client(&$0)
                }, faults: faults, isStrict: isStrict, body)
        }

        @Test("events of shards on several threads arrive once and in order, and the loop ends with the cluster")
        func order() async throws {
            try await Self.withEvents(
                sandbox: { $0.maxConcurrency = 4 },
                client: {
                    try $0.setShards(.range(first: 0, count: 4, total: 4))
                    try $0.setMaxConcurrency(4)
                    try $0.setIOThreads(2)
                    try $0.setDelivery(.queued, queueBytes: 128 * 1024)
                }
            ) { rig in
                let loop = rig.loop()
                try await rig.until("four shards") { record in (0..<4).allSatisfy { record.isActive($0) } }
                await rig.sandbox.emitBurst(count: 2_000)
                try await rig.until("all of it", timeout: .seconds(30)) { record in
                    (0..<4).allSatisfy { record.trace($0).message == 2_000 }
                }
                try await rig.cluster.shutdown(.final)
                await loop.value
                for shard in UInt32(0)..<4 {
                    #expect(rig.record.states(shard).suffix(2) == [.closing, .stopped])
                    let info = try rig.cluster.info(shard: shard)
                    #expect(info.eventsDelivered == info.events)
                }
            }
        }

        @Test("an event counts as delivered when the loop asks for the next")
        func delivered() async throws {
            let gate = AsyncGate()
            try await Self.withEvents { rig in
                let loop = rig.loop { if $0.type == .messageCreate { await gate.pass() } }
                try await rig.until("active") { $0.isActive() && $0.trace().sequence == 4 }
                await rig.sandbox.emitBurst(count: 10)
                try await eventually("all received") { try rig.cluster.info(shard: 0).events == 14 }
                try await gate.waitForSomeone()
                #expect(try rig.cluster.info(shard: 0).sequenceDelivered == 4)
                let document = String(decoding: try rig.cluster.exportSessions(), as: UTF8.self)
                #expect(document.contains(#""sequence":4"#))
                gate.open()
                try await eventually("all delivered") { try rig.cluster.info(shard: 0).sequenceDelivered == 14 }
                #expect(try rig.cluster.info(shard: 0).eventsDelivered == 14)
                try await rig.cluster.shutdown(.final)
                await loop.value
            }
        }

        @Test("a loop that hangs: reading pauses, the queue stays bounded, heartbeats go on, nothing is lost")
        func backpressure() async throws {
            let gate = AsyncGate()
            try await Self.withEvents(
                sandbox: {
                    $0.heartbeatInterval = .milliseconds(500)
                    // A sandbox busy with the burst sees heartbeats late.
                    $0.heartbeatTolerance = 100
                },
                client: {
                    try $0.setDelivery(.queued, queueBytes: 64 * 1024)
                    try $0.setCompression(.none)
                }
            ) { rig in
                let loop = rig.loop { if $0.type == .messageCreate { await gate.pass() } }
                try await rig.until("active") { $0.isActive() && $0.trace().sequence == 4 }
                let count = 15_000
                await rig.sandbox.emitBurst(count: count)
                try await gate.waitForSomeone()
                let start = await rig.journal.heartbeats.count
                try await rig.untilServer("four more heartbeats") { $0.heartbeats.count >= start + 4 }
                let info = try rig.cluster.info(shard: 0)
                #expect(info.bytesQueued <= 64 * 1024)
                #expect(info.events < 500)
                #expect(info.eventsDelivered == 4)
                #expect(info.zombies == 0)
                let session = try #require(await rig.sandbox.session(shard: 0))
                #expect(session.isConnected)
                #expect(session.pending > 0)
                gate.open()
                try await rig.until("all of it", timeout: .seconds(30)) { $0.trace().message == UInt64(count) }
                #expect(rig.record.closes.isEmpty)
                try await rig.cluster.shutdown(.final)
                await loop.value
            }
        }

        @Test("without a loop events wait, heartbeats go on, and a shutdown is not held up")
        func nobody() async throws {
            try await Self.withEvents(
                sandbox: {
                    $0.heartbeatInterval = .milliseconds(500)
                    $0.heartbeatTolerance = 100
                },
                client: {
                    try $0.setDelivery(.queued, queueBytes: 64 * 1024)
                    try $0.setCompression(.none)
                }, isStrict: false
            ) { rig in
                for await (_, event) in rig.cluster.events where event.details == .state(.active, wait: .zero) { break }
                await rig.sandbox.emitBurst(count: 15_000)
                try await eventually("reading has paused") {
                    try rig.cluster.info(shard: 0).bytesQueued >= 48 * 1024
                }
                let start = await rig.journal.heartbeats.count
                try await rig.untilServer("four more heartbeats") { $0.heartbeats.count >= start + 4 }
                #expect(try rig.cluster.info(shard: 0).zombies == 0)
                let before = ContinuousClock.now
                // It waits for the closing handshake only, which the sandbox, busy with the burst, may not answer.
                do throws(GatewayError) {
                    try await rig.cluster.shutdown(.resumable, deadline: .seconds(3))
                } catch {
                    #expect(error.status == .timeout)
                }
                #expect(ContinuousClock.now - before < .seconds(10))
            }
        }

        @Test("after a break another loop goes on with the next event")
        func resumesAfterBreak() async throws {
            try await Self.withEvents { rig in
                let recorder = rig.recorder
                var loops = 0
                while recorder.record.trace().message < 100 {
                    loops += 1
                    for await (_, event) in rig.cluster.events {
                        recorder.take(event.view())
                        if event.type == .guildCreate, event.sequence == 4 { await rig.sandbox.emitBurst(count: 100) }
                        if event.sequence % 7 == 0 || recorder.record.trace().message == 100 { break }
                    }
                }
                #expect(loops > 14)
            }
        }

        @Test("a cancelled task leaves the loop, and loses nothing")
        func cancellation() async throws {
            try await Self.withEvents { rig in
                let first = rig.loop()
                try await rig.until("active") { $0.isActive() && $0.trace().sequence == 4 }
                first.cancel()
                await first.value
                await rig.sandbox.emitBurst(count: 50)
                try await eventually("all received") { try rig.cluster.info(shard: 0).events == 54 }
                #expect(rig.record.trace().message == 0)
                let second = rig.loop()
                try await rig.until("the rest") { $0.trace().message == 50 }
                try await rig.cluster.shutdown(.final)
                await second.value
            }
        }

        @Test("a loop that begins before the start waits for it; one after the end ends at once")
        func early() async throws {
            try await withRig(client: { $0.eventHandler = nil }, starts: false) { rig in
                let loop = rig.loop()
                try rig.cluster.start()
                try await rig.until("active") { $0.isActive() }
                try await rig.cluster.shutdown(.final)
                await loop.value
                for await _ in rig.cluster.events { Issue.record("an event after the end") }
            }
        }

        @Test("a second loop beside the first ends at once, and the log says so")
        func second() async throws {
            try await Self.withEvents { rig in
                let loop = rig.loop()
                try await rig.until("active") { $0.isActive() }
                for await _ in rig.cluster.events { Issue.record("two loops got events") }
                #expect(rig.record.log.contains { $0.contains("a second loop over the events") })
                try await rig.exchange()
                try await rig.cluster.shutdown(.final)
                await loop.value
            }
        }

        @Test("with a handler there are no events")
        func handler() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                let loop = Task { [cluster = rig.cluster] in
                    var count = 0
                    for await _ in cluster.events { count += 1 }
                    return count
                }
                try await rig.exchange()
                try await rig.shutdown()
                #expect(await loop.value == 0)
            }
        }

        @Test("a whole event: bytes, fields, what happened to the shard")
        func contents() async throws {
            try await Self.withEvents(
                sandbox: { $0.heartbeatInterval = .milliseconds(200) },
                client: { try $0.setEventKinds(.all) }, isStrict: false
            ) { rig in
                let json = #"{"id":"81384788765712384","n":-1.5,"b":true,"s":"a\n\u00e9","list":[{"x":1}]}"#
                var seen: Set<EventKind> = []
                var kept: [Event] = []
                var latency: Duration?
                for await (shard, event) in rig.cluster.events {
                    seen.insert(event.kind)
                    #expect(shard == rig.cluster.shard(0))
                    switch event.details {
                    case .state(.active, let wait):
                        #expect(wait == .zero)
                        await rig.sandbox.emit(name: "SANDBOX_THING", json: json)
                    case .latency(let time): latency = time
                    case .dispatch(let type) where event.name == "SANDBOX_THING":
                        #expect(type == nil)
                        kept.append(event)
                        kept.append(event.detached())
                    case .dispatch(.ready?):
                        #expect(event.sequence == 1)
                        #expect(event.name == "READY")
                        #expect(event.uint64("/v") == 10)
                    default: break
                    }
                    if !kept.isEmpty, latency != nil { break }
                }
                #expect(latency.map { $0 > .zero } == true)
                #expect(seen == [.state, .payload, .dispatch, .latency])
                // Kept events are whole after others have come.
                await rig.sandbox.emitBurst(count: 500)
                let loop = rig.loop()
                try await rig.until("the burst") { $0.trace().dispatches > 490 }
                for event in kept {
                    #expect(event.name == "SANDBOX_THING")
                    #expect(event.text == json)
                    #expect(event.bytes == Array(json.utf8))
                    #expect(event.byteCount == json.utf8.count)
                    #expect(event.withBytes { $0.byteCount } == json.utf8.count)
                    #expect(event.uint64("/id") == 81_384_788_765_712_384)
                    #expect(event.double("/n") == -1.5)
                    #expect(event.bool("/b") == true)
                    #expect(event.string("/s") == "a\né")
                    #expect(event.json("/list/0").map { String(decoding: $0, as: UTF8.self) } == #"{"x":1}"#)
                    #expect(event.string("/nothing") == nil)
                    #expect(event.uint64("/s") == nil)
                    #expect(event.string("no pointer") == nil)
                    #expect(event.shardID == 0)
                    #expect(event.received > 0)
                }
                try await rig.cluster.shutdown(.final)
                await loop.value
            }
        }
    }
}
