/// The round trips of a connection's heartbeats, in nanoseconds.
package struct LatencyWindow: Sendable, Equatable {
    /// How many of the newest round trips are kept one by one (practice).
    package static let recentLimit = 5

    private var ring: InlineArray<5, UInt64> = .init(repeating: 0)
    private var sum: UInt64 = 0
    /// How many round trips were recorded.
    package private(set) var count: UInt64 = 0
    /// The shortest round trip, nil before the first.
    package private(set) var minimum: UInt64?
    /// The longest round trip, nil before the first.
    package private(set) var maximum: UInt64?

    package init() {}

    package mutating func record(_ roundTrip: UInt64) {
        ring[Int(truncatingIfNeeded: count % 5)] = roundTrip
        count &+= 1
        let (total, overflow) = sum.addingReportingOverflow(roundTrip)
        sum = overflow ? .max : total
        minimum = min(minimum ?? .max, roundTrip)
        maximum = max(maximum ?? 0, roundTrip)
    }

    /// The newest round trip, nil before the first.
    package var last: UInt64? { count == 0 ? nil : ring[Int(truncatingIfNeeded: (count &- 1) % 5)] }

    /// The mean of all round trips, nil before the first.
    package var average: UInt64? { count == 0 ? nil : sum / count }

    /// The newest round trips, five at most, the newest first.
    package var recent: [UInt64] {
        (0..<min(count, 5)).map { ring[Int(truncatingIfNeeded: (count &- 1 &- $0) % 5)] }
    }

    package static func == (a: LatencyWindow, b: LatencyWindow) -> Bool {
        a.count == b.count && a.sum == b.sum && a.minimum == b.minimum && a.maximum == b.maximum && a.recent == b.recent
    }
}
