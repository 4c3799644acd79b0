import Testing

@testable import GatewayTransport

@Suite struct HTTPBodyTests {
    private func read(_ headers: String, _ rest: String, limit: Int = 1 << 20, ends: Bool = false) -> SeenAnswer {
        readAnswer("HTTP/1.1 200 OK\r\n\(headers)\r\n\(rest)", maxBodySize: limit, ends: ends)
    }

    /// Body and rest of a complete answer.
    private func body(
        _ headers: String, _ rest: String, limit: Int = 1 << 20, ends: Bool = false
    ) -> [String]? {
        guard case .complete(_, let body, let rest) = read(headers, rest, limit: limit, ends: ends) else { return nil }
        return [body, rest]
    }

    @Test func sized() {
        #expect(body("Content-Length: 5\r\n", "hello") == ["hello", ""])
        #expect(body("Content-Length: 5\r\n", "hello, world") == ["hello", ", world"])
        #expect(body("Content-Length: 0\r\n", "x") == ["", "x"])
        #expect(body("Content-Length: 5, 5\r\nContent-Length: 5\r\n", "hello") == ["hello", ""])
        #expect(read("Content-Length: 6\r\n", "hello") == .incomplete)
        #expect(read("Content-Length: 6\r\n", "hello", ends: true) == .failure(.truncated))
    }

    @Test func malformedLengths() {
        for value in ["", "x", "-1", "+1", "1.0", "0x10", "5, 6", "5;", "1 2", "５"] {
            #expect(read("Content-Length: \(value)\r\n", "hello") == .failure(.malformed), "\(value)")
        }
        #expect(read("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!") == .failure(.malformed))
        #expect(read("Content-Length: 99999999999999999999\r\n", "") == .failure(.tooLarge))
        #expect(read("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n") == .failure(.malformed))
    }

    @Test func untilTheEnd() {
        #expect(read("", "hello") == .incomplete)
        #expect(body("", "hello", ends: true) == ["hello", ""])
        #expect(body("", "", ends: true) == ["", ""])
    }

    @Test func chunked() {
        let coding = "Transfer-Encoding: chunked\r\n"
        #expect(body(coding, "5\r\nhello\r\n0\r\n\r\nrest") == ["hello", "rest"])
        #expect(body(coding, "0\r\n\r\n") == ["", ""])
        #expect(body("transfer-encoding: Chunked\r\n", "0\r\n\r\n") == ["", ""])
        #expect(
            body(coding, "a;name=\"v\"\r\n0123456789\r\n00B \r\n, and more.\r\n000\r\n\r\n") == [
                "0123456789, and more.", "",
            ])
        #expect(body(coding, "1\r\nx\r\n0\r\nTrailer: 1\r\nMore: 2\r\n\r\nrest") == ["x", "rest"])
        #expect(read(coding, "5\r\nhello\r\n0\r\n") == .incomplete)
        #expect(read(coding, "5\r\nhello\r\n0\r\n", ends: true) == .failure(.truncated))
    }

    @Test func malformedChunks() {
        let coding = "Transfer-Encoding: chunked\r\n"
        for rest in [
            "\r\n", "x\r\n", "-1\r\n", ";x\r\n", " 5\r\nhello\r\n", "5\nhello", "5\r\nhello!\r\n", "5\r\nhello\n0",
            "5\r\nhello\r0",
            "0x5\r\nhello\r\n", "5\rhello",
        ] {
            #expect(read(coding, rest) == .failure(.malformed), "\(rest)")
        }
        for rest in [
            "ffffffffffffffff\r\n", "10000000000000000\r\n", "7fffffffffffffff\r\n",
            "5;" + String(repeating: "x", count: 5000),
            "0\r\n" + String(repeating: "A: b\r\n", count: 1000),
        ] {
            #expect(read(coding, rest) == .failure(.tooLarge), "\(rest.prefix(20))")
        }
        #expect(read("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n") == .failure(.unsupported))
        #expect(read("Transfer-Encoding: gzip\r\n", "") == .failure(.unsupported))
    }

    @Test func limitIsExact() {
        #expect(body("Content-Length: 5\r\n", "hello", limit: 5) == ["hello", ""])
        #expect(read("Content-Length: 6\r\n", "", limit: 5) == .failure(.tooLarge))
        let coding = "Transfer-Encoding: chunked\r\n"
        #expect(body(coding, "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", limit: 5) == ["hello", ""])
        #expect(read(coding, "3\r\nhel\r\n3\r\n", limit: 5) == .failure(.tooLarge))
        #expect(body("", "hello", limit: 5, ends: true) == ["hello", ""])
        #expect(read("", "hello!", limit: 5) == .failure(.tooLarge))
    }

    @Test func answersWithoutABody() {
        for status in ["204 No Content", "304 Not Modified"] {
            guard
                case .complete(let head, "", "rest") = readAnswer("HTTP/1.1 \(status)\r\nContent-Length: 5\r\n\r\nrest")
            else {
                Issue.record("\(status)")
                continue
            }
            #expect(head != nil)
        }
    }

    @Test func contentMustComeAsItIs() {
        #expect(body("Content-Encoding: identity\r\nContent-Length: 1\r\n", "x") == ["x", ""])
        #expect(read("Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x") == .failure(.unsupported))
    }

    @Test func switchingProtocolsUnasked() {
        #expect(readAnswer("HTTP/1.1 101 Switching Protocols\r\n\r\n") == .failure(.malformed))
    }

    // MARK: Refused upgrades

    @Test func upgradesEndHTTP() {
        #expect(
            readAnswer("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 9\r\n\r\n\u{1}frames", isUpgrade: true)
                == .complete(
                    makeHead(101, [("Content-Length", "9")], reason: "Switching Protocols"), body: "",
                    rest: "\u{1}frames"))
    }

    @Test func onlyTheStartOfARefusalIsRead() {
        let long = String(repeating: "x", count: 100_000)
        let start = String(repeating: "x", count: HTTPResponseReader.refusalBodySize)
        for answer in [
            "Content-Length: 100000\r\n\r\n\(long)", "\r\n\(long)",
            "Transfer-Encoding: chunked\r\n\r\n186a0\r\n\(long)",
            "Content-Length: 99999999999\r\n\r\n\(start)", "Content-Encoding: gzip\r\n\r\n\(start)",
        ] {
            guard
                case .complete(let head, let body, _) = readAnswer("HTTP/1.1 503 No\r\n\(answer)", isUpgrade: true)
            else {
                Issue.record("\(answer.prefix(40))")
                continue
            }
            #expect(head?.status == 503)
            #expect(body == start)
        }
        // Shorter ones are read to their end, or to the connection's.
        for answer in ["Content-Length: 4\r\n\r\nwait", "Transfer-Encoding: chunked\r\n\r\n4\r\nwait\r\n0\r\n\r\n"] {
            guard case .complete(_, "wait", "") = readAnswer("HTTP/1.1 503 No\r\n\(answer)", isUpgrade: true) else {
                Issue.record("\(answer)")
                continue
            }
        }
        for answer in ["\r\nwait", "Content-Length: 9\r\n\r\nwait", "Transfer-Encoding: chunked\r\n\r\n9\r\nwait"] {
            let text = "HTTP/1.1 503 No\r\n\(answer)"
            #expect(readAnswer(text, isUpgrade: true) == .incomplete)
            guard case .complete(_, "wait", "") = readAnswer(text, isUpgrade: true, ends: true) else {
                Issue.record("\(answer)")
                continue
            }
        }
        #expect(readAnswer("HTTP/1.1 503 No\r\n", isUpgrade: true, ends: true) == .failure(.truncated))
    }

    // MARK: Pieces

    private static let answers = [
        "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n00c\r\n, big world.\r\n0\r\nT: 1\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nRetry-After: 5\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ]

    @Test(arguments: answers.indices) func everySplitGivesTheSame(number: Int) {
        let answer = Self.answers[number]
        let whole = readAnswer(answer)
        guard case .complete = whole else {
            Issue.record("not complete")
            return
        }
        let size = answer.utf8.count
        for cut in 0...size { #expect(readAnswer(answer, cuts: [cut]) == whole, "cut at \(cut)") }
        for first in 0...size {
            for second in stride(from: first, through: size, by: 7) {
                #expect(readAnswer(answer, cuts: [first, second]) == whole, "cuts at \(first), \(second)")
            }
        }
        #expect(readAnswer(answer, cuts: Array(1..<size)) == whole)
    }

    @Test(arguments: answers.indices) func everyTruncationIsTold(number: Int) {
        let answer = Self.answers[number]
        let size = answer.utf8.count
        for end in 0..<size {
            let start = String(decoding: answer.utf8.prefix(end), as: UTF8.self)
            #expect(readAnswer(start) == .incomplete, "cut at \(end)")
            #expect(readAnswer(start, ends: true) == .failure(.truncated), "cut at \(end)")
        }
    }

    /// Any byte replaced by any other: never a crash, and the same outcome however the bytes come.
    @Test(arguments: answers.indices) func damageIsHandled(number: Int) {
        let answer = Self.answers[number]
        let bytes = Array(answer.utf8)
        for position in bytes.indices {
            for value: UInt8 in [0x00, 0x0A, 0x0D, 0x20, 0x30, 0x3A, 0x41, 0x66, 0x7F] {
                var damaged = bytes
                damaged[position] = value
                let text = String(decoding: damaged, as: UTF8.self)
                let whole = readAnswer(text, ends: true)
                #expect(readAnswer(text, cuts: Array(1..<damaged.count), ends: true) == whole, "\(position), \(value)")
            }
        }
    }
}
