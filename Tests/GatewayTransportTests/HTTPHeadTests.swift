import Testing

@testable import GatewayTransport

@Suite struct HTTPHeadTests {
    /// Head of an answer without a body.
    private func parse(_ lines: String) -> HTTPResponseHead? {
        guard case .complete(let head, "", "") = readAnswer(lines + "Content-Length: 0\r\n\r\n") else { return nil }
        return head
    }

    private func kind(_ text: String) -> HTTPError.Kind? {
        guard case .failure(let kind) = readAnswer(text) else { return nil }
        return kind
    }

    @Test func statusLines() throws {
        let usual = try #require(parse("HTTP/1.1 200 OK\r\n"))
        #expect(usual.status == 200)
        #expect(usual.reason == "OK")
        #expect(parse("HTTP/1.0 503 Service Unavailable\r\n")?.reason == "Service Unavailable")
        #expect(parse("HTTP/1.1 429 \r\n")?.reason == "")
        #expect(parse("HTTP/1.1 429\r\n")?.status == 429)
        #expect(parse("HTTP/1.1 999 Odd\r\n")?.status == 999)
        for line in [
            "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1  200 OK", "HTTP/1.1 099 Low", "HTTP/1.1",
            "HTTP/1.1 ", "HTTP/1.2 200 OK", "HTTP/2 200", "HTTP/2.0 200 OK", "http/1.1 200 OK", "ICY 200 OK", "",
            " HTTP/1.1 200",
            "HTTP/1.1 200 O\u{0}K", "HTTP/1.1 200\tOK", "HTTP/1.1-200 OK",
        ] {
            #expect(kind(line + "\r\n\r\n") == .malformed, "\(line)")
        }
    }

    /// What does not speak HTTP may never end a line.
    @Test func strangersAreFoundOutEarly() {
        #expect(kind("S") == .malformed)
        #expect(kind("SSH-2.0-OpenSSH") == .malformed)
        #expect(kind("\u{15}\u{3}\u{1}") == .malformed)
        #expect(kind("HTTP/2") == .malformed)
        #expect(readAnswer("HTTP/1.") == .incomplete)
    }

    @Test func headers() throws {
        let head = try #require(
            parse("HTTP/1.1 200 OK\r\nX-One: 1\r\nx-ONE:2\r\nEmpty:\r\nSpaces: \t a b \t\r\nKind: caf\u{e9}\r\n"))
        #expect(head.first("x-one") == "1")
        #expect(head.all("X-One") == ["1", "2"])
        #expect(head.first("empty") == "")
        #expect(head.first("spaces") == "a b")
        #expect(head.first("kind") == "café")
        #expect(head.first("missing") == nil)
    }

    @Test func lists() {
        let head = makeHead(200, [("Connection", "keep-alive, Upgrade"), ("connection", " , x ,")])
        #expect(head.list("CONNECTION") == ["keep-alive", "Upgrade", "x"])
        #expect(head.listContains("Connection", "upgrade"))
        #expect(!head.listContains("Connection", "upgrad"))
        #expect(!head.listContains("Connection", ""))
    }

    @Test func namesCompareAsASCIIOnly() {
        // U+212A, the Kelvin sign, has k as its lower case in Unicode.
        #expect(!HTTPSyntax.isEqual("\u{212A}ey", "key"))
        #expect(HTTPSyntax.isEqual("KEY-1_", "key-1_"))
        #expect(!HTTPSyntax.isEqual("a@", "a`"))
    }

    @Test func malformedHeaders() {
        for line in [
            "no colon", ": no name", "Bad Name: x", "Bad\u{1}: x", "Name : x", "Ctrl: a\u{0}b", "Ctrl: a\u{7f}b",
            "Ctrl: a\u{1b}[2J",
            "Ümlaut: x",
        ] {
            #expect(kind("HTTP/1.1 200 OK\r\n\(line)\r\n\r\n") == .malformed, "\(line)")
        }
    }

    @Test func foldedHeadersAreRefused() {
        #expect(kind("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n") == .malformed)
        #expect(kind("HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n") == .malformed)
        #expect(kind("HTTP/1.1 200 OK\r\n A: b\r\n\r\n") == .malformed)
    }

    @Test func linesEndInBothCharactersOnly() {
        #expect(kind("HTTP/1.1 200 OK\n\n") == .malformed)
        #expect(kind("HTTP/1.1 200 OK\r\nA: b\n\r\n") == .malformed)
        #expect(kind("HTTP/1.1 200 OK\rA: b\r\n\r\n") == .malformed)
        #expect(kind("HTTP/1.1 200 OK\r\nA: b\r\r\n") == .malformed)
    }

    @Test func limits() {
        let many = { (count: Int) in (0..<count).map { "A\($0): b\r\n" }.joined() }
        #expect(parse("HTTP/1.1 200 OK\r\n" + many(63))?.headers.count == 64)
        #expect(kind("HTTP/1.1 200 OK\r\n" + many(65) + "\r\n") == .tooLarge)

        // Status line 17 bytes, "L: " + CR LF 5, the line that `head` adds 19, the empty line 2.
        let room = HTTPHeadParser.maxSize - 17 - 5 - 19 - 2
        #expect(parse("HTTP/1.1 200 OK\r\nL: \(String(repeating: "x", count: room))\r\n") != nil)
        let over = String(repeating: "x", count: room + 1)
        #expect(kind("HTTP/1.1 200 OK\r\nL: \(over)\r\nContent-Length: 0\r\n\r\n") == .tooLarge)
        // Even when no line ever ends.
        #expect(kind("HTTP/1.1 200 " + String(repeating: "x", count: HTTPHeadParser.maxSize)) == .tooLarge)
    }

    @Test func interimAnswersAreSkipped() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        #expect(
            readAnswer(interim + "HTTP/1.1 204 No Content\r\n\r\nrest")
                == .complete(makeHead(204, reason: "No Content"), body: "", rest: "rest"))
        // But not for ever.
        let endless = String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 1000)
        #expect(readAnswer(endless) == .failure(.tooLarge))
    }
}
