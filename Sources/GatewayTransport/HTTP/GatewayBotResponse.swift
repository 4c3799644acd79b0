/// The body of `GET /gateway/bot` (gateway.md §2).
package struct GatewayBotResponse: Equatable, Sendable {
    /// Where the gateway is, without a query; with or without a slash at the end.
    package var url: String
    /// The recommended number of shards, at least 1.
    package var shards: UInt32
    /// Identifies allowed per period.
    package var total: UInt32
    /// Identifies left of them.
    package var remaining: UInt32
    /// Milliseconds until `remaining` is `total` again.
    package var resetAfterMilliseconds: UInt64
    /// Identifies allowed per 5 seconds, at least 1.
    package var maxConcurrency: UInt32

    /// Reads a body.
    ///
    /// - Throws: `malformed`, naming the field that is missing or makes no sense.
    package init(_ body: [UInt8]) throws(HTTPError) {
        url = try GatewayResponse(body).url
        shards = try Self.count(body, "/shards", "the answer has no usable shards")
        total = try Self.count(
            body, "/session_start_limit/total", from: 0, "the answer has no usable session_start_limit.total")
        remaining = try Self.count(
            body, "/session_start_limit/remaining", from: 0, "the answer has no usable session_start_limit.remaining")
        maxConcurrency = try Self.count(
            body, "/session_start_limit/max_concurrency",
            "the answer has no usable session_start_limit.max_concurrency")
        let pointer: StaticString = "/session_start_limit/reset_after"
        guard let reset = body.withUnsafeBytes({ JSONBody.uint64($0, pointer) }), reset <= Self.maxResetAfter else {
            throw HTTPError(.malformed, "the answer has no usable session_start_limit.reset_after")
        }
        resetAfterMilliseconds = reset
    }

    /// The period is a day; a value beyond 366 days, in milliseconds, is an error, and would be one in nanoseconds too.
    private static let maxResetAfter: UInt64 = 366 * 86_400_000

    private static func count(
        _ body: [UInt8], _ pointer: StaticString, from least: UInt64 = 1, _ reason: StaticString
    ) throws(HTTPError) -> UInt32 {
        guard let value = body.withUnsafeBytes({ JSONBody.uint64($0, pointer) }), value >= least,
            let count = UInt32(exactly: value)
        else { throw HTTPError(.malformed, reason) }
        return count
    }
}

/// The body of `GET /gateway`, and the part of `/gateway/bot` that they share.
package struct GatewayResponse: Equatable, Sendable {
    /// Where the gateway is.
    package var url: String

    /// - Throws: `malformed` without a URL.
    package init(_ body: [UInt8]) throws(HTTPError) {
        guard let url = body.withUnsafeBytes({ JSONBody.string($0, "/url") }), !url.isEmpty else {
            throw HTTPError(.malformed, "the answer has no usable url")
        }
        self.url = url
    }
}
