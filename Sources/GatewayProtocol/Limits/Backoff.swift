/// How long to wait before connecting again: exponential with full jitter (`gateway.md` §20).
///
/// The whole span from zero on is used, so that shards which lost their connections together do not come back together.
package struct Backoff: Sendable, Equatable {
    /// Nanoseconds: the longest wait of the first repeated attempt.
    package var first: UInt64
    /// Nanoseconds: the longest wait of any attempt.
    package var limit: UInt64

    /// The longest wait of the attempt that follows a connection which worked (`gateway.md` §20: immediately, small
    /// jitter).
    package static let smallJitter: UInt64 = 100_000_000

    /// - Parameters:
    ///   - first: default 1 s (`gateway.md` §20).
    ///   - limit: default 60 s (`gateway.md` §20).
    package init(first: UInt64 = 1_000_000_000, limit: UInt64 = 60_000_000_000) {
        self.first = first
        self.limit = limit
    }

    /// The wait in nanoseconds before the attempt with this number. Attempt 0 is the first one after a connection that
    /// worked, attempt n the one after n attempts that failed in a row.
    package func delay(attempt: Int, using random: inout some RandomNumberGenerator) -> UInt64 {
        let bound = bound(attempt: attempt)
        return bound == 0 ? 0 : UInt64.random(in: 0..<bound, using: &random)
    }

    /// What the wait of an attempt stays below.
    package func bound(attempt: Int) -> UInt64 {
        if attempt <= 0 { return min(first, Backoff.smallJitter) }
        let shift = attempt &- 1
        // A shift that would lose bits is beyond every limit.
        guard first > 0 else { return 0 }
        guard shift <= first.leadingZeroBitCount else { return limit }
        return min(limit, first << UInt64(shift))
    }
}
