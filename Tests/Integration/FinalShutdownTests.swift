import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// A final shutdown forgets every session, also where the gateway cannot be told (`gateway.md` §11).
    @Suite("Final shutdown")
    struct FinalShutdownTests {
        static func exported(_ rig: Rig) throws -> String {
            String(decoding: try rig.cluster.exportSessions(), as: UTF8.self)
        }

        /// The next process finds nothing to resume.
        static func expectFreshStart(_ rig: Rig, _ file: TemporaryFile) async throws {
            #expect(!file.text.contains("session_id") && file.text.contains("\"version\":1"))
            #expect(!(try exported(rig)).contains("session_id"))
            let resumes = await rig.journal.resumes.count
            let next = try SessionFileTests.next(rig, file: file, continuing: false)
            try await SessionFileTests.run(next) { next in
                try await next.untilActive()
                #expect(next.record.trace().readies == 1)
                #expect(next.record.errors.isEmpty)
            }
            #expect(await rig.journal.resumes.count == resumes)
        }

        @Test("during a backoff: nothing can be said, and nothing is kept")
        func backoff() async throws {
            try await TemporaryFile.with { file in
                try await withRig(client: {
                    try $0.setSessionFile(file.path)
                    try $0.setBackoff(firstMilliseconds: 3_600_000, limitMilliseconds: 3_600_000)
                }) { rig in
                    try await rig.untilActive()
                    try await eventually("the session in the file") { file.text.contains("session_id") }
                    await rig.sandbox.inject(.refuse)
                    await rig.sandbox.inject(.drop())
                    // The first wait is short, the second one is up to an hour.
                    try await rig.until("a failed attempt") { $0.state() == .backoff && !$0.errors(.network).isEmpty }
                    try await rig.shutdown(resumable: false)
                    #expect(await rig.journal.clientCloseCodes.isEmpty)
                    await rig.sandbox.clearFaults()
                    try await Self.expectFreshStart(rig, file)
                }
            }
        }

        @Test("while a close with 4000 is under way: there is no second close, and nothing is kept")
        func closing() async throws {
            try await TemporaryFile.with { file in
                try await withRig(client: {
                    try $0.setSessionFile(file.path)
                    $0.session.closeTimeout = Rig.second / 2
                }) { rig in
                    try await rig.untilActive()
                    try await eventually("the session in the file") { file.text.contains("session_id") }
                    await rig.sandbox.inject(.stopReading)
                    await rig.sandbox.inject(.reconnect)
                    try await rig.until("closing") { $0.state() == .closing }
                    try await rig.shutdown(resumable: false)
                    #expect(rig.record.closes.map(\.code) == [4000])
                    #expect(rig.record.closes.map(\.state) == [.stopped])
                    try await Self.expectFreshStart(rig, file)
                }
            }
        }

        /// A cluster that asks an API which answers nothing useful, with a session of an earlier run in its file.
        private static func withUnansweredQuestion(_ body: (Rig, TemporaryFile) async throws -> Void) async throws {
            try await TemporaryFile.with { file in
                try await withRig(client: { try $0.setSessionFile(file.path) }) { rig in
                    try await rig.untilActive()
                    try await rig.shutdown(resumable: true)
                    #expect(file.text.contains("session_id"))
                    await rig.sandbox.inject(.answerREST(HTTPAnswer(status: 503)), at: .rest)
                    var configuration = try BootstrapTests.asking(rig.sandbox)
                    try configuration.setSessionFile(file.path)
                    try configuration.importSessions(try rig.cluster.exportSessions())
                    let recorder = Recorder()
                    configuration.eventHandler = { recorder.take($0) }
                    let asking = Rig(sandbox: rig.sandbox, cluster: try Cluster(configuration), recorder: recorder)
                    try asking.cluster.start()
                    do {
                        try await asking.until("503") { !$0.errors(.http).isEmpty }
                        try await body(asking, file)
                    } catch {
                        try? await asking.shutdown(seconds: 3)
                        throw error
                    }
                }
            }
        }

        @Test("before the API has answered: the sessions of the last run are forgotten")
        func asking() async throws {
            try await Self.withUnansweredQuestion { rig, file in
                try await rig.shutdown(resumable: false)
                await rig.sandbox.clearFaults()
                try await Self.expectFreshStart(rig, file)
            }
        }

        @Test("a resumable one before the API has answered keeps the sessions of the last run")
        func askingResumable() async throws {
            try await Self.withUnansweredQuestion { rig, file in
                try await rig.shutdown(resumable: true)
                #expect(file.text.contains("session_id"))
                #expect(try Self.exported(rig).contains("session_id"))
                await rig.sandbox.clearFaults()
                try rig.cluster.start()
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                try await rig.shutdown(resumable: true)
            }
        }
    }
}
