import GatewaySandbox
import GatewayTransport
import SwiftGateway
import Testing

extension Integration {
    /// Shards that come and go while others run, and that move from one process to another; here another cluster stands
    /// for the other process.
    @Suite("Moving shards")
    struct ShardMoveTests {
        /// A second cluster of the same bot that runs shard 2 of 3.
        private static func withOther(
            _ rig: Rig, _ configure: (inout Configuration) throws -> Void = { _ in }, _ body: (Rig) async throws -> Void
        ) async throws {
            var configuration = try Rig.configuration(for: rig.sandbox)
            try configuration.setShards(.range(first: 2, count: 1, total: 3))
            let recorder = Recorder()
            configuration.eventHandler = { recorder.take($0) }
            try configure(&configuration)
            let other = Rig(sandbox: rig.sandbox, cluster: try Cluster(configuration), recorder: recorder)
            try other.cluster.start()
            do {
                try await other.until("the other cluster") { $0.isActive(2) }
                try await body(other)
            } catch {
                try? await other.shutdown(seconds: 3)
                throw error
            }
            try await other.shutdown()
            #expect(recorder.record.violations == [])
        }

        private static func text(_ json: [UInt8]) -> String { String(decoding: json, as: UTF8.self) }

        @Test("one at a time, under load: no IDENTIFY, nothing lost, nothing twice", arguments: DeliveryMode.allCases)
        func moves(mode: DeliveryMode) async throws {
            try await withRig(
                client: {
                    try $0.setShards(.range(first: 0, count: 2, total: 3))
                    try $0.setDelivery(mode, queueBytes: 0)
                }, keeps: { $0.type != .messageCreate }
            ) { rig in
                try await rig.until("both") { $0.isActive(0) && $0.isActive(1) }
                try await Self.withOther(rig, { try $0.setDelivery(mode, queueBytes: 0) }) { other in
                    await rig.sandbox.setEventsPerSecond(300)
                    for shard in [0, 1] as [UInt32] {
                        try await rig.until("some of shard \(shard)") { $0.trace(shard).message >= 50 }
                        try rig.cluster.removeShard(shard, resumable: true)
                        let cluster = rig.cluster
                        let session = try await Rig.blocking {
                            try cluster.exportShard(shard, timeout: 20 * Rig.second)
                        }
                        // All of it was delivered before, and nothing comes after.
                        let trace = rig.record.trace(shard)
                        #expect(rig.record.state(shard) == .stopped)
                        #expect(Self.text(session).contains("\"sequence\":\(trace.sequence)}"))
                        other.recorder.expect(
                            shard: shard, from: ShardTrace(sequence: trace.sequence, message: trace.message))
                        try other.cluster.addShard(shard, session: session)
                        try await other.until("shard \(shard) goes on") {
                            $0.trace(shard).resumes == 1 && $0.isActive(shard)
                                && $0.trace(shard).message >= trace.message + 20
                        }
                        // Asked again it says the same.
                        #expect(try cluster.exportShard(shard, timeout: 0) == session)
                    }
                    await rig.sandbox.setEventsPerSecond(0)
                    #expect(try rig.cluster.shardIDs() == [])
                    #expect(try other.cluster.shardIDs() == [0, 1, 2])
                    #expect(await rig.journal.identifies.count == 3)
                    #expect(await rig.journal.count { if case .invalidSession = $0 { true } else { false } } == 0)
                }
            }
        }

        @Test("the export waits for the handler, in time or not, and never inside one")
        func waits() async throws {
            let gate = Gate()
            let recorder = Recorder()
            let cluster = Lock<Cluster?>(nil)
            let inside = Lock<Status?>(nil)
            try await withRig(client: {
                try $0.setShards(.range(first: 0, count: 1, total: 1))
                $0.eventHandler = { event in
                    if event.type == .messageCreate { gate.pass() }
                    if event.kind == .state, event.state == .closing {
                        let status = #expect(throws: GatewayError.self) {
                            try cluster.withLock { $0 }?.exportShard(0, timeout: nil)
                        }?.status
                        inside.withLock { $0 = status }
                    }
                    recorder.take(event)
                }
            }) { rig in
                cluster.withLock { $0 = rig.cluster }
                try await recorder.wait("active") { $0.isActive() && $0.trace().sequence == 4 }
                await rig.sandbox.emitBurst(count: 40)
                try await eventually("all received") { try rig.cluster.info(shard: 0).events == 44 }
                try await gate.waitForSomeone()
                // While it runs: what is delivered, at once.
                #expect(Self.text(try rig.cluster.exportShard(0, timeout: 0)).contains(#""sequence":4}"#))
                try rig.cluster.removeShard(0, resumable: true)
                #expect {
                    _ = try rig.cluster.exportShard(0, timeout: 20_000_000)
                } throws: {
                    ($0 as? GatewayError)?.status == .timeout
                }
                gate.open()
                let session = try await Rig.blocking { [cluster = rig.cluster] in
                    try cluster.exportShard(0, timeout: 20 * Rig.second)
                }
                #expect(Self.text(session).contains(#""sequence":44}"#))
                #expect(recorder.record.trace().message == 40 && recorder.record.state() == .stopped)
                #expect(inside.withLock { $0 } == .wouldDeadlock)
                cluster.withLock { $0 = nil }
            }
        }

        @Test("what cannot be moved is refused with a sentence")
        func refusals() async throws {
            try await withRig(client: { try $0.setShards(.range(first: 0, count: 1, total: 3)) }) { rig in
                try await rig.until("active") { $0.isActive() }
                let session = try rig.cluster.exportShard(0, timeout: 0)
                func refuses(_ status: Status, _ part: String, _ body: () throws -> Void) {
                    #expect {
                        try body()
                    } throws: {
                        let error = $0 as? GatewayError
                        return error?.status == status && error?.message.contains(part) == true
                    }
                }
                refuses(.invalidState, "shard 0") { try rig.cluster.addShard(0, session: session) }
                refuses(.file, "no session of shard 1") { try rig.cluster.addShard(1, session: session) }
                refuses(.file, "cannot be used") { try rig.cluster.addShard(1, session: Array("{}".utf8)) }
                let other = Self.text(session).replacing("\"total\":3", with: "\"total\":4")
                refuses(.file, "4 shards") { try rig.cluster.addShard(0, session: Array(other.utf8)) }
                refuses(.notFound, "shard 2") { _ = try rig.cluster.exportShard(2, timeout: 0) }
                // A final end leaves no session.
                try rig.cluster.removeShard(0, resumable: false)
                try await rig.until("stopped") { $0.state() == .stopped }
                await #expect {
                    _ = try await Rig.blocking { [cluster = rig.cluster] in
                        try cluster.exportShard(0, timeout: 20 * Rig.second)
                    }
                } throws: {
                    ($0 as? GatewayError)?.status == .notFound
                }
            }
        }

        @Test("the same shard taken out and put in again, again and again, while it is still closing")
        func again() async throws {
            try await withRig(
                client: {
                    try $0.setShards(.range(first: 0, count: 2, total: 2))
                    try $0.setMaxConcurrency(2)
                }, isStrict: false
            ) { rig in
                try await rig.until("both") { $0.isActive(0) && $0.isActive(1) }
                await rig.sandbox.setEventsPerSecond(500)
                for round in 0..<25 {
                    try rig.cluster.removeShard(0, resumable: round % 2 == 0)
                    try rig.cluster.addShard(0)
                    #expect(try rig.cluster.shardIDs() == [0, 1])
                }
                try await Rig.blocking { [cluster = rig.cluster] in try cluster.waitReady(timeout: 20 * Rig.second) }
                #expect(try rig.cluster.info(shard: 0).state == .active)
                let messages = rig.record.trace(0).message
                try await rig.until("it goes on") { $0.trace(0).message != messages && $0.isActive(0) }
                try await rig.shutdown()
                // All of them ended: none is left behind with a connection.
                try await rig.untilServer("the end of all") { journal in
                    journal.count { $0 == .accepted } == journal.count { $0 == .disconnected }
                }
            }
        }

        @Test("waitReady waits for those that are there now")
        func ready() async throws {
            let queue = LocalIdentifyQueue(maxConcurrency: 1, intervalMilliseconds: 3_600_000)
            try await withRig(client: {
                try $0.setShards(.range(first: 0, count: 2, total: 2))
                $0.setIdentifyQueue(queue)
            }) { rig in
                // One of them is active, the other one waits an hour.
                try await rig.until("one of them") { $0.isActive(0) != $0.isActive(1) }
                let first: UInt32 = rig.record.isActive(0) ? 0 : 1
                try rig.cluster.removeShard(first, resumable: true)
                await #expect {
                    try await Rig.blocking { [cluster = rig.cluster] in try cluster.waitReady(timeout: 50_000_000) }
                } throws: {
                    ($0 as? GatewayError)?.status == .timeout
                }
                try rig.cluster.removeShard(1 - first, resumable: true)
                try await Rig.blocking { [cluster = rig.cluster] in try cluster.waitReady(timeout: 15 * Rig.second) }
            }
        }
    }
}
