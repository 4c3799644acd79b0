import Foundation
import Glibc
import Testing

@testable import GatewaySandbox

/// Faults that end, stall or answer a connection, as a client meets them.
@Suite("Sandbox faults of connections")
struct ConnectionFaultTests {
    static func start(_ change: (inout SandboxConfiguration) -> Void = { _ in }) async throws -> Sandbox {
        var configuration = SandboxConfiguration()
        configuration.tls = false
        configuration.identifyWindow = .zero
        configuration.guilds = 1
        change(&configuration)
        return try await Sandbox.start(configuration)
    }

    @Test("drop sends no close frame, and the session stays")
    func drop() async throws {
        let sandbox = try await Self.start()
        let (client, session) = try await TestClient.started(sandbox)
        #expect(await sandbox.inject(.drop()) == 1)
        #expect(await client.next() == .ended)
        #expect(await sandbox.session(shard: 0)?.id == session)
        #expect(await sandbox.session(shard: 0)?.isConnected == false)
        await sandbox.stop()
    }

    @Test("drop is RST or FIN", arguments: [true, false])
    func reset(reset: Bool) async throws {
        let sandbox = try await Self.start()
        // A bare socket: libraries tend to hide the difference.
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { _ = Glibc.close(client) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(try #require(URL(string: sandbox.gatewayURL)?.port)).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(connected == 0)
        let request = """
            GET /?v=10 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n
            """
        #expect(send(client, request, request.utf8.count, 0) == request.utf8.count)
        #expect(await sandbox.wait { $0.count { $0 == .helloSent } == 1 })
        await sandbox.inject(.drop(reset: reset))
        #expect(await sandbox.wait { $0.count { $0 == .disconnected } == 1 })
        var room = [UInt8](repeating: 0, count: 4096)
        var result = 1
        while result > 0 { result = recv(client, &room, room.count, 0) }
        #expect(result == (reset ? -1 : 0))
        if reset { #expect(errno == ECONNRESET) }
        await sandbox.stop()
    }

    @Test("half-open: nothing goes through, and the session waits for a resume")
    func halfOpen() async throws {
        let sandbox = try await Self.start { $0.mix = .messages }
        let (client, session) = try await TestClient.started(sandbox)
        await sandbox.inject(.halfOpen)
        try await client.send("{\"op\":1,\"d\":2}")
        await sandbox.emitBurst(count: 2)
        let other = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        _ = try await other.payload()
        try await other.resume(sandbox, session: session, seq: 2)
        #expect(try await other.payloads { $0["t"] == "RESUMED" }.map { $0["s"] } == [3, 4, 5])
        #expect(await sandbox.journal.heartbeats.isEmpty)
        try await client.drop()
        #expect(await client.next() == .ended, "not even a close frame came")
        await sandbox.stop()
    }

    @Test("close sends the code and reason, or no code; the session stays")
    func close() async throws {
        let sandbox = try await Self.start()
        let (client, session) = try await TestClient.started(sandbox)
        await sandbox.inject(.close(code: 4000, reason: "why"))
        #expect(await client.next() == .closed(code: 4000, reason: "why"))
        let second = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        _ = try await second.payload()
        try await second.resume(sandbox, session: session, seq: 2)
        #expect(try await second.payload()["t"] == "RESUMED")
        await sandbox.inject(.close(code: nil))
        #expect(await second.next() == .closed(code: nil, reason: ""))
        await sandbox.stop()
    }

    @Test(
        "a client that closes with 1000 or 1001 loses its session, with another code it does not",
        arguments: [
            (1000, false), (1001, false), (4000, true), (3000, true),
        ])
    func clientClose(code: Int, survives: Bool) async throws {
        let sandbox = try await Self.start()
        let (client, session) = try await TestClient.started(sandbox)
        try await client.sendClose(code)
        #expect(await client.next() == .closed(code: code, reason: ""))
        #expect(await client.next() == .ended)
        let second = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        _ = try await second.payload()
        try await second.resume(sandbox, session: session, seq: 2)
        let answer = try await second.payload()
        #expect(answer["t"] == (survives ? "RESUMED" : .null))
        #expect(answer["op"] == (survives ? 0 : 9))
        #expect(await sandbox.journal.clientCloseCodes == [code])
        await sandbox.stop()
    }

    @Test("op 7, op 1 and op 9; op 9 false costs the session, after which the client may identify again")
    func signals() async throws {
        let sandbox = try await Self.start()
        let (client, session) = try await TestClient.started(sandbox)
        await sandbox.inject(.reconnect)
        #expect(try await client.payload()["op"] == 7)
        await sandbox.inject(.requestHeartbeat)
        #expect(try await client.payload()["op"] == 1)
        await sandbox.inject(.invalidSession(resumable: true))
        #expect(try await client.payload() == ["t": .null, "s": .null, "op": 9, "d": true])
        #expect(await sandbox.session(shard: 0)?.id == session)
        await sandbox.inject(.invalidSession(resumable: false), shard: 0)
        #expect(try await client.payload()["d"] == false)
        #expect(await sandbox.sessions.isEmpty)
        try await client.identify(sandbox)
        #expect(try await client.payload()["t"] == "READY")
        await sandbox.stop()
    }

    @Test("without ACKs a heartbeat stays unanswered, delayed ACKs come after what came later")
    func acks() async throws {
        let sandbox = try await Self.start()
        let (client, _) = try await TestClient.started(sandbox)
        await sandbox.inject(.acknowledge(false))
        try await client.send("{\"op\":1,\"d\":2}")
        #expect(await sandbox.wait { $0.heartbeats.count == 1 })
        await sandbox.inject(.requestHeartbeat)
        #expect(try await client.payload()["op"] == 1)
        await sandbox.clearFaults()
        await sandbox.inject(.delayAcks(.milliseconds(300)))
        try await client.send("{\"op\":1,\"d\":2}")
        #expect(await sandbox.wait { $0.heartbeats.count == 2 })
        await sandbox.inject(.requestHeartbeat)
        #expect(try await client.payload()["op"] == 1)
        #expect(try await client.payload()["op"] == 11)
        await sandbox.stop()
    }

    @Test("a client without heartbeats is closed with 4009 and has to identify again")
    func missingHeartbeats() async throws {
        let sandbox = try await Self.start {
            // Long enough for READY and the guilds to be read on a machine that is busy with other tests.
            $0.heartbeatInterval = .milliseconds(1_000)
            $0.heartbeatTolerance = 3
        }
        let (client, session) = try await TestClient.started(sandbox)
        #expect(await client.close()?.code == 4009)
        #expect(await sandbox.journal.count { $0 == .sessionEnded(session: session) } == 1)
        await sandbox.stop()
    }

    @Test("faults wait for their moment: in place of HELLO, of READY, of RESUMED, or after")
    func moments() async throws {
        let sandbox = try await Self.start()
        await sandbox.inject(.reconnect, at: .hello, times: 1)
        await sandbox.inject(.invalidSession(resumable: false), at: .identify, shard: 0, times: 1)
        await sandbox.inject(.close(code: 4009), at: .resume, endpoint: .resume, times: 1)
        await sandbox.inject(.requestHeartbeat, at: .started, times: 1)
        let first = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        #expect(try await first.payload()["op"] == 7)
        try await first.drop()

        let second = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        #expect(try await second.payload()["op"] == 10)
        try await second.identify(sandbox)
        #expect(try await second.payload()["op"] == 9)
        try await second.identify(sandbox)
        let ready = try await second.payload()
        #expect(ready["t"] == "READY")
        #expect(try await second.payload()["t"] == "GUILD_CREATE")
        #expect(try await second.payload()["op"] == 1)
        try await second.drop()

        let session = try #require(ready["d"]?["session_id"]?.string)
        let third = try await TestClient.connect(sandbox.resumeURL, caFile: nil)
        _ = try await third.payload()
        try await third.resume(sandbox, session: session, seq: 2)
        #expect(await third.close()?.code == 4009)
        #expect(await sandbox.journal.identifies.count == 2)
        #expect(await sandbox.journal.resumes.map(\.sequence) == [2])
        await sandbox.stop()
    }

    @Test("silence in place of HELLO leaves the connection usable")
    func silence() async throws {
        let sandbox = try await Self.start()
        await sandbox.inject(.silence, times: 1)
        let client = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        try await client.send("{\"op\":1,\"d\":null}")
        #expect(try await client.payload()["op"] == 11)
        await sandbox.stop()
    }

    @Test("a closed port refuses, for one address or both, until cleared")
    func refuse() async throws {
        let sandbox = try await Self.start()
        await sandbox.inject(.refuse, endpoint: .resume)
        await #expect(throws: (any Error).self) { _ = try await TestClient.connect(sandbox.resumeURL, caFile: nil) }
        _ = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        await sandbox.clearFaults()
        _ = try await TestClient.connect(sandbox.resumeURL, caFile: nil)
        await sandbox.stop()
    }

    @Test("accepted and dropped, accepted and never answered")
    func accept() async throws {
        let sandbox = try await Self.start()
        await sandbox.inject(.drop(), at: .accept, times: 1)
        await #expect(throws: (any Error).self) { _ = try await TestClient.connect(sandbox.gatewayURL, caFile: nil) }
        await sandbox.inject(.acceptThenHang, times: 1)
        let hanging = Task { try await TestClient.connect(sandbox.gatewayURL, caFile: nil) }
        #expect(await sandbox.wait { $0.count { $0 == .fault("hang") } == 1 })
        _ = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        #expect(await sandbox.journal.count { if case .upgraded = $0 { true } else { false } } == 1)
        await sandbox.stop()
        await #expect(throws: (any Error).self) { _ = try await hanging.value }
    }

    @Test("the upgrade answers something else")
    func upgrade() async throws {
        let sandbox = try await Self.start()
        let busy = HTTPAnswer(status: 503, headers: ["Retry-After": "7"], body: "busy")
        await sandbox.inject(.answerUpgrade(busy), times: 1)
        let error = await #expect(throws: ClientFailure.self) {
            _ = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        }
        #expect(error?.description.hasPrefix("HTTP/1.1 503 ") == true)
        #expect(error?.description.contains("Retry-After: 7\r\n") == true)
        #expect(error?.description.hasSuffix("\r\n\r\nbusy") == true)
        await sandbox.inject(.wrongAcceptKey, times: 1)
        let wrong = await #expect(throws: ClientFailure.self) {
            _ = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        }
        #expect(wrong?.description.hasPrefix("HTTP/1.1 101 ") == true)
        _ = try await TestClient.connect(sandbox.gatewayURL, caFile: nil)
        await sandbox.stop()
    }

    @Test("bad certificates fail the handshake, good ones do not")
    func certificates() async throws {
        let sandbox = try await Self.start { $0.tls = true }
        for kind in CertificateKind.allCases where kind != .valid {
            let before = await sandbox.journal.nextIndex
            await sandbox.inject(.certificate(kind), times: 1)
            await #expect(throws: (any Error).self, "\(kind)") {
                _ = try await TestClient.connect(sandbox.gatewayURL, caFile: sandbox.caFile)
            }
            // This client checks the name after the handshake, which the server cannot see.
            guard kind != .wrongHost else { continue }
            let failure = await sandbox.entry(from: before) {
                if case .handshakeFailed = $0.event { true } else { false }
            }
            #expect(failure != nil, "\(kind)")
        }
        let byName = sandbox.gatewayURL.replacing("127.0.0.1", with: "localhost")
        for url in [sandbox.gatewayURL, byName] {
            let client = try await TestClient.connect(url, caFile: sandbox.caFile)
            #expect(try await client.payload()["op"] == 10)
        }
        await sandbox.stop()
    }
}
