import Testing

@testable import GatewaySandbox

@Suite("Sandbox over the wire")
struct EndToEndTests {
    static let compressions =
        ["", "&compress=zlib-stream"] + (ZstdLibrary.shared == nil ? [] : ["&compress=zstd-stream"])

    @Test("a session begins, gets its guilds, and hears its heartbeats", arguments: compressions)
    func begins(compression: String) async throws {
        let sandbox = try await Sandbox.start()
        let client = try await TestClient.connect(
            sandbox.gatewayURL, caFile: sandbox.caFile, query: "?v=10&encoding=json" + compression
        )
        let hello = try await client.payload()
        #expect(hello["op"] == 10)
        #expect(hello["d"]?["heartbeat_interval"] == 41250)
        try await client.send("{\"op\":1,\"d\":null}")
        #expect(try await client.payload()["op"] == 11)
        try await client.identify(sandbox)
        let ready = try await client.payload()
        #expect(ready["t"] == "READY")
        #expect(ready["s"] == 1)
        #expect(ready["d"]?["resume_gateway_url"] == .string(sandbox.resumeURL))
        #expect(sandbox.resumeURL != sandbox.gatewayURL)
        let guilds = ready["d"]?["guilds"]?.array?.compactMap { $0["id"] } ?? []
        #expect(guilds.count == 3)
        for (index, guild) in guilds.enumerated() {
            let create = try await client.payload()
            #expect(create["t"] == "GUILD_CREATE")
            #expect(create["s"] == JSON(index + 2))
            #expect(create["d"]?["id"] == guild)
        }
        #expect(await sandbox.journal.identifies.count == 1)
        await sandbox.stop()
    }

    @Test("a dropped session resumes with what it missed, in order", arguments: compressions)
    func resumes(compression: String) async throws {
        var configuration = SandboxConfiguration()
        configuration.mix = .messages
        let sandbox = try await Sandbox.start(configuration)
        let query = "?v=10&encoding=json" + compression
        let first = try await TestClient.connect(sandbox.gatewayURL, caFile: sandbox.caFile, query: query)
        _ = try await first.payload()
        try await first.identify(sandbox, intents: 513)
        let ready = try await first.payload()
        _ = try await first.payloads { $0["s"] == 4 }
        let session = try #require(ready["d"]?["session_id"]?.string)
        await sandbox.emitBurst(count: 10)
        let seen = try await first.payloads { $0["s"] == 14 }
        #expect(seen.last?["d"]?["content"]?.string?.split(separator: " ").first == "#10")
        await sandbox.inject(.drop())
        #expect(await first.next() == .ended)
        await sandbox.emitBurst(count: 5)

        let second = try await TestClient.connect(sandbox.resumeURL, caFile: sandbox.caFile, query: query)
        #expect(try await second.payload()["op"] == 10)
        try await second.resume(sandbox, session: session, seq: 12)
        let replayed = try await second.payloads { $0["t"] == "RESUMED" }
        #expect(replayed.map { $0["s"] } == (13...20).map { .integer($0) })
        let numbers = replayed.dropLast().map { $0["d"]?["content"]?.string?.split(separator: " ").first ?? "" }
        #expect(numbers == ["#9", "#10", "#11", "#12", "#13", "#14", "#15"])
        #expect(await sandbox.journal.resumes.map(\.sequence) == [12])
        await sandbox.stop()
    }

    @Test("payload compression makes long frames binary, each by itself, and leaves short ones alone")
    func payloadCompression() async throws {
        let sandbox = try await Sandbox.start()
        let client = try await TestClient.connect(sandbox.gatewayURL, caFile: sandbox.caFile)
        _ = try await client.payload()
        try await client.identify(sandbox, extra: ",\"compress\":true")
        #expect(try await client.payloads { $0["s"] == 4 }.count == 4)
        #expect(client.binaryMessages == 4)
        try await client.send("{\"op\":1,\"d\":4}")
        #expect(try await client.payload()["op"] == 11)
        #expect(client.binaryMessages == 4)
        await sandbox.stop()
    }

    @Test("a bad version is told after the upgrade", arguments: ["?encoding=json", "?v=7&encoding=json"])
    func version(query: String) async throws {
        let sandbox = try await Sandbox.start()
        let client = try await TestClient.connect(sandbox.gatewayURL, caFile: sandbox.caFile, query: query)
        #expect(await client.next() == .closed(code: 4012, reason: "Invalid API version."))
        await sandbox.stop()
    }
}
