/// Client frames within a sliding window (`gateway.md` §12).
struct FrameWindow: Sendable {
    let limit: Int
    let window: UInt64
    private var times: [UInt64] = []
    private var head = 0

    /// - Parameters:
    ///   - limit: frames allowed per window; 0 allows any number.
    ///   - window: nanoseconds.
    init(limit: Int, window: UInt64) {
        self.limit = limit
        self.window = window
    }

    /// Counts a frame; false when it is one too many.
    mutating func admit(at now: UInt64) -> Bool {
        guard limit > 0 else { return true }
        if times.count < limit {
            times.append(now)
            return true
        }
        guard now &- times[head] >= window else { return false }
        times[head] = now
        head = (head + 1) % limit
        return true
    }
}

/// One identify per rate-limit key and window (`gateway.md` §16).
struct IdentifyGate: Sendable {
    let maxConcurrency: UInt64
    let window: UInt64
    private var admitted: [UInt64: UInt64] = [:]

    init(maxConcurrency: Int, window: UInt64) {
        self.maxConcurrency = UInt64(max(1, maxConcurrency))
        self.window = window
    }

    /// Takes the key's place in the window; false when it is taken.
    mutating func admit(shard: UInt64, at now: UInt64) -> Bool {
        let key = shard % maxConcurrency
        if let last = admitted[key], now &- last < window { return false }
        admitted[key] = now
        return true
    }
}

/// `session_start_limit` (`gateway.md` §2): identifies left in the running period.
struct SessionStartLimit: Sendable {
    let total: Int
    let period: UInt64
    private(set) var remaining: Int
    private var periodStart: UInt64

    init(total: Int, remaining: Int, period: UInt64, now: UInt64) {
        self.total = total
        self.remaining = remaining
        self.period = period
        periodStart = now
    }

    /// Counts an identify; false when none was left.
    mutating func take(at now: UInt64) -> Bool {
        roll(to: now)
        guard remaining > 0 else { return false }
        remaining -= 1
        return true
    }

    /// Milliseconds until all identifies are back.
    mutating func resetAfter(at now: UInt64) -> UInt64 {
        roll(to: now)
        return remaining == total ? 0 : (period - (now - periodStart)) / 1_000_000
    }

    mutating func set(remaining: Int) { self.remaining = max(0, remaining) }

    private mutating func roll(to now: UInt64) {
        guard now - periodStart >= period else { return }
        periodStart = now
        remaining = total
    }
}
