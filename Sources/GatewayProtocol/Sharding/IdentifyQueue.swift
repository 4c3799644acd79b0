/// Who may send IDENTIFY, and when (`gateway.md` §16): one shard per interval and rate-limit key, where a shard's key is
/// its id modulo `max_concurrency`. How many may be sent in a day is the matter of `IdentifyBudget`.
///
/// A shard asks with `request`, is granted by `poll`, and reports `sent` or gives up with `cancel`. The interval counts
/// from `sent`, so a shard that gives up costs nobody anything. Times are nanoseconds of one monotonic clock.
///
/// Shards of one key are granted in the order they asked; keys that are free at once are granted in rising order.
package struct IdentifyQueue: Sendable {
    private struct Key: Sendable {
        /// Tickets in the order of asking, from `head` on; given-up ones stay until they come up.
        var waiting: [Ticket] = []
        var head = 0
        /// How many of them still count.
        var live = 0
        /// When the last IDENTIFY of this key is far enough in the past.
        var freeAt: UInt64 = 0
        /// A shard was granted and has neither sent nor given up.
        var isGranted = false
        /// Whether `ready` has an entry for this key.
        var isListed = false
    }

    private struct Ticket: Sendable {
        var shard: UInt32
        var number: UInt64
    }

    private enum Place: Sendable {
        case waiting(number: UInt64)
        case granted
    }

    /// The modulus of the rate-limit key.
    package let maxConcurrency: UInt32
    /// Nanoseconds between two identifies of a key, the margin included.
    package let spacing: UInt64

    private var keys: [UInt32: Key] = [:]
    private var places: [UInt32: Place] = [:]
    private var nextNumber: UInt64 = 0
    private var granted: UInt32 = 0
    /// The keys that have shards waiting and none granted, by the time they are free.
    private var ready = KeyHeap()

    /// - Parameters:
    ///   - maxConcurrency: of `session_start_limit`, at least 1.
    ///   - interval: nanoseconds, default 5 s (`gateway.md` §16).
    ///   - margin: nanoseconds on top, default 100 ms. The gateway counts from the arrival of an IDENTIFY, which the
    ///     network delays a little more or less each time: exactly 5 s can arrive as less. 100 ms is the least that
    ///     practice recommends (`gateway.md` §16) and costs 2 % of the time to start.
    package init(
        maxConcurrency: UInt32 = 1, interval: UInt64 = 5_000_000_000, margin: UInt64 = 100_000_000
    ) {
        self.maxConcurrency = max(1, maxConcurrency)
        let (sum, overflow) = interval.addingReportingOverflow(margin)
        spacing = overflow ? .max : sum
    }

    // MARK: - Shards

    /// Puts a shard at the end of its key's line; without effect while it waits there or is granted.
    package mutating func request(_ shard: UInt32, now: UInt64) {
        guard places[shard] == nil else { return }
        nextNumber += 1
        places[shard] = .waiting(number: nextNumber)
        let id = shard % maxConcurrency
        compact(id)
        keys[id, default: Key()].waiting.append(Ticket(shard: shard, number: nextNumber))
        keys[id, default: Key()].live += 1
        list(id)
    }

    /// Takes a shard out that has not sent. Its turn goes to the next one at once.
    package mutating func cancel(_ shard: UInt32) {
        guard let place = places.removeValue(forKey: shard) else { return }
        let id = shard % maxConcurrency
        switch place {
        case .waiting:
            keys[id, default: Key()].live -= 1
        case .granted:
            keys[id, default: Key()].isGranted = false
            granted -= 1
            list(id)
        }
        pruneReady()
    }

    /// Counts an IDENTIFY that a shard sent at `now`, which need not have been granted here.
    package mutating func sent(_ shard: UInt32, now: UInt64) {
        cancel(shard)
        let (free, overflow) = now.addingReportingOverflow(spacing)
        let id = shard % maxConcurrency
        keys[id, default: Key()].freeAt = max(keys[id, default: Key()].freeAt, overflow ? .max : free)
        relist(id)
    }

    /// The shards that may send IDENTIFY now. Each of them has to be answered with `sent` or `cancel`.
    package mutating func poll(now: UInt64) -> [UInt32] {
        var free: [UInt32] = []
        while let entry = ready.first, entry.time <= now {
            ready.removeFirst()
            // A key that got a later time after it was listed is listed again for that.
            guard keys[entry.key]?.isListed == true, keys[entry.key]?.freeAt == entry.time else { continue }
            keys[entry.key]?.isListed = false
            if keys[entry.key]?.live ?? 0 > 0 { free.append(entry.key) }
        }
        free.sort()
        var shards: [UInt32] = []
        for id in free {
            guard let shard = takeNext(id) else { continue }
            places[shard] = .granted
            keys[id]?.isGranted = true
            granted += 1
            shards.append(shard)
        }
        pruneReady()
        return shards
    }

    /// When `poll` should be called next; nil while nobody waits, or only shards whose key is granted to another one.
    package var nextDeadline: UInt64? { ready.first?.time }

    /// How many shards wait.
    package var waitingCount: Int { places.count - Int(granted) }

    /// How many shards are granted and have not sent yet.
    package var grantedCount: Int { Int(granted) }

    // MARK: - Keys

    private mutating func takeNext(_ id: UInt32) -> UInt32? {
        guard var key = keys.removeValue(forKey: id) else { return nil }
        defer { keys[id] = key }
        while key.head < key.waiting.count {
            let ticket = key.waiting[key.head]
            key.head += 1
            if key.head == key.waiting.count {
                key.waiting.removeAll(keepingCapacity: false)
                key.head = 0
            }
            if isWaiting(ticket) {
                key.live -= 1
                return ticket.shard
            }
        }
        return nil
    }

    private func isWaiting(_ ticket: Ticket) -> Bool {
        guard case .waiting(let number)? = places[ticket.shard] else { return false }
        return number == ticket.number
    }

    /// Drops given-up and served tickets once they are the larger part, so that shards which ask and give up all the
    /// time do not make the line longer and longer.
    private mutating func compact(_ id: UInt32) {
        guard let key = keys[id], key.waiting.count > 2 * key.live + 16 else { return }
        let waiting = key.waiting[key.head...].filter { isWaiting($0) }
        keys[id]?.waiting = waiting
        keys[id]?.head = 0
    }

    private mutating func list(_ id: UInt32) {
        guard let key = keys[id], key.live > 0, !key.isGranted, !key.isListed else { return }
        keys[id]?.isListed = true
        ready.insert(KeyHeap.Entry(time: key.freeAt, key: id))
    }

    /// Lists a key again whose time has changed; the old entry does not fit any more and is dropped when it comes up.
    private mutating func relist(_ id: UInt32) {
        keys[id]?.isListed = false
        list(id)
        pruneReady()
    }

    /// Drops what stands at the front without reason, so that `nextDeadline` is never too early.
    private mutating func pruneReady() {
        while let entry = ready.first {
            guard let key = keys[entry.key] else { return }
            let isCurrent = key.isListed && key.freeAt == entry.time
            if isCurrent, key.live > 0 { return }
            if isCurrent { keys[entry.key]?.isListed = false }
            ready.removeFirst()
        }
    }
}
