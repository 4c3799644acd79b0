import Synchronization

/// How often durations fell into which range, and their sum: one writer, any number of readers, no locks.
final class DurationHistogram: Sendable {
    /// The upper bounds of the ranges in nanoseconds, rising. What is above the last one has a range of its own.
    let bounds: [UInt64]
    private let counts: CounterRow
    private let sum = Atomic<UInt64>(0)

    init(bounds: [UInt64]) {
        self.bounds = bounds
        counts = CounterRow(count: bounds.count + 1)
    }

    /// Only the one writer may call this. Nanoseconds.
    func record(_ duration: UInt64) {
        var index = 0
        while index < bounds.count, duration > bounds[index] { index += 1 }
        counts.add(at: index)
        sum.addByOnlyWriter(duration)
    }

    /// What was counted so far. Taken while the writer goes on, `sum` may be one duration ahead or behind.
    var snapshot: Snapshot { Snapshot(bounds: bounds, counts: counts.values, sum: sum.load(ordering: .relaxed)) }

    struct Snapshot: Equatable {
        let bounds: [UInt64]
        /// Each range on its own; one more than there are bounds.
        var counts: [UInt64]
        /// Nanoseconds.
        var sum: UInt64

        /// Of several writers, all with the same bounds; nil without any.
        static func merged(_ parts: [Snapshot]) -> Snapshot? {
            guard var all = parts.first else { return nil }
            for part in parts.dropFirst() {
                for (index, count) in part.counts.enumerated() where index < all.counts.count {
                    all.counts[index] &+= count
                }
                all.sum &+= part.sum
            }
            return all
        }
    }
}

extension DurationHistogram {
    /// Round trips of heartbeats. A bot near Discord has 10 to 30 ms, one across an ocean 80 to 300; from a second on
    /// something is wrong; a connection is given up after one interval of 41.25 s, or two (`gateway.md` §6). The finest
    /// ones are for gateways on the same machine.
    static let heartbeatBounds: [UInt64] = [
        1, 5, 10, 25, 50, 75, 100, 150, 200, 300, 500, 1_000, 2_500, 5_000, 10_000, 41_250,
    ].map { $0 * 1_000_000 }

    /// From reading an event to the handler. A handler that keeps up sees tens of microseconds; an interaction must be
    /// answered within 3 s (`gateway.md` §21), a request for members is given up after 10 s of silence (§13).
    static let lagBounds: [UInt64] = [
        25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        3_000_000, 10_000_000, 60_000_000,
    ].map { $0 * 1_000 }
}
