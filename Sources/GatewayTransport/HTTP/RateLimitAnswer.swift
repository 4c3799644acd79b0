/// What a 429 says (gateway.md §2).
package struct RateLimitAnswer: Equatable, Sendable {
    /// Assumed when the answer does not say how long, in nanoseconds: 5 s (practice). An early retry counts toward a ban.
    package static let defaultWait: UInt64 = 5_000_000_000

    /// Nanoseconds to wait; at most a day.
    package var wait: UInt64
    /// The limit is the bot's or the address's, not the route's.
    package var isGlobal: Bool

    /// Reads the headers first, since Cloudflare answers without JSON, then the body, which has the fraction. The longest
    /// wait that any of them names counts: the header is a whole number, rounded either way.
    package init(_ response: HTTPResponse) {
        let head = response.head
        var waits: [UInt64] = []
        if let header = RetryAfter.nanoseconds(head) { waits.append(header) }
        (wait, isGlobal) = response.body.withUnsafeBytes { body in
            if let seconds = JSONBody.double(body, "/retry_after") { waits.append(RetryAfter.nanoseconds(seconds)) }
            if waits.isEmpty, let seconds = head.first("X-RateLimit-Reset-After").flatMap(RetryAfter.seconds) {
                waits.append(RetryAfter.nanoseconds(seconds))
            }
            let isGlobal =
                head.listContains("X-RateLimit-Global", "true") || head.listContains("X-RateLimit-Scope", "global")
                || JSONBody.bool(body, "/global") == true
            return (waits.max() ?? Self.defaultWait, isGlobal)
        }
    }
}
