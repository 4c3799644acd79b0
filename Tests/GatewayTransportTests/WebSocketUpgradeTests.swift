import Testing

@testable import GatewayTransport

@Suite struct WebSocketUpgradeTests {
    /// The nonce of RFC 6455 §1.3, whose accept value is given there.
    private static let nonce = Array("the sample nonce".utf8)

    private func upgrade(userAgent: String = "DiscordBot (x, 1)", target: String = "/?v=10") throws -> WebSocketUpgrade
    {
        try WebSocketUpgrade(
            host: "gateway.discord.gg", port: 443, isSecure: true, target: target, userAgent: userAgent,
            nonce: Self.nonce)
    }

    @Test func theExampleOfTheRFC() throws {
        let upgrade = try upgrade()
        #expect(
            String(decoding: upgrade.request, as: UTF8.self)
                == "GET /?v=10 HTTP/1.1\r\nHost: gateway.discord.gg\r\nUser-Agent: DiscordBot (x, 1)\r\n"
                + "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                + "Sec-WebSocket-Version: 13\r\n\r\n")
        #expect(upgrade.expectedAccept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func injectionIsRefused() {
        #expect(throws: HTTPError.self) { try upgrade(userAgent: "a\r\nX: y") }
        #expect(throws: HTTPError.self) { try upgrade(target: "/ HTTP/1.1\r\nX: y") }
    }

    @Test func base64() {
        let vectors = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "foobar": "Zm9vYmFy"]
        for (plain, encoded) in vectors {
            #expect(WebSocketUpgrade.base64(Array(plain.utf8)) == encoded)
        }
    }

    private static let good = [
        ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ]

    /// What is wrong with a 101 of these headers; nil when nothing is.
    private func fault(_ headers: [(String, String)]) throws -> String? {
        let upgrade = try upgrade()
        do throws(UpgradeError) {
            try upgrade.check(makeHead(101, headers, reason: "Switching Protocols"))
            return nil
        } catch {
            #expect(error.kind == .invalid)
            #expect(error.status == 101)
            return error.detail
        }
    }

    private func replacing(_ name: String, _ value: String?) -> [(String, String)] {
        Self.good.compactMap { $0.0 == name ? value.map { (name, $0) } : $0 }
    }

    @Test func goodAnswers() throws {
        #expect(try fault(Self.good) == nil)
        #expect(try fault(replacing("Upgrade", "WebSocket")) == nil)
        #expect(try fault(replacing("Connection", "keep-alive, upgrade")) == nil)
        #expect(try fault(Self.good.map { ($0.0.lowercased(), $0.1) }) == nil)
        #expect(try fault(Self.good + [("Sec-WebSocket-Extensions", ""), ("CF-Ray", "1")]) == nil)
    }

    @Test func badAnswers() throws {
        for value in [nil, "", "h2c", "websocket2"] {
            #expect(try fault(replacing("Upgrade", value)) == "the answer does not upgrade to websocket")
        }
        for value in [nil, "", "close", "Upgrades"] {
            #expect(try fault(replacing("Connection", value)) == "the answer's Connection header has no upgrade")
        }
        for value in [
            nil, "", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "dGhlIHNhbXBsZSBub25jZQ==",
        ] {
            #expect(
                try fault(replacing("Sec-WebSocket-Accept", value))
                    == "Sec-WebSocket-Accept is not the answer to our key")
        }
        #expect(
            try fault(Self.good + [("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")])
                == "Sec-WebSocket-Accept is not the answer to our key")
        #expect(
            try fault(Self.good + [("Sec-WebSocket-Extensions", "permessage-deflate")])
                == "the server uses an extension that was not offered")
        #expect(
            try fault(Self.good + [("Sec-WebSocket-Protocol", "chat")])
                == "the server uses a subprotocol that was not offered")
    }

    /// How an answer is refused, read from the wire.
    private func refusal(_ answer: String) throws -> UpgradeError? {
        let upgrade = try upgrade()
        var reader = HTTPResponseReader()
        var consumed = 0
        _ = try Array(answer.utf8).withUnsafeBytes { bytes throws(HTTPError) in
            try reader.consume(bytes, consumed: &consumed, isUpgrade: true)
        }
        do throws(UpgradeError) {
            try upgrade.check(reader)
            return nil
        } catch {
            return error
        }
    }

    @Test func refusals() throws {
        let busy = try #require(
            try refusal(
                "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 28\r\n\r\nno healthy\r\n\u{1b}[31mupstream!!\u{0}"
            ))
        #expect(busy.kind == .refused)
        #expect(busy.status == 503)
        #expect(busy.detail == "no healthy [31mupstream!!")
        #expect(busy.retryAfter == 7_000_000_000)
        #expect(busy.description == "HTTP 503 Service Unavailable: no healthy [31mupstream!!")

        let bare = try #require(try refusal("HTTP/1.1 401\r\nContent-Length: 0\r\n\r\n"))
        #expect(bare.description == "HTTP 401")
        #expect(bare.retryAfter == 0)

        let ok = try #require(try refusal("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"))
        #expect(ok.kind == .refused)
        #expect(ok.description == "HTTP 200 OK: hi")
    }

    @Test func redirectsAreNotFollowed() throws {
        for status in [301, 302, 303, 307, 308] {
            let error = try #require(
                try refusal(
                    "HTTP/1.1 \(status) Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"))
            #expect(error.kind == .redirected)
            #expect(
                error.description
                    == "HTTP \(status) Moved redirects to https://elsewhere.example/, which is not followed")
        }
        let nowhere = try #require(try refusal("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"))
        #expect(nowhere.description == "HTTP 302 Found, and redirects are not followed")
    }

    @Test func anIncompleteAnswerIsNoUpgrade() throws {
        #expect(throws: UpgradeError.self) { try upgrade().check(HTTPResponseReader()) }
    }

    @Test func printableText() {
        func make(_ text: String, _ limit: Int = 512) -> String { PrintableText.make(text.utf8, limit: limit) }
        #expect(make("  a \r\n\t b\u{0}c  ") == "a b c")
        #expect(make("\u{202E}evil\u{200B}") == "evil")
        #expect(make("héé", 4) == "hé")
        #expect(make("abc def", 4) == "abc")
        #expect(PrintableText.make([0x41, 0xFF, 0xFE, 0x42], limit: 9) == "A B")
        #expect(make(String(repeating: "x", count: 600)).utf8.count == 512)
        #expect(PrintableText.make([UInt8](repeating: 0xE2, count: 600), limit: 512) == "")
    }
}
