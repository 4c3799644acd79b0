import Foundation
import Testing

@testable import GatewaySandbox

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The REST routes, the control endpoint and the executable.
@Suite("Sandbox over HTTP")
struct RESTTests {
    static func request(
        _ url: String, method: String = "GET", body: String? = nil, token: String? = nil
    ) async throws -> (status: Int, json: JSON?, text: String, headers: [AnyHashable: Any]) {
        var request = URLRequest(url: try #require(URL(string: url)))
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        if let token { request.setValue("Bot \(token)", forHTTPHeaderField: "Authorization") }
        let (data, response) = try await URLSession.shared.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        return (
            http.statusCode, try? JSON(parsing: Array(data)), String(decoding: data, as: UTF8.self),
            http.allHeaderFields
        )
    }

    @Test("/gateway is public, /gateway/bot wants the token and tells what is left")
    func gateway() async throws {
        let sandbox = try await ConnectionFaultTests.start {
            $0.recommendedShards = 4
            $0.maxConcurrency = 2
        }
        let open = try await Self.request(sandbox.apiURL + "/gateway")
        #expect(open.status == 200)
        #expect(open.json == ["url": .string(sandbox.gatewayURL)])
        let refused = try await Self.request(sandbox.apiURL + "/gateway/bot", token: "wrong")
        #expect(refused.status == 401)
        #expect(refused.json == ["message": "401: Unauthorized", "code": 0])
        _ = try await TestClient.started(sandbox)
        let bot = try await Self.request(sandbox.apiURL + "/gateway/bot", token: sandbox.token)
        #expect(bot.status == 200)
        #expect(bot.json?["url"] == .string(sandbox.gatewayURL))
        #expect(bot.json?["shards"] == 4)
        let limit = bot.json?["session_start_limit"]
        #expect(limit?["total"] == 1000)
        #expect(limit?["remaining"] == 999)
        #expect(limit?["max_concurrency"] == 2)
        #expect((limit?["reset_after"]?.integer ?? 0) > 86_000_000)
        #expect(try await Self.request(sandbox.apiURL + "/nothing").status == 404)
        let old = sandbox.apiURL.replacing("/v10", with: "/v5")
        #expect(try await Self.request(old + "/gateway").status == 400)
        #expect(try await Self.request(sandbox.apiURL + "/users/@me", token: sandbox.token).json?["bot"] == true)
        await sandbox.stop()
    }

    @Test("a User-Agent may be asked for")
    func userAgent() {
        var configuration = SandboxConfiguration()
        configuration.requiresUserAgent = true
        var state = GatewayState(configuration)
        func status(_ agent: String?) -> Int {
            let request = RESTRequest(method: "GET", uri: "/api/v10/gateway", authorization: nil, userAgent: agent)
            return HTTPRoutes.answer(request, gatewayURL: "wss://x", state: &state, now: 0).status
        }
        #expect(status("DiscordBot (https://example.org, 1)") == 200)
        #expect(status("curl/8") == 403)
        #expect(status(nil) == 403)
    }

    @Test("REST faults: any status and body, so many times")
    func faults() async throws {
        let sandbox = try await ConnectionFaultTests.start()
        let slow = HTTPAnswer(
            status: 429, headers: ["Retry-After": "2", "Content-Type": "text/html"], body: "<p>slow</p>")
        await sandbox.inject(.answerREST(slow), times: 2)
        for _ in 0..<2 {
            let answer = try await Self.request(sandbox.apiURL + "/gateway/bot", token: sandbox.token)
            #expect(answer.status == 429)
            #expect(answer.text == "<p>slow</p>")
            #expect(answer.headers["Retry-After"] as? String == "2")
        }
        #expect(try await Self.request(sandbox.apiURL + "/gateway/bot", token: sandbox.token).status == 200)
        await sandbox.stop()
    }

    @Test("when identifies run out, the token is revoked for REST as well, until it is restored")
    func revoked() async throws {
        let sandbox = try await ConnectionFaultTests.start { $0.sessionStartRemaining = 1 }
        let (first, _) = try await TestClient.started(sandbox)
        let second = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        _ = try await second.payload()
        try await second.identify(sandbox)
        #expect(await second.close()?.code == 4004)
        #expect(await first.close()?.code == 4004)
        #expect(try await Self.request(sandbox.apiURL + "/gateway/bot", token: sandbox.token).status == 401)
        await sandbox.restoreToken()
        #expect(try await Self.request(sandbox.apiURL + "/gateway/bot", token: sandbox.token).status == 200)
        await sandbox.stop()
    }

    @Test("the control endpoint: faults, events, status, journal")
    func control() async throws {
        let sandbox = try await ConnectionFaultTests.start { $0.mix = .messages }
        let control = try #require(sandbox.controlURL)
        let (client, session) = try await TestClient.started(sandbox)
        let emitted = try await Self.request(
            control + "/emit", method: "POST", body: "{\"name\":\"TEST\",\"data\":{\"a\":1}}"
        )
        #expect(emitted.json == ["sequence": 3])
        #expect(try await client.payload()["d"] == ["a": 1])
        #expect(try await Self.request(control + "/burst", method: "POST", body: "{\"count\":2}").status == 200)
        #expect(try await client.payloads { $0["s"] == 5 }.count == 2)
        let status = try await Self.request(control + "/status").json
        let shown = status?["sessions"]?.array?.first
        #expect(shown?["id"] == .string(session))
        #expect(shown?["last_sequence"] == 5)
        #expect(shown?["connected"] == true)
        let bad = try await Self.request(control + "/faults", method: "POST", body: "{\"fault\":\"x\"}")
        #expect(bad.status == 400)
        #expect(bad.json == ["error": "unknown fault \"x\""])
        let faults = "[{\"fault\":\"reconnect\"},{\"fault\":\"close\",\"code\":4001,\"shard\":0}]"
        #expect(try await Self.request(control + "/faults", method: "POST", body: faults).json == ["hit": 2])
        #expect(try await client.payload()["op"] == 7)
        #expect(await client.close()?.code == 4001)
        let journal = try await Self.request(control + "/journal?from=0").json?.array ?? []
        #expect(journal.contains { $0["event"] == "identify" && $0["shard"] == 0 })
        #expect(journal.contains { $0["event"] == "closed" && $0["by"] == "server" && $0["code"] == 4001 })
        _ = try await Self.request(control + "/faults", method: "POST", body: "{\"fault\":\"refuse\"}")
        await #expect(throws: (any Error).self) { _ = try await TestClient.connect(sandbox.gatewayURL, caFile: nil) }
        #expect(try await Self.request(control + "/faults", method: "DELETE").status == 200)
        _ = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        #expect(try await Self.request(control + "/").text.contains("POST   /faults"))
        await sandbox.stop()
    }

    @Test("the executable says where it listens, works, and ends with its parent")
    func executable() async throws {
        let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let process = Process()
        process.executableURL = products.appendingPathComponent("gateway-sandbox")
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let ca = directory.appendingPathComponent("ca.pem").path
        let ready = directory.appendingPathComponent("ready.json").path
        process.arguments = [
            "--exit-with-parent", "--ready-file", ready, "--ca-file", ca, "--token", "t", "--guilds", "1",
            "--heartbeat-tolerance", "0",
        ]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var text = ""
        while !text.contains("ready:") {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { break }
            text += String(decoding: data, as: UTF8.self)
        }
        let addresses = try JSON(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: ready))))
        let gateway = try #require(addresses["gateway_url"]?.string)
        #expect(text.contains("gateway:  \(gateway)\n"))
        #expect(addresses["ca_file"]?.string == ca)
        let client = try await TestClient.connect(gateway, caFile: ca)
        #expect(try await client.payload()["op"] == 10)
        let control = try #require(addresses["control_url"]?.string)
        #expect(try await Self.request(control + "/status").json?["connections"] == 1)
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(process.terminationReason == .exit)
    }
}
