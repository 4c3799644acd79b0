import Testing

@testable import GatewayTransport

@Suite struct HTTPRequestTests {
    private func encode(
        host: String = "discord.com", port: UInt16 = 443, isSecure: Bool = true,
        target: String = "/api/v10/gateway/bot",
        headers: [(String, String)] = []
    ) throws(HTTPError) -> String {
        let request = HTTPRequest(
            host: host, port: port, isSecure: isSecure, target: target,
            headers: headers.map { HTTPHeader($0.0, $0.1) })
        return String(decoding: try request.encoded(), as: UTF8.self)
    }

    private func isRefused(_ body: () throws(HTTPError) -> String) -> Bool {
        do throws(HTTPError) {
            _ = try body()
            return false
        } catch {
            return error.kind == .invalidRequest
        }
    }

    @Test func whole() throws {
        #expect(
            try encode(headers: [("Authorization", "Bot abc.def"), ("User-Agent", "DiscordBot (x, 1)")])
                == "GET /api/v10/gateway/bot HTTP/1.1\r\nHost: discord.com\r\nAuthorization: Bot abc.def\r\n"
                + "User-Agent: DiscordBot (x, 1)\r\n\r\n")
    }

    @Test func hostHeaders() throws {
        func host(_ name: String, _ port: UInt16, secure: Bool = true) throws -> String {
            let text = try encode(host: name, port: port, isSecure: secure)
            let line = try #require(text.split(separator: "\r\n").dropFirst().first)
            return String(line.dropFirst("Host: ".count))
        }
        #expect(try host("discord.com", 443) == "discord.com")
        #expect(try host("discord.com", 80) == "discord.com:80")
        #expect(try host("localhost", 80, secure: false) == "localhost")
        #expect(try host("localhost", 443, secure: false) == "localhost:443")
        #expect(try host("127.0.0.1", 8443) == "127.0.0.1:8443")
        #expect(try host("::1", 8443) == "[::1]:8443")
        #expect(try host("[::1]", 443) == "[::1]")
        #expect(try host("fe80::1%eth0", 443) == "[fe80::1]")
        #expect(try host("::ffff:10.0.0.1", 443) == "[::ffff:10.0.0.1]")
        #expect(try host("gateway-us-east1-b.discord.gg", 443) == "gateway-us-east1-b.discord.gg")
    }

    @Test func badHosts() {
        for host in [
            "", "a b", "a\r\nX: y", "a/b", "a@b", "a?b", "bücher.example", "[]", "a%41", "::g", "a:b\n", "a\u{0}",
        ] {
            #expect(isRefused { () throws(HTTPError) in try encode(host: host) }, "\(host)")
        }
    }

    @Test func badTargets() {
        for target in ["", "x", "?v=10", "/a b", "/a\r\nX: y", "/a\tb", "/ä", "/a#b", "/\u{0}", "/\u{7f}"] {
            #expect(isRefused { () throws(HTTPError) in try encode(target: target) }, "\(target)")
        }
        #expect(!isRefused { () throws(HTTPError) in try encode(target: "/?v=10&encoding=json") })
    }

    @Test func headerInjection() {
        for value in ["a\r\nX: y", "a\nb", "a\rb", "a\u{0}b", "a\u{7f}", "\r\n"] {
            #expect(isRefused { () throws(HTTPError) in try encode(headers: [("A", value)]) }, "\(value)")
        }
        for name in ["", "a b", "a:", "a\r\nb", "ä", "a\u{0}"] {
            #expect(isRefused { () throws(HTTPError) in try encode(headers: [(name, "x")]) }, "\(name)")
        }
        #expect(!isRefused { () throws(HTTPError) in try encode(headers: [("A", "tab\tand é")]) })
    }
}
