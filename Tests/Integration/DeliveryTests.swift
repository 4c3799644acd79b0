import Foundation
import GatewaySandbox
import GatewayTransport
import SwiftGateway
import Synchronization
import Testing

extension Integration {
    @Suite("Delivery")
    struct DeliveryTests {
        @Test("thousands of events arrive once and in order", arguments: DeliveryMode.allCases, Compression.allCases)
        func order(mode: DeliveryMode, compression: Compression) async throws {
            try await withRig(
                sandbox: { $0.burst = 4000 },
                client: {
                    try $0.setDelivery(mode, queueBytes: 128 * 1024)
                    try $0.setCompression(compression)
                }, keeps: { $0.type != .messageCreate }
            ) { rig in
                try await rig.until("all 4000", timeout: .seconds(30)) { $0.trace().message == 4000 }
                #expect(rig.record.trace().dispatches == 4004)
                #expect(rig.record.closes.isEmpty)
                try await rig.shutdown()
                #expect(rig.record.states().suffix(2) == [.closing, .stopped])
            }
        }

        @Test("a batch handler gets every event, in order, several at once")
        func batches() async throws {
            let recorder = Recorder()
            let largest = Atomic<Int>(0)
            try await withRig(client: {
                $0.batchHandler = { batch in
                    largest.store(max(batch.count, largest.load(ordering: .relaxed)), ordering: .relaxed)
                    for event in batch { recorder.take(event) }
                    return batch.count
                }
            }) { rig in
                try await recorder.wait("active") { $0.isActive() }
                await rig.sandbox.emitBurst(count: 5_000)
                try await recorder.wait("all of it", timeout: .seconds(30)) { $0.trace().message == 5_000 }
                #expect(recorder.record.violations == [])
                #expect(largest.load(ordering: .relaxed) > 1)
            }
        }

        @Test("a handler that blocks: reading pauses, the queue stays bounded, heartbeats go on, nothing is lost")
        func backpressure() async throws {
            let gate = Gate()
            let recorder = Recorder(keeps: { $0.type != .messageCreate })
            try await withRig(
                sandbox: {
                    $0.heartbeatInterval = .milliseconds(500)
                    // Heartbeats are counted: a sandbox busy with the burst may take long to see one.
                    $0.heartbeatTolerance = 0
                },
                client: {
                    try $0.setDelivery(.queued, queueBytes: 64 * 1024)
                    try $0.setCompression(.none)
                    $0.eventHandler = { event in
                        if event.type == .messageCreate { gate.pass() }
                        recorder.take(event)
                    }
                }
            ) { rig in
                try await recorder.wait("active") { $0.isActive() && $0.trace().sequence == 4 }
                let count = 15_000
                await rig.sandbox.emitBurst(count: count)
                try await gate.waitForSomeone()
                let start = await rig.journal.heartbeats.count
                try await rig.untilServer("four more heartbeats") { $0.heartbeats.count >= start + 4 }
                let info = try rig.cluster.info(shard: 0)
                #expect(info.bytesQueued <= 64 * 1024)
                #expect(info.bytesQueued >= 32 * 1024)
                #expect(info.events < 500)
                #expect(info.eventsDelivered == 4)
                #expect(info.zombies == 0)
                // The sandbox is held back by TCP, so it has most of the burst still to make.
                let session = try #require(await rig.sandbox.session(shard: 0))
                #expect(session.isConnected)
                #expect(session.pending > 0)
                gate.open()
                try await recorder.wait("all of it", timeout: .seconds(30)) { $0.trace().message == UInt64(count) }
                #expect(recorder.record.violations == [])
                #expect(recorder.record.closes.isEmpty)
                let after = await rig.journal.heartbeats.count
                try await rig.untilServer("heartbeats after that") { $0.heartbeats.count >= after + 2 }
                #expect(try rig.cluster.info(shard: 0).zombies == 0)
            }
        }

        @Test("a blocked handler and a lost connection: the session is resumed from what was received")
        func backpressureAndDrop() async throws {
            let gate = Gate()
            let recorder = Recorder(keeps: { $0.type != .messageCreate })
            try await withRig(client: {
                try $0.setDelivery(.queued, queueBytes: 64 * 1024)
                try $0.setCompression(.none)
                $0.eventHandler = { event in
                    if event.type == .messageCreate { gate.pass() }
                    recorder.take(event)
                }
            }) { rig in
                try await recorder.wait("active") { $0.isActive() && $0.trace().sequence == 4 }
                await rig.sandbox.emitBurst(count: 3000)
                try await gate.waitForSomeone()
                await rig.sandbox.inject(.drop())
                gate.open()
                try await recorder.wait("all of it", timeout: .seconds(20)) { $0.trace().message == 3000 }
                try await recorder.wait("resumed") { $0.trace().resumes == 1 }
                #expect(recorder.record.violations == [])
                #expect(await rig.journal.identifies.count == 1)
            }
        }

        @Test("only the named dispatches are delivered; the others' sequences count all the same")
        func filter() async throws {
            try await withRig(
                sandbox: { $0.mix = .realistic },
                client: { try $0.setEventFilter(["MESSAGE_CREATE", "SANDBOX_WANTED"]) }, isStrict: false
            ) { rig in
                try await rig.until("active") { $0.isActive() }
                await rig.sandbox.emit(name: "SANDBOX_UNWANTED", json: "{}")
                await rig.sandbox.emitBurst(count: 100)
                let last = await rig.sandbox.emit(name: "SANDBOX_WANTED", json: "{}")
                let unseen = await rig.sandbox.emit(name: "SANDBOX_UNWANTED", json: "{}")
                try await rig.until("it") { $0.has("SANDBOX_WANTED") }
                let names = Set(rig.record.events.filter { $0.kind == .dispatch }.map(\.name))
                #expect(names == ["MESSAGE_CREATE", "SANDBOX_WANTED"])
                #expect(rig.record.dispatches("SANDBOX_WANTED").map(\.sequence) == [last])
                try await eventually("the filtered one counts as delivered") {
                    try rig.cluster.info(shard: 0).sequenceDelivered == unseen
                }
                await rig.sandbox.inject(.drop())
                try await rig.untilServer("the resume") { $0.resumes.map(\.sequence) == [Int64(unseen ?? 0)] }
                #expect(try rig.cluster.info(shard: 0).events > 100)
            }
        }

        @Test("only the wanted kinds are delivered")
        func kinds() async throws {
            try await withRig(client: { try $0.setEventKinds([.closed, .payload]) }, isStrict: false) { rig in
                try await rig.until("payloads") { $0.events.count { $0.kind == .payload } >= 5 }
                let payloads = rig.record.events.filter { $0.kind == .payload }.map(\.text)
                // HELLO, READY, three guilds, whole.
                #expect(payloads[0].contains(#""op":10"#) && payloads[0].contains("heartbeat_interval"))
                #expect(payloads[1].hasPrefix(#"{"t":"READY","s":1,"op":0,"d":{"#))
                #expect(payloads[1].hasSuffix("}}"))
                await rig.sandbox.inject(.drop())
                try await rig.until("the close") { !$0.closes.isEmpty }
                #expect(Set(rig.record.events.map(\.kind)) == [.closed, .payload])
                #expect(throws: GatewayError.self) {
                    var configuration = try Configuration(token: "t", intents: [])
                    try configuration.setEventKinds(EventKinds(rawValue: 1 << 6))
                }
            }
        }

        @Test(
            "inside the handler what would wait for it is refused; everything else works",
            arguments: DeliveryMode.allCases)
        func insideHandler(mode: DeliveryMode) async throws {
            final class Box: Sendable {
                let cluster = Lock<Cluster?>(nil)
                let results = Lock<[String]>([])
            }
            let box = Box()
            let recorder = Recorder()
            let gate = Gate()
            try await withRig(
                client: {
                    try $0.setDelivery(mode, queueBytes: 0)
                    $0.eventHandler = { event in
                        if event.type == .ready {
                            gate.pass()
                            if let cluster = box.cluster.withLock({ $0 }) {
                                let calls: [(String, () throws -> Void)] = [
                                    ("shutdown", { try cluster.shutdown(resumable: true, timeout: 1) }),
                                    ("wait", { try cluster.wait(timeout: 1) }),
                                    ("waitReady", { try cluster.waitReady(timeout: 1) }),
                                    ("info", { _ = try cluster.info(shard: 0) }),
                                    ("metrics", { _ = try cluster.metrics() }),
                                    ("send", { try cluster.send(CommandTests.numbered(1), shard: 0) }),
                                ]
                                for (name, call) in calls {
                                    do {
                                        try call()
                                        box.results.withLock { $0.append("\(name) ok") }
                                    } catch {
                                        let status = (error as? GatewayError)?.status ?? .internalError
                                        box.results.withLock { $0.append("\(name) \(status)") }
                                    }
                                }
                            }
                        }
                        recorder.take(event)
                    }
                }
            ) { rig in
                box.cluster.withLock { $0 = rig.cluster }
                gate.open()
                try await recorder.wait("READY handled") { $0.has("READY") }
                #expect(
                    box.results.withLock { $0 } == [
                        "shutdown wouldDeadlock", "wait wouldDeadlock", "waitReady wouldDeadlock", "info ok",
                        "metrics ok", "send ok",
                    ])
                try await rig.untilServer("the command") { CommandTests.commands($0).count == 1 }
                box.cluster.withLock { $0 = nil }
            }
        }

        @Test("events of several shards arrive in order per shard, on several I/O threads")
        func threads() async throws {
            try await withRig(
                sandbox: { $0.burst = 800 },
                client: {
                    try $0.setShards(.range(first: 0, count: 6, total: 6))
                    try $0.setMaxConcurrency(6)
                    try $0.setIOThreads(3)
                }, keeps: { $0.type != .messageCreate }
            ) { rig in
                try await rig.until("all of all", timeout: .seconds(30)) { record in
                    (0..<6).allSatisfy { record.trace($0).message == 800 }
                }
            }
        }
    }
}
