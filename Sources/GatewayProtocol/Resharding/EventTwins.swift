/// Finds the copies of events that come in over two sets of shards of the same bot.
///
/// Each set gets the events of a guild in the same order, so the first of several equal events on one side is a copy of the
/// first one on the other, the second of the second, and so on. What came on one side and not yet on the other waits.
///
/// The copy of what comes soon after this began may have come before, and is not waited for: see `begin`.
package struct EventTwins: Sendable {
    private enum Side {
        case outgoing
        case incoming
    }

    private struct Single {
        let time: UInt64
        /// The event that is kept until it turns out whether the other side gets it as well.
        let held: UInt64?
    }

    /// All of one key are of one side: those of two sides would be pairs.
    private struct Waiting {
        var side: Side
        var singles: [Single]
    }

    private var waiting: [UInt64: Waiting] = [:]
    /// Until when what comes may have had its copy before the beginning.
    private var uncertainUntil: UInt64 = 0
    /// What came in that time, in its order; some of it has found its copy.
    private var uncertain: [(time: UInt64, key: UInt64)] = []
    /// Events that wait for their copies.
    package private(set) var count = 0

    package init() {}

    /// From now on both sides are heard. `window`: the most that two copies are apart.
    package mutating func begin(now: UInt64, window: UInt64) { uncertainUntil = now + window }

    /// An event on the side that is being replaced, which is handed out. Returns the held copy, if it came before.
    package mutating func outgoing(_ key: UInt64, now: UInt64) -> UInt64? {
        if let copy = match(key, on: .incoming) { return copy.held }
        wait(key, .outgoing, Single(time: now, held: nil))
        return nil
    }

    /// An event on the new side. Returns whether it is the copy of one that was handed out; if not, `held` waits for it.
    package mutating func incoming(_ key: UInt64, held: UInt64, now: UInt64) -> Bool {
        if match(key, on: .outgoing) != nil { return true }
        wait(key, .incoming, Single(time: now, held: held))
        return false
    }

    /// The same when the other side gets nothing any more, and what is no copy is handed out at once.
    package mutating func incoming(_ key: UInt64) -> Bool { match(key, on: .outgoing) != nil }

    /// Gives up on copies of what came at `time` or before, and shortly after the beginning. Returns what was held of it.
    package mutating func expire(upTo time: UInt64) -> [UInt64] {
        var held: [UInt64] = []
        let old = uncertain.prefix { $0.time <= time }
        for (_, key) in old {
            guard var entry = waiting[key] else { continue }
            let gone = entry.singles.prefix { $0.time <= time && $0.time <= uncertainUntil }
            held += gone.compactMap(\.held)
            count -= gone.count
            entry.singles.removeFirst(gone.count)
            waiting[key] = entry.singles.isEmpty ? nil : entry
        }
        uncertain.removeFirst(old.count)
        return held
    }

    private mutating func match(_ key: UInt64, on side: Side) -> Single? {
        guard var entry = waiting[key], entry.side == side else { return nil }
        let single = entry.singles.removeFirst()
        waiting[key] = entry.singles.isEmpty ? nil : entry
        count -= 1
        return single
    }

    private mutating func wait(_ key: UInt64, _ side: Side, _ single: Single) {
        waiting[key, default: Waiting(side: side, singles: [])].singles.append(single)
        if single.time <= uncertainUntil { uncertain.append((single.time, key)) }
        count += 1
    }
}
