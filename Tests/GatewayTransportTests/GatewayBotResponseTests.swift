import Testing

@testable import GatewayTransport

@Suite struct GatewayBotResponseTests {
    private static let body =
        #"{"url":"wss:\/\/gateway.discord.gg","shards":9,"session_start_limit":"#
        + #"{"total":1000,"remaining":999,"reset_after":14400000,"max_concurrency":1},"more":[1]}"#

    private func parse(_ text: String) throws(HTTPError) -> GatewayBotResponse {
        try GatewayBotResponse(Array(text.utf8))
    }

    /// Why a body is refused.
    private func reason(_ text: String) -> String? {
        do throws(HTTPError) {
            _ = try parse(text)
            return nil
        } catch {
            #expect(error.kind == .malformed)
            return error.reason.description
        }
    }

    private func replacing(_ part: String, _ other: String) -> String {
        var text = Self.body
        guard let range = text.firstRange(of: part) else { return "" }
        text.replaceSubrange(range, with: other)
        return text
    }

    @Test func whole() throws {
        let answer = try parse(Self.body)
        #expect(answer.url == "wss://gateway.discord.gg")
        #expect(answer.shards == 9)
        #expect(answer.total == 1000)
        #expect(answer.remaining == 999)
        #expect(answer.resetAfterMilliseconds == 14_400_000)
        #expect(answer.maxConcurrency == 1)
    }

    @Test func gatewayWithoutBot() throws {
        let url = try GatewayResponse(Array(#"{"url": "wss://gateway.discord.gg/"}"#.utf8)).url
        #expect(url == "wss://gateway.discord.gg/")
        #expect(throws: HTTPError.self) { try GatewayResponse(Array("{}".utf8)) }
    }

    @Test func nothingIsMadeUp() {
        for text in ["", "{}", "[]", "null", "<html>", #"{"url":""}"#, #"{"url":5}"#, #"{"url":null}"#, #"{"url":"x"#] {
            #expect(reason(text) == "the answer has no usable url", "\(text)")
        }
        for value in ["0", "-1", "1.5", "null", "true", "[]", "4294967296", #""nine""#] {
            #expect(reason(replacing(#""shards":9"#, #""shards":\#(value)"#)) == "the answer has no usable shards")
            #expect(
                reason(replacing(#""max_concurrency":1"#, #""max_concurrency":\#(value)"#))
                    == "the answer has no usable session_start_limit.max_concurrency")
        }
        for name in ["total", "remaining", "reset_after", "max_concurrency"] {
            #expect(
                reason(replacing("\"\(name)\"", "\"x\"")) == "the answer has no usable session_start_limit.\(name)")
        }
        #expect(
            reason(replacing("14400000", "99999999999999"))
                == "the answer has no usable session_start_limit.reset_after")
        #expect(reason(replacing(#""remaining":999"#, #""remaining":0"#)) == nil)
    }

    @Test func everyTruncationIsRefused() {
        // From here on all the fields are there; the reader does not look further.
        let complete = Self.body.utf8.count - "}},\"more\":[1]".utf8.count
        for end in 0..<complete {
            let text = String(decoding: Self.body.utf8.prefix(end), as: UTF8.self)
            #expect(reason(text) != nil, "cut at \(end)")
        }
    }
}
