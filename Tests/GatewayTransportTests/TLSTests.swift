import CLinux
import COpenSSL
import GatewayProtocol
import Testing

@testable import GatewayTransport

/// TLS to a real server, judged by requests over it.
@Suite struct TLSTests {
    private struct Outcome: Sendable {
        var status: Int?
        var body: [UInt8] = []
        var error: GatewayError?
    }

    private struct Peer: Sendable {
        var resumed = false
        var serverName: String?
    }

    private final class Kept: @unchecked Sendable {
        var exchange: HTTPExchange?
    }

    /// Starts a request on the loop; its outcome comes to the monitor.
    private func begin(
        _ running: RunningLoop, host: String, port: UInt16, _ tls: TLSContext, kept: Kept
    ) -> Monitor<Outcome?> {
        let outcome = Monitor<Outcome?>(nil)
        running.loop.post { [loop = running.loop] in
            let exchange = try? HTTPExchange(
                loop: loop, endpoint: Endpoint(host: host, port: port, tls: tls), target: "/", headers: [],
                timeout: 30_000_000_000
            ) { result in
                switch result {
                case .success(let response):
                    outcome.update { $0 = Outcome(status: response.head.status, body: response.body) }
                case .failure(let error): outcome.update { $0 = Outcome(error: error) }
                }
            }
            kept.exchange = exchange
            exchange?.start(resolver: Resolver())
        }
        return outcome
    }

    private func ask(
        _ running: RunningLoop, host: String = "localhost", port: UInt16, _ tls: TLSContext
    ) throws -> Outcome {
        let kept = Kept()
        let outcome = begin(running, host: host, port: port, tls, kept: kept)
        defer { _ = running.run { _ in kept.exchange = nil } }
        return try #require(outcome.wait(until: patience()) { $0 })
    }

    /// A server that says hello to whoever gets through its handshake.
    private func server(
        _ context: TLSServerContext, seen: Monitor<[Peer]> = Monitor([]), gate: Monitor<Bool> = Monitor(true)
    ) throws -> TinyServer {
        try TinyServer { fd in
            guard let peer = TLSPeer(fd, context.context) else { return }
            seen.update { $0.append(Peer(resumed: peer.resumed, serverName: peer.serverName)) }
            guard !peer.readHead().isEmpty else { return }
            _ = gate.wait(until: patience()) { $0 ? true : nil }
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION]) func carriesARequest(version: Int32) throws {
        let certificate = try TestCertificate()
        let seen = Monitor<[Peer]>([])
        let server = try server(TLSServerContext(certificate, newest: version), seen: seen)
        let running = try RunningLoop()
        let tls = try certificate.trusting()
        for host in ["localhost", "127.0.0.1"] {
            let outcome = try ask(running, host: host, port: server.port, tls)
            #expect(outcome.status == 200 && outcome.body == Array("hello".utf8), "\(outcome)")
        }
        // A name is told to the server, an address never is.
        #expect(seen.withLock { $0.map(\.serverName) } == ["localhost", nil])
    }

    @Test func refusesVersionsBefore12() throws {
        let certificate = try TestCertificate()
        let server = try server(TLSServerContext(certificate, newest: TLS1_1_VERSION))
        let outcome = try ask(RunningLoop(), port: server.port, certificate.trusting())
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("localhost") == true)
    }

    @Test func refusesACertificateItDoesNotTrust() throws {
        let server = try server(TLSServerContext(TestCertificate()))
        let outcome = try ask(RunningLoop(), port: server.port, TestCertificate().trusting())
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("certificate of localhost is not trusted") == true)
    }

    @Test func refusesTheSystemsStoreForAPrivateCertificate() throws {
        let server = try server(TLSServerContext(TestCertificate()))
        let outcome = try ask(RunningLoop(), port: server.port, TLSContext(caFile: nil))
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("is not trusted") == true)
    }

    @Test func refusesTheCertificateOfAnotherHost() throws {
        let certificate = try TestCertificate(names: "DNS:other.example,DNS:*.localhost,IP:127.0.0.2")
        let server = try server(TLSServerContext(certificate))
        let running = try RunningLoop()
        for host in ["localhost", "127.0.0.1"] {
            let outcome = try ask(running, host: host, port: server.port, certificate.trusting())
            #expect(outcome.error?.status == .tls)
            #expect(
                outcome.error?.message.contains("certificate of \(host) was made for another host") == true,
                "\(outcome)")
        }
    }

    @Test func refusesACertificateThatHasExpired() throws {
        let certificate = try TestCertificate(expired: true)
        let server = try server(TLSServerContext(certificate))
        let outcome = try ask(RunningLoop(), port: server.port, certificate.trusting())
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("certificate of localhost has expired") == true)
    }

    @Test func saysThatTheServerSpeaksNoTLS() throws {
        let server = try TinyServer { fd in
            writeAll(fd, "HTTP/1.1 400 Bad Request\r\n\r\n")
            waitForEnd(fd)
        }
        let outcome = try ask(RunningLoop(), host: "127.0.0.1", port: server.port, TestCertificate().trusting())
        #expect(outcome.error?.status == .tls)
        #expect(outcome.error?.message.contains("handshake") == true)
    }

    @Test func saysThatTheServerLeftDuringTheHandshake() throws {
        let server = try TinyServer { fd in
            var hello = [UInt8](repeating: 0, count: 4_096)
            _ = read(fd, &hello, 4_096)
        }
        let outcome = try ask(RunningLoop(), host: "127.0.0.1", port: server.port, TestCertificate().trusting())
        #expect(outcome.error?.status == .network)
        #expect(outcome.error?.message.contains("during the TLS handshake") == true)
    }

    @Test func takesUpASessionAgain() throws {
        let certificate = try TestCertificate()
        let seen = Monitor<[Peer]>([])
        let server = try server(TLSServerContext(certificate), seen: seen)
        let running = try RunningLoop()
        let tls = try certificate.trusting()
        for _ in 0..<3 { #expect(try ask(running, port: server.port, tls).status == 200) }
        #expect(seen.withLock { $0.map(\.resumed) } == [false, true, true])
        // Another context has sessions of its own.
        #expect(try ask(running, port: server.port, certificate.trusting()).status == 200)
        #expect(seen.withLock { $0.last?.resumed } == false)
    }

    @Test func doesNotSufferFromAnotherConnectionsFailure() throws {
        // libssl keeps errors per thread: what a refused certificate leaves there must not end the connections of others.
        let certificate = try TestCertificate()
        let gate = Monitor(false)
        let seen = Monitor<[Peer]>([])
        let good = try server(TLSServerContext(certificate), seen: seen, gate: gate)
        let bad = try server(TLSServerContext(TestCertificate()))
        let running = try RunningLoop()
        let kept = Kept()
        let waiting = try begin(running, host: "localhost", port: good.port, certificate.trusting(), kept: kept)
        #expect(seen.wait(until: patience()) { $0.count == 1 ? true : nil } == true)
        #expect(try ask(running, port: bad.port, certificate.trusting()).error?.status == .tls)
        gate.update { $0 = true }
        let outcome = try #require(waiting.wait(until: patience()) { $0 })
        #expect(outcome.status == 200, "\(outcome)")
        _ = running.run { _ in kept.exchange = nil }
    }

    @Test func doesNotSufferFromItsHostsUseOfTheLibrary() throws {
        // A handler that runs on the loop's thread may use the same library and leave errors behind.
        let certificate = try TestCertificate()
        let gate = Monitor(false)
        let seen = Monitor<[Peer]>([])
        let server = try server(TLSServerContext(certificate), seen: seen, gate: gate)
        let running = try RunningLoop()
        let kept = Kept()
        let waiting = try begin(running, host: "localhost", port: server.port, certificate.trusting(), kept: kept)
        #expect(seen.wait(until: patience()) { $0.count == 1 ? true : nil } == true)
        let left = running.run { _ in
            _ = BIO_new_file("/nowhere/at/all", "r")
            return ERR_peek_error() != 0
        }
        gate.update { $0 = true }
        let outcome = try #require(waiting.wait(until: patience()) { $0 })
        #expect(outcome.status == 200 && left == true, "\(outcome)")
        _ = running.run { _ in kept.exchange = nil }
    }

    @Test func saysWhichFileCannotBeLoaded() {
        let error = #expect(throws: GatewayError.self) { _ = try TLSContext(caFile: "/nowhere/ca.pem") }
        #expect(error?.status == .file && error?.message.contains("/nowhere/ca.pem") == true)
    }
}

@Suite struct DigestTests {
    @Test func isSHA256() {
        func hex(_ bytes: [UInt8]) -> String {
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        #expect(
            hex(Digest.sha256([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            hex(Digest.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
