import Testing

@testable import GatewayTransport

@Suite struct RateLimitAnswerTests {
    private func answer(_ headers: [(String, String)], _ body: String = "") -> RateLimitAnswer {
        RateLimitAnswer(HTTPResponse(head: makeHead(429, headers), body: Array(body.utf8)))
    }

    @Test func waits() {
        // Cloudflare: no JSON.
        #expect(answer([("Retry-After", "30")], "<html>error 1015</html>").wait == 30_000_000_000)
        // Discord: the header rounded, the fraction in the body; whichever is longer.
        #expect(answer([("Retry-After", "1")], #"{"retry_after": 0.529}"#).wait == 1_000_000_000)
        #expect(answer([("Retry-After", "64")], #"{"retry_after": 64.57, "global": false}"#).wait == 64_570_000_000)
        #expect(answer([], #"{"message":"x","retry_after":2.5}"#).wait == 2_500_000_000)
        #expect(answer([("X-RateLimit-Reset-After", "1.25")]).wait == 1_250_000_000)
        #expect(answer([("X-RateLimit-Reset-After", "9"), ("Retry-After", "2")]).wait == 2_000_000_000)
        #expect(answer([("Retry-After", "0")]).wait == 0)
    }

    @Test func hostileValues() {
        for body in ["", "{", "[]", #"{"retry_after":"soon"}"#, #"{"retry_after":null}"#] {
            #expect(answer([], body).wait == RateLimitAnswer.defaultWait, "\(body)")
        }
        #expect(answer([], #"{"retry_after":-5}"#).wait == 0)
        #expect(answer([], #"{"retry_after":1e300}"#).wait == 86_400_000_000_000)
        #expect(answer([], #"{"retry_after":1e999}"#).wait == 86_400_000_000_000)
    }

    @Test func global() {
        #expect(answer([("X-RateLimit-Global", "true")]).isGlobal)
        #expect(answer([("X-RateLimit-Scope", "global")]).isGlobal)
        #expect(answer([], #"{"global":true}"#).isGlobal)
        #expect(!answer([("X-RateLimit-Scope", "user")], #"{"global":false}"#).isGlobal)
    }

    @Test func responses() throws {
        func response(_ status: Int, _ body: String) -> HTTPResponse {
            HTTPResponse(head: makeHead(status, [("Retry-After", "3")]), body: Array(body.utf8))
        }
        #expect(response(429, "").rateLimitWait == 3_000_000_000)
        #expect(response(401, #"{"message": "401: Unauthorized", "code": 0}"#).excerpt == "401: Unauthorized")
        #expect(
            response(403, #"{"code": 40333, "message": "internal network error"}"#).excerpt
                == "internal network error (code 40333)")
        #expect(response(403, "<html>\n<b>denied</b>\u{0}").excerpt == "<html> <b>denied</b>")
        #expect(response(500, "").excerpt == "")
        #expect(response(500, String(repeating: "x", count: 9000)).excerpt.utf8.count == 512)
        #expect(response(500, #"{"message":"\#(String(repeating: "x", count: 4000))"}"#).excerpt.utf8.count == 480)
    }

    @Test func aReaderMakesAResponseWhenComplete() throws {
        var reader = HTTPResponseReader()
        var consumed = 0
        #expect(reader.response == nil)
        let isComplete = try Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".utf8).withUnsafeBytes {
            bytes throws(HTTPError) in try reader.consume(bytes, consumed: &consumed)
        }
        #expect(isComplete)
        #expect(reader.response?.status == 200)
        #expect(reader.response?.body == Array("{}".utf8))
    }
}
