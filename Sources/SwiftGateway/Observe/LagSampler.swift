/// Chooses the events whose delivery is timed: a look at the clock for each would cost 1 % of it where every event comes
/// alone. All that come a millisecond or more after the last chosen one are, and of those that follow each other faster
/// every eighth: what one in eight batches meets is met by the others too.
struct LagSampler {
    private static let gap: UInt64 = 1_000_000
    private static let every = 8

    private var last: UInt64 = 0
    private var skipped = 0

    /// `time`: when the event was read, in nanoseconds.
    @inline(__always)
    mutating func takes(_ time: UInt64) -> Bool {
        skipped &+= 1
        guard skipped >= Self.every || time &- last >= Self.gap else { return false }
        skipped = 0
        last = time
        return true
    }
}
