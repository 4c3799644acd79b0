import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// Every close code's reaction (`gateway.md` §10).
    @Suite("Close codes")
    struct CloseTests {
        @Test(
            "the session is resumed after",
            arguments: [4000, 4001, 4002, 4005, 4006, 4008, 4999, 1000, 1001, 1011, 1012, nil] as [Int?])
        func resumes(code: Int?) async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                #expect(await rig.sandbox.inject(.close(code: code, reason: "so be it")) == 1)
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                try await rig.exchange()
                let close = try #require(rig.record.closes.first)
                #expect(close.code == UInt32(code ?? 1005))
                #expect(close.text == (code == nil ? "" : "so be it"))
                #expect(close.state == .backoff)
                let journal = await rig.journal
                #expect(journal.identifies.count == 1)
                #expect(journal.resumes.map(\.sequence) == [9])
                // At the address that READY named (`gateway.md` §3), never at the main one.
                let resume = journal.entries.first { if case .resume = $0.event { true } else { false } }
                #expect(resume?.endpoint == .resume)
                #expect(rig.record.trace().readies == 1)
            }
        }

        @Test("the session is dropped and a new one begins after", arguments: [4003, 4007, 4009])
        func identifies(code: Int) async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.close(code: code))
                try await rig.until("a second session") { $0.trace().readies == 2 && $0.isActive() }
                try await rig.exchange()
                let journal = await rig.journal
                #expect(journal.identifies.count == 2)
                #expect(journal.resumes.isEmpty)
                let last = journal.entries.last { if case .identify = $0.event { true } else { false } }
                #expect(last?.endpoint == .main)
                #expect(rig.record.closes.first?.code == UInt32(code))
            }
        }

        @Test("the shard stays stopped after", arguments: [4004, 4010, 4011, 4012, 4013, 4014])
        func fatal(code: Int) async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.close(code: code, reason: "no more"))
                try await rig.until("fatal") { $0.state() == .fatal }
                await #expect {
                    try await Rig.blocking { [cluster = rig.cluster] in try cluster.wait(timeout: 5 * Rig.second) }
                } throws: {
                    guard let error = $0 as? GatewayError else { return false }
                    return error.status == .gatewayClosed && error.message.contains("\(code)")
                        && error.message.contains("no more")
                }
                #expect(rig.record.closes.map(\.code) == [UInt32(code)])
                #expect(rig.record.closes.first?.state == .fatal)
                #expect(rig.record.errors.map(\.status) == [.gatewayClosed])
                #expect(throws: GatewayError.self) {
                    try rig.cluster.send(try .raw(Array(#"{"op":3,"d":{}}"#.utf8)), shard: 0)
                }
                // A fatal shard can be started again by its owner.
                try await rig.shutdown()
                try rig.cluster.start()
                try await rig.until("active again") { $0.trace().readies == 2 && $0.isActive() }
                #expect(await rig.journal.identifies.count == 2)
            }
        }

        @Test("a wrong token is fatal by the gateway's 4004; the token appears in no text")
        func wrongToken() async throws {
            try await withRig(sandbox: { $0.token = "another-token" }, starts: false) { rig in
                var configuration = try Configuration(token: "secret-token", intents: Rig.intents)
                try configuration.setGatewayURL(rig.sandbox.gatewayURL)
                try configuration.setCAFile(rig.sandbox.caFile)
                try configuration.setShards(.range(first: 0, count: 1, total: 1))
                let recorder = Recorder()
                configuration.eventHandler = { recorder.take($0) }
                configuration.logLevel = .trace
                configuration.logHandler = { recorder.log($0, $1, $2) }
                let cluster = try Cluster(configuration)
                try cluster.start()
                try await recorder.wait("fatal") { $0.state() == .fatal }
                try await Rig.blocking { try cluster.shutdown(resumable: false, timeout: 5 * Rig.second) }
                let record = recorder.record
                #expect(record.closes.map(\.code) == [4004])
                #expect(!(record.log + record.events.map(\.text)).contains { $0.contains("secret-token") })
                #expect(!"\(configuration)".contains("secret"))
            }
        }

        @Test("4004 stops the shards that wait for their turn to identify")
        func stopsOthers() async throws {
            try await withRig(
                client: {
                    try $0.setShards(.range(first: 0, count: 3, total: 3))
                    $0.setIdentifyInterval(milliseconds: 2_000)
                }, faults: [FaultOrder(.close(code: 4004, reason: "who?"), at: .identify)]
            ) { rig in
                try await rig.until("all three stopped") { record in
                    (0..<3).allSatisfy { record.state($0) == .fatal }
                }
                #expect(await rig.journal.identifies.count == 1)
                #expect(rig.record.errors(.gatewayClosed).count == 3)
            }
        }

        @Test("shards with a session of their own live on when another one meets 4004")
        func sparesSessions() async throws {
            try await withRig(
                sandbox: { $0.maxConcurrency = 3 },
                client: {
                    try $0.setShards(.range(first: 0, count: 3, total: 3))
                    try $0.setMaxConcurrency(3)
                }
            ) { rig in
                try await rig.until("all three") { record in (0..<3).allSatisfy { record.isActive($0) } }
                await rig.sandbox.inject(.close(code: 4004), shard: 1)
                try await rig.until("shard 1 stopped") { $0.state(1) == .fatal }
                await rig.sandbox.emitBurst(shard: 0, count: 5)
                await rig.sandbox.emitBurst(shard: 2, count: 5)
                try await rig.until("the others' messages") { $0.trace(0).message == 5 && $0.trace(2).message == 5 }
            }
        }
    }
}
