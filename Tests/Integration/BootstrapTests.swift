import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    @Suite("GET /gateway/bot")
    struct BootstrapTests {
        /// A client that knows nothing but the API.
        static func asking(_ sandbox: Sandbox) throws -> Configuration {
            var configuration = try Configuration(token: sandbox.token, intents: Rig.intents)
            try configuration.setAPIURL(sandbox.apiURL)
            try configuration.setCAFile(sandbox.caFile)
            try configuration.setBackoff(firstMilliseconds: 10, limitMilliseconds: 100)
            configuration.setIdentifyInterval(milliseconds: 1)
            return configuration
        }

        static func withAskingRig(
            sandbox: (inout SandboxConfiguration) -> Void = { _ in }, answers: [(HTTPAnswer, times: Int)] = [],
            client: (inout Configuration) throws -> Void = { _ in }, _ body: (Rig) async throws -> Void
        ) async throws {
            let faults = answers.map { FaultOrder(.answerREST($0.0), times: $0.times) }
            try await withRig(sandbox: sandbox, faults: faults, starts: false) { rig in
                var configuration = try asking(rig.sandbox)
                let recorder = rig.recorder
                configuration.eventHandler = { recorder.take($0) }
                configuration.logHandler = { recorder.log($0, $1, $2) }
                try client(&configuration)
                let asking = Rig(sandbox: rig.sandbox, cluster: try Cluster(configuration), recorder: recorder)
                try asking.cluster.start()
                do {
                    try await body(asking)
                } catch {
                    try? await asking.shutdown(seconds: 3)
                    throw error
                }
                try await asking.shutdown()
            }
        }

        static func requests(_ journal: Journal) -> [Int] {
            journal.entries.compactMap { if case .rest(_, _, let status, _) = $0.event { status } else { nil } }
        }

        @Test("its answer says where, how many shards, and how many at a time")
        func answer() async throws {
            try await Self.withAskingRig(sandbox: {
                $0.recommendedShards = 3
                $0.maxConcurrency = 3
            }) { rig in
                try await rig.until("three shards") { record in (0..<3).allSatisfy { record.isActive($0) } }
                #expect(try rig.cluster.shardIDs() == [0, 1, 2])
                #expect(await rig.journal.identifies.allSatisfy { $0.contains(",3]") })
                let agents = await rig.journal.entries.compactMap {
                    if case .rest("GET", "/api/v10/gateway/bot", 200, let agent) = $0.event { agent } else { nil }
                }
                #expect(agents.count == 1)
                #expect(agents.first?.hasPrefix("DiscordBot (") == true)
            }
        }

        @Test("401 is fatal, and asked once")
        func unauthorized() async throws {
            let answer = HTTPAnswer(status: 401, body: #"{"message": "401: Unauthorized", "code": 0}"#)
            try await Self.withAskingRig(answers: [(answer, 5)]) { rig in
                try await rig.until("the error") { !$0.errors.isEmpty }
                let error = try #require(rig.record.errors.first)
                #expect(error.status == .unauthorized)
                #expect(error.state == .fatal)
                #expect(error.text.contains("token"))
                await #expect(throws: GatewayError.self) {
                    try await Rig.blocking { [cluster = rig.cluster] in try cluster.waitReady(timeout: Rig.second) }
                }
                await #expect {
                    try await Rig.blocking { [cluster = rig.cluster] in try cluster.wait(timeout: 5 * Rig.second) }
                } throws: {
                    ($0 as? GatewayError)?.status == .unauthorized
                }
                #expect(Self.requests(await rig.journal) == [401])
                #expect(!rig.record.errors.contains { $0.text.contains(rig.sandbox.token) })
            }
        }

        @Test("a wrong token meets the sandbox's own 401; a start with the right one works afterwards")
        func wrongToken() async throws {
            try await withRig(starts: false) { rig in
                var configuration = try Self.asking(rig.sandbox)
                let recorder = Recorder()
                configuration = try Configuration(token: "wrong", intents: Rig.intents)
                try configuration.setAPIURL(rig.sandbox.apiURL)
                try configuration.setCAFile(rig.sandbox.caFile)
                configuration.eventHandler = { recorder.take($0) }
                let cluster = try Cluster(configuration)
                try cluster.start()
                try await recorder.wait("401") { !$0.errors(.unauthorized).isEmpty }
                try await Rig.blocking { try cluster.shutdown(resumable: false, timeout: 5 * Rig.second) }
                try rig.cluster.start()
                try await rig.untilActive()
            }
        }

        /// What the API said before the gateway moved: nothing listens there.
        static func moved(from url: String) -> HTTPAnswer {
            let limit = #""session_start_limit": {"total": 9, "remaining": 9, "reset_after": 0, "max_concurrency": 1}"#
            return HTTPAnswer(status: 200, body: #"{"url": "\#(url)", "shards": 1, \#(limit)}"#)
        }

        @Test("when connecting to the URL that the API gave fails, it is asked for anew")
        func newURL() async throws {
            try await Self.withAskingRig(answers: [(Self.moved(from: "wss://127.0.0.1:9"), 1)]) { rig in
                try await rig.untilActive()
                #expect(Self.paths(await rig.journal) == ["/api/v10/gateway/bot", "/api/v10/gateway"])
                #expect(rig.record.errors.first?.status == .network)
            }
        }

        @Test("so it is when nobody answers there")
        func silentURL() async throws {
            var settings = SandboxConfiguration()
            settings.faults = [FaultOrder(.acceptThenHang, times: 100)]
            let silent = try await Sandbox.start(settings)
            try await Self.withAskingRig(
                answers: [(Self.moved(from: silent.gatewayURL), 1)],
                client: { try $0.setConnectTimeout(milliseconds: 400) }
            ) { rig in
                try await rig.untilActive()
                #expect(Self.paths(await rig.journal) == ["/api/v10/gateway/bot", "/api/v10/gateway"])
            }
            await silent.stop()
        }

        @Test("a new URL that would take the token into the clear is not used")
        func unencryptedURL() async throws {
            let old = Self.moved(from: "wss://127.0.0.1:9")
            try await Self.withAskingRig(sandbox: { $0.tls = false }, answers: [(old, 1)]) { rig in
                try await rig.until("the refusal") { $0.log.contains { $0.contains("unencrypted") } }
                try await rig.until("another try") { [count = rig.record.errors.count] in $0.errors.count > count + 1 }
                #expect(await rig.journal.identifies.isEmpty)
            }
        }

        @Test("a URL that the configuration names is not asked for")
        func namedURL() async throws {
            try await Self.withAskingRig(client: { try $0.setGatewayURL("wss://127.0.0.1:9") }) { rig in
                try await rig.until("some tries") { $0.errors(.network).count > 3 }
                #expect(!Self.paths(await rig.journal).contains("/api/v10/gateway"))
            }
        }

        @Test("the same cluster may be started again after the API refused, and after the gateway refused every shard")
        func startsAgain() async throws {
            let refusal = HTTPAnswer(status: 401, body: #"{"message": "401: Unauthorized", "code": 0}"#)
            try await Self.withAskingRig(answers: [(refusal, 1)]) { rig in
                try await rig.until("the refusal") { !$0.errors(.unauthorized).isEmpty }
                try await eventually("the failure") {
                    do {
                        try rig.cluster.waitReady(timeout: 0)
                        return false
                    } catch let error as GatewayError {
                        return error.status == .unauthorized
                    }
                }
                await rig.sandbox.inject(.close(code: 4014), at: .identify, times: 1)
                try rig.cluster.start()
                try await rig.until("fatal") { $0.state() == .fatal }
                try await eventually("the snapshot") { try rig.cluster.info(shard: 0).state == .fatal }
                try rig.cluster.start()
                try await rig.untilActive()
                try await Rig.blocking { [cluster = rig.cluster] in try cluster.waitReady(timeout: 15 * Rig.second) }
            }
        }

        @Test("403 waits long before it asks again")
        func forbidden() async throws {
            let answer = HTTPAnswer(status: 403, body: "<html>denied</html>")
            try await Self.withAskingRig(answers: [(answer, 5)]) { rig in
                try await rig.until("the error") { !$0.errors.isEmpty }
                let error = try #require(rig.record.errors.first)
                #expect(error.status == .http)
                #expect(error.state == .backoff)
                #expect(error.text.contains("403") && error.text.contains("denied"))
                try await rig.until("the log line") { record in
                    record.log.contains { $0.contains("asking again in 60000 ms") }
                }
            }
        }

        @Test(
            "429 waits as long as it says, in the header or the body",
            arguments: [
                HTTPAnswer(status: 429, headers: ["Retry-After": "1"], body: "error code: 1015"),
                HTTPAnswer(
                    status: 429, headers: ["Content-Type": "application/json"],
                    body: #"{"message": "You are being rate limited.", "retry_after": 0.6, "global": false}"#),
            ])
        func rateLimited(answer: HTTPAnswer) async throws {
            try await Self.withAskingRig(answers: [(answer, 1)]) { rig in
                try await rig.until("active") { $0.isActive() }
                #expect(rig.record.errors.map(\.status) == [.rateLimited])
                let times = await rig.journal.entries.compactMap { entry -> Duration? in
                    if case .rest = entry.event { entry.time } else { nil }
                }
                try #require(times.count == 2)
                #expect(times[1] - times[0] >= .milliseconds(answer.headers["Retry-After"] == nil ? 590 : 990))
            }
        }

        static let json = ["Content-Type": "application/json"]

        static let unusable = [
            HTTPAnswer(status: 500, body: "oops"), HTTPAnswer(status: 502), HTTPAnswer(status: 503, body: "<html>"),
            HTTPAnswer(status: 200, body: "<html>hello</html>"), HTTPAnswer(status: 200),
            HTTPAnswer(status: 200, headers: json, body: #"{"url":"wss://x.invalid","shards":0}"#),
            HTTPAnswer(status: 200, headers: json, body: "{\"url\":"),
        ]

        @Test("server errors and bodies that are no JSON are retried until there is an answer", arguments: unusable)
        func retries(answer: HTTPAnswer) async throws {
            try await Self.withAskingRig(answers: [(answer, 3)]) { rig in
                try await rig.until("active") { $0.isActive() }
                #expect(rig.record.errors.map(\.status) == [.http, .http, .http])
                #expect(rig.record.errors.allSatisfy { $0.state == .backoff })
                #expect(Self.requests(await rig.journal) == [answer.status, answer.status, answer.status, 200])
            }
        }

        @Test("redirects are refused")
        func redirect() async throws {
            let answer = HTTPAnswer(status: 302, headers: ["Location": "https://elsewhere.invalid/"])
            try await Self.withAskingRig(answers: [(answer, 5)]) { rig in
                try await rig.until("the error") { !$0.errors.isEmpty }
                #expect(rig.record.errors.first?.status == .http)
                #expect(rig.record.errors.first?.text.contains("redirects are not followed") == true)
                #expect(Self.requests(await rig.journal) == [302])
            }
        }

        static func paths(_ journal: Journal) -> [String] {
            journal.entries.compactMap { if case .rest(_, let path, _, _) = $0.event { path } else { nil } }
        }

        static let unknown = [404, 405, 501].map { HTTPAnswer(status: $0, body: "no such route") }

        @Test("an API that only knows /gateway gives its URL, where no more is needed", arguments: unknown)
        func fallback(answer: HTTPAnswer) async throws {
            // Each request uses up one of each, and gets the first: one unknown route, two times busy.
            try await Self.withAskingRig(
                answers: [(answer, 1), (HTTPAnswer(status: 503), 3)],
                client: { try $0.setShards(.range(first: 0, count: 1, total: 1)) }
            ) { rig in
                try await rig.until("active") { $0.isActive() }
                // Its own failures are retried like those of the other, and it is not given up again.
                #expect(Self.requests(await rig.journal) == [answer.status, 503, 503, 200])
                let last = ["/api/v10/gateway", "/api/v10/gateway", "/api/v10/gateway"]
                #expect(Self.paths(await rig.journal) == ["/api/v10/gateway/bot"] + last)
                #expect(rig.record.errors.map(\.status) == [.http, .http])
                #expect(rig.record.log.contains { $0.contains("identifies are left is not known") })
            }
        }

        @Test("where the number of shards is wanted too, such an API is of no use")
        func noFallback() async throws {
            try await Self.withAskingRig(answers: [(HTTPAnswer(status: 404, body: "no such route"), 5)]) { rig in
                try await rig.until("the error") { !$0.errors.isEmpty }
                #expect(rig.record.errors.first?.state == .fatal)
                #expect(rig.record.errors.first?.text.contains("no such route") == true)
                #expect(Self.requests(await rig.journal) == [404])
            }
        }

        @Test("the URL alone can be asked for, with any token")
        func url() async throws {
            try await withRig(starts: false) { rig in
                var configuration = try Configuration(token: "not-the-bots", intents: [])
                try configuration.setAPIURL(rig.sandbox.apiURL)
                try configuration.setCAFile(rig.sandbox.caFile)
                let copy = configuration
                let url = try await Rig.blocking { try Gateway.fetchURL(copy, timeout: 15 * Rig.second) }
                #expect(url == rig.sandbox.gatewayURL)
                #expect(Self.paths(await rig.journal) == ["/api/v10/gateway"])
                await rig.sandbox.inject(.answerREST(HTTPAnswer(status: 200, body: "{}")), at: .rest)
                await #expect {
                    try await Rig.blocking { try Gateway.fetchURL(copy, timeout: 15 * Rig.second) }
                } throws: {
                    ($0 as? GatewayError)?.status == .http
                }
            }
        }

        @Test("with too few identifies left the shards wait for the reset")
        func sessionLimit() async throws {
            try await Self.withAskingRig(sandbox: {
                $0.recommendedShards = 2
                $0.maxConcurrency = 2
                $0.sessionStartTotal = 2
                $0.sessionStartRemaining = 0
                $0.sessionStartPeriod = .seconds(2)
            }) { rig in
                try await rig.until("the warning") { !$0.errors(.sessionLimit).isEmpty }
                try await rig.until("both shards") { $0.isActive(0) && $0.isActive(1) }
                let times = await rig.journal.entries.compactMap { entry -> Duration? in
                    if case .identify = entry.event { entry.time } else { nil }
                }
                #expect(times.count == 2)
                #expect(times.allSatisfy { $0 >= .milliseconds(1900) })
                #expect(await rig.journal.clientCloseCodes.isEmpty)
            }
        }
    }
}
