/// The gateway's limit on what a connection may send (`gateway.md` §12): at most `limit` payloads within any `window`.
///
/// A log of send times rather than a token bucket, which can let through nearly twice the limit in an unlucky window.
/// Everything sent counts. Heartbeats are never refused: room for as many as fit in a window is kept free for them.
/// A new connection starts with a new window; call `reset()`.
package struct SendWindow: Sendable {
    /// Payloads per window, zero for no limit.
    package let limit: Int
    /// Nanoseconds.
    package let window: UInt64
    /// Payloads of each window that only heartbeats may use.
    package private(set) var reserve: Int

    /// The send times of the last `count` payloads, at most `limit` of them, oldest first from `head` around the end.
    /// The lowest bit tells a heartbeat. Grows as it is used, as most shards send nothing but heartbeats.
    private var ring: [UInt64] = []
    private var head = 0
    private var count = 0
    private var heartbeats = 0
    /// The newest time seen. Earlier ones are taken for it: the log has to stay sorted.
    private var latest: UInt64 = 0

    /// - Parameters:
    ///   - limit: payloads per window, default 120 (`gateway.md` §12), 0 for no limit.
    ///   - window: nanoseconds, default 60 s (`gateway.md` §12).
    package init(limit: Int = 120, window: UInt64 = 60_000_000_000) {
        self.limit = max(0, limit)
        self.window = max(1, window)
        reserve = 0
        // Until HELLO tells the interval: one typical interval (`gateway.md` §6).
        setHeartbeatInterval(41_250_000_000)
    }

    /// Keeps `ceil(window / interval) + 1` payloads free for heartbeats (`gateway.md` §12, practice), though never more
    /// than half of the limit, so that commands get through under a small one too.
    package mutating func setHeartbeatInterval(_ interval: UInt64) {
        // ceil(a / b) is (a − 1) / b + 1 for integers from 1 on.
        let beats = (window &- 1) / max(1, interval) &+ 2
        reserve = Int(clamping: min(UInt64(limit / 2), beats))
    }

    /// Forgets everything sent, as the gateway counts per connection. The interval of heartbeats stays.
    package mutating func reset() {
        ring = []
        (head, count, heartbeats, latest) = (0, 0, 0, 0)
    }

    /// Counts a payload sent at `now`, whether it was permitted or not.
    package mutating func record(heartbeat: Bool, now: UInt64) {
        guard limit > 0 else { return }
        expire(now)
        // More than the limit within a window can only be heartbeats that nobody planned: the newest ones decide when
        // commands may go on.
        if count == limit { dropOldest() }
        if count == ring.count { grow() }
        ring[index(count)] = latest << 1 | (heartbeat ? 1 : 0)
        count &+= 1
        if heartbeat { heartbeats &+= 1 }
    }

    /// How many commands may be sent at `now`, `Int.max` without a limit.
    package mutating func permits(now: UInt64) -> Int {
        guard limit > 0 else { return .max }
        expire(now)
        return permits(count, heartbeats)
    }

    /// When the next command may be sent, nil when one may be sent at `now`.
    package mutating func nextPermit(now: UInt64) -> UInt64? {
        guard permits(now: now) <= 0 else { return nil }
        var (count, heartbeats) = (count, heartbeats)
        var offset = 0
        while offset < self.count {
            let entry = ring[index(offset)]
            offset &+= 1
            count &-= 1
            heartbeats &-= Int(entry & 1)
            if permits(count, heartbeats) > 0 { return saturatingAdd(entry >> 1, window) }
        }
        return saturatingAdd(latest, window)
    }

    /// The payloads of the last window, heartbeats included, at most `limit`.
    package mutating func used(now: UInt64) -> Int {
        expire(now)
        return count
    }

    private func permits(_ count: Int, _ heartbeats: Int) -> Int {
        // Heartbeats use the reserve first; only those beyond it take from the commands.
        max(0, limit &- (count &- heartbeats) &- max(reserve, heartbeats))
    }

    private func saturatingAdd(_ time: UInt64, _ duration: UInt64) -> UInt64 {
        let (sum, overflow) = time.addingReportingOverflow(duration)
        return overflow ? .max : sum
    }

    private mutating func expire(_ now: UInt64) {
        latest = max(latest, min(now, .max >> 1))
        while count > 0, latest &- (ring[head] >> 1) >= window { dropOldest() }
    }

    private func index(_ offset: Int) -> Int {
        let index = head &+ offset
        return index < ring.count ? index : index &- ring.count
    }

    private mutating func dropOldest() {
        if ring[head] & 1 == 1 { heartbeats &-= 1 }
        head = index(1)
        count &-= 1
    }

    private mutating func grow() {
        var larger: [UInt64] = []
        let capacity = min(limit, max(4, ring.count &* 2))
        larger.reserveCapacity(capacity)
        for offset in 0..<count { larger.append(ring[index(offset)]) }
        larger.append(contentsOf: repeatElement(0, count: capacity &- count))
        ring = larger
        head = 0
    }
}
