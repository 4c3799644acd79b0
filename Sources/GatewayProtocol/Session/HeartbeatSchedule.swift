/// When to beat, and whether the peer still answers (`gateway.md` §6).
package struct HeartbeatSchedule: Sendable {
    /// What a due heartbeat comes to.
    package enum Verdict: Equatable, Sendable {
        case notDue
        case beat
        /// The peer is dead: give the connection up.
        case zombie
    }

    package let interval: UInt64
    package private(set) var nextBeat: UInt64
    /// When the oldest heartbeat without an answer was sent.
    private var unansweredSince: UInt64?
    /// A scheduled heartbeat is without an answer. One that the server asked for does not count: it may have been sent
    /// a moment before the next scheduled one.
    private var scheduledBeatUnanswered = false
    private var graceUsed = false
    private var readSinceBeat = false
    private var pausedSinceBeat = false

    /// The first beat comes after `interval × jitter`, jitter uniform in [0, 1).
    package init(interval: UInt64, now: UInt64, random: inout some RandomNumberGenerator) {
        self.interval = interval
        nextBeat = now + UInt64.random(in: 0..<max(interval, 1), using: &random)
    }

    /// Bytes came in, of whatever kind.
    package mutating func noteRead() { readSinceBeat = true }

    /// Decides on the scheduled heartbeat. `readPaused`: this side is not reading now, so a missing answer says nothing.
    package mutating func due(now: UInt64, policy: SessionSettings.ZombiePolicy, readPaused: Bool) -> Verdict {
        guard now >= nextBeat else { return .notDue }
        if scheduledBeatUnanswered, !readPaused, !pausedSinceBeat {
            if policy == .strict || graceUsed || !readSinceBeat { return .zombie }
            graceUsed = true
        }
        pausedSinceBeat = readPaused
        // A late timer does not shift the schedule; beats that were missed altogether are not made up for.
        nextBeat = nextBeat + interval > now ? nextBeat + interval : now + interval
        return .beat
    }

    /// This side stopped reading for a while: until the beat after the next, a missing answer says nothing.
    package mutating func noteReadPause() { pausedSinceBeat = true }

    /// A heartbeat went out, scheduled or asked for by the server.
    package mutating func sent(now: UInt64, scheduled: Bool) {
        if unansweredSince == nil { unansweredSince = now }
        if scheduled {
            scheduledBeatUnanswered = true
            readSinceBeat = false
        }
    }

    /// An ACK came in. Returns the round trip, or nil when no heartbeat was waiting for one.
    package mutating func acknowledged(now: UInt64) -> UInt64? {
        defer {
            unansweredSince = nil
            scheduledBeatUnanswered = false
            graceUsed = false
        }
        return unansweredSince.map { now &- $0 }
    }
}
