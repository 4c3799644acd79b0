import Foundation
import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// Sessions that survive the process; here another cluster stands for the next process.
    @Suite("Session file")
    struct SessionFileTests {
        /// A second cluster with the same settings and a recorder of its own, which goes on where the first one's ended.
        static func next(
            _ rig: Rig, file: TemporaryFile, shards: UInt32 = 1, token: String? = nil, continuing: Bool = true
        ) throws -> Rig {
            var configuration = try Rig.configuration(for: rig.sandbox)
            if let token {
                configuration = try Configuration(token: token, intents: Rig.intents)
                try configuration.setGatewayURL(rig.sandbox.gatewayURL)
                try configuration.setCAFile(rig.sandbox.caFile)
            }
            try configuration.setShards(.range(first: 0, count: shards, total: shards))
            try configuration.setMaxConcurrency(shards)
            try configuration.setSessionFile(file.path)
            let recorder = Recorder()
            if continuing {
                for (shard, trace) in rig.record.traces {
                    recorder.expect(shard: shard, from: ShardTrace(sequence: trace.sequence, message: trace.message))
                }
            }
            configuration.eventHandler = { recorder.take($0) }
            configuration.logHandler = { recorder.log($0, $1, $2) }
            return Rig(sandbox: rig.sandbox, cluster: try Cluster(configuration), recorder: recorder)
        }

        /// Starts it, runs `body`, ends it, and checks its record.
        static func run(_ rig: Rig, _ body: (Rig) async throws -> Void) async throws {
            try rig.cluster.start()
            do {
                try await body(rig)
            } catch {
                try? await rig.shutdown(seconds: 3)
                throw error
            }
            try await rig.shutdown(resumable: true)
            #expect(rig.record.violations == [])
        }

        @Test("after a resumable shutdown the next cluster resumes: no IDENTIFY, nothing lost")
        func resumes() async throws {
            try await TemporaryFile.with { file in
                try await withRig(client: { try $0.setSessionFile(file.path) }) { rig in
                    try await rig.untilActive()
                    try await rig.exchange(10)
                    try await rig.shutdown(resumable: true)
                    let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
                    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
                    #expect(!file.text.contains(rig.sandbox.token))
                    #expect(file.text.contains(#""sequence":14"#))
                    await rig.sandbox.emitBurst(count: 30)
                    let second = try Self.next(rig, file: file)
                    try await Self.run(second) { second in
                        try await second.until("resumed, nothing lost") {
                            $0.trace().resumes == 1 && $0.trace().message == 40 && $0.isActive()
                        }
                        #expect(second.record.states().prefix(4) == [.connecting, .awaitingHello, .resuming, .active])
                    }
                    // And a third time.
                    await rig.sandbox.emitBurst(count: 5)
                    try await Self.run(Self.next(second, file: file)) { third in
                        try await third.until("resumed") { $0.trace().message == 45 && $0.isActive() }
                    }
                    #expect(await rig.journal.identifies.count == 1)
                }
            }
        }

        @Test("after a final shutdown the next cluster identifies")
        func final() async throws {
            try await TemporaryFile.with { file in
                try await withRig(client: { try $0.setSessionFile(file.path) }) { rig in
                    try await rig.untilActive()
                    try await rig.shutdown(resumable: false)
                    #expect(!file.text.contains("session_id"))
                    try await Self.run(Self.next(rig, file: file, continuing: false)) { second in
                        try await second.untilActive()
                        #expect(second.record.trace().readies == 1)
                        #expect(second.record.errors.isEmpty)
                    }
                    #expect(await rig.journal.resumes.isEmpty)
                }
            }
        }

        @Test("the file follows while running, by what was delivered, not by what was received")
        func delivered() async throws {
            let gate = Gate(isOpen: true)
            try await TemporaryFile.with { file in
                let recorder = Recorder()
                try await withRig(client: {
                    try $0.setSessionFile(file.path)
                    $0.eventHandler = { event in
                        if event.type == .messageCreate { gate.pass() }
                        recorder.take(event)
                    }
                }) { rig in
                    try await recorder.wait("active") { $0.trace().sequence == 4 }
                    await rig.sandbox.emitBurst(count: 6)
                    try await eventually("the file at 10") { file.text.contains(#""sequence":10"#) }
                    gate.close()
                    await rig.sandbox.emitBurst(count: 50)
                    try await eventually("all received") { try rig.cluster.info(shard: 0).events == 60 }
                    try await gate.waitForSomeone()
                    #expect(
                        try String(decoding: rig.cluster.exportSessions(), as: UTF8.self).contains(#""sequence":10"#))
                    #expect(file.text.contains(#""sequence":10"#))
                    gate.open()
                    try await eventually("the file at 60") { file.text.contains(#""sequence":60"#) }
                }
            }
        }

        @Test("a copy of the file at a random moment: the next cluster goes on there, and the replay fills the gap")
        func snapshot() async throws {
            try await TemporaryFile.with { file in
                try await withRig(
                    client: { try $0.setSessionFile(file.path) }, keeps: { $0.type != .messageCreate }
                ) { rig in
                    try await rig.untilActive()
                    await rig.sandbox.setEventsPerSecond(500)
                    try await rig.until("some") { $0.trace().message >= UInt64.random(in: 150...450) }
                    try await eventually("a session in the file") { file.text.contains("session_id") }
                    let copy = file.text
                    let digits = copy.components(separatedBy: "\"sequence\":").last?.prefix { $0.isNumber }
                    let stored = try #require(digits.flatMap { UInt64($0) })
                    // The first process is as good as dead: its connection goes, and it does not come back.
                    await rig.sandbox.inject(.refuse)
                    await rig.sandbox.inject(.drop())
                    try await rig.until("away") { !$0.errors(.network).isEmpty }
                    try await rig.shutdown(resumable: true)
                    await rig.sandbox.clearFaults()
                    try file.write(copy)
                    let second = try Self.next(rig, file: file, continuing: false)
                    let behind = rig.record.trace().sequence - stored
                    second.recorder.expect(
                        shard: 0, from: ShardTrace(sequence: stored, message: rig.record.trace().message - behind))
                    try await Self.run(second) { second in
                        try await second.until("more than the first had") {
                            $0.trace().resumes == 1 && $0.trace().message > rig.record.trace().message + 100
                        }
                        await rig.sandbox.setEventsPerSecond(0)
                    }
                    #expect(await rig.journal.identifies.count == 1)
                }
            }
        }

        static let spoiled = [
            "", "{", "not JSON at all", #"{"version":1}"#, #"{"version":2,"bot":"x","total":1,"sessions":[]}"#,
            #"{"version":1,"bot":"0123456789abcdef","total":1,"sessions":[]}"#, "[]", "null", "\u{0}\u{1}\u{2}",
        ]

        @Test("a file that cannot be used is told, and a fresh session begins and replaces it", arguments: spoiled)
        func unusable(text: String) async throws {
            try await TemporaryFile.with { file in
                try file.write(text)
                try await withRig(client: { try $0.setSessionFile(file.path) }) { rig in
                    try await rig.untilActive()
                    #expect(rig.record.errors.map(\.status) == [.file])
                    #expect(rig.record.errors.first?.text.contains(file.path) == true)
                    #expect(rig.record.errors.first?.state != .fatal)
                    #expect(rig.record.trace().readies == 1)
                    try await rig.shutdown(resumable: true)
                    #expect(file.text.contains(#""version":1"#) && file.text.contains("session_id"))
                }
            }
        }

        @Test("a file cut short anywhere, or of another bot, or of another shard count, begins a fresh session")
        func foreign() async throws {
            try await TemporaryFile.with { file in
                try await withRig(client: { try $0.setSessionFile(file.path) }) { rig in
                    try await rig.untilActive()
                    try await rig.shutdown(resumable: true)
                    let good = file.text
                    try file.write(String(good.dropLast(9)))
                    try await Self.run(Self.next(rig, file: file, continuing: false)) { second in
                        try await second.until("a fresh session") { $0.trace().readies == 1 }
                        #expect(second.record.errors.map(\.status) == [.file])
                    }
                    try file.write(good)
                    try await Self.run(Self.next(rig, file: file, shards: 2, continuing: false)) { second in
                        try await second.until("two fresh sessions") {
                            $0.trace(0).readies == 1 && $0.trace(1).readies == 1
                        }
                        #expect(second.record.errors.map(\.status) == [.file])
                        #expect(second.record.errors.first?.text.contains("1 shards") == true)
                    }
                    try file.write(good)
                    let other = try Self.next(rig, file: file, token: "another-token", continuing: false)
                    try other.cluster.start()
                    try await other.until("the refusal") { $0.state() == .fatal }
                    try await other.shutdown()
                    #expect(other.record.errors.map(\.status) == [.file, .unauthorized])
                    #expect(other.record.errors.first?.text.contains("another bot") == true)
                }
            }
        }

        @Test("a session the gateway has forgotten is replaced by a new one")
        func forgotten() async throws {
            try await TemporaryFile.with { file in
                try await withRig(
                    sandbox: { $0.sessionLifetime = .milliseconds(1) }, client: { try $0.setSessionFile(file.path) }
                ) { rig in
                    try await rig.untilActive()
                    try await rig.shutdown(resumable: true)
                    try await rig.untilServer("the end of the session") {
                        $0.count { if case .sessionEnded = $0 { true } else { false } } == 1
                    }
                    try await Self.run(Self.next(rig, file: file, continuing: false)) { second in
                        try await second.until("a fresh session") { $0.trace().readies == 1 && $0.isActive() }
                        #expect(second.record.errors.isEmpty)
                    }
                    #expect(await rig.journal.resumes.count == 1)
                }
            }
        }

        @Test("a path that cannot be written is told once, and the shard lives on")
        func unwritable() async throws {
            try await withRig(client: { try $0.setSessionFile("/proc/no/such/sessions.json") }) { rig in
                try await rig.untilActive()
                try await rig.until("the error") { !$0.errors(.file).isEmpty }
                try await rig.exchange()
                try await rig.shutdown(resumable: true)
                #expect(rig.record.errors.map(\.status) == [.file])
            }
        }

        @Test("sessions can be carried as text instead of in a file")
        func exported() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                try await rig.shutdown(resumable: true)
                let text = try rig.cluster.exportSessions()
                await rig.sandbox.emitBurst(count: 5)
                var configuration = try Rig.configuration(for: rig.sandbox)
                try configuration.importSessions(text)
                let recorder = Recorder()
                let trace = rig.record.trace()
                recorder.expect(shard: 0, from: ShardTrace(sequence: trace.sequence, message: trace.message))
                configuration.eventHandler = { recorder.take($0) }
                let next = Rig(sandbox: rig.sandbox, cluster: try Cluster(configuration), recorder: recorder)
                try await Self.run(next) { next in
                    try await next.until("resumed") { $0.trace().resumes == 1 && $0.trace().message == 10 }
                }
                #expect(await rig.journal.identifies.count == 1)
                var other = try Configuration(token: "other", intents: [])
                #expect(throws: GatewayError.self) { try other.importSessions(text) }
                #expect(throws: GatewayError.self) { try other.importSessions(Array("{}".utf8)) }
            }
        }
    }
}
