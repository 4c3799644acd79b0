/// Reads a cluster's queues for its one consumer, and notes what the consumer has finished. Used by one task at a time:
/// the one that has the channel's claim.
final class EventReader: @unchecked Sendable {
    private var buffer: EventBuffer?
    /// Where the buffer's records come from; nil when none of them is left unfinished.
    private var source: EventChannel.Source?
    private var at = 0
    /// The event that the consumer has in hand: its place in the buffer, negative for none.
    private var inHand = -1
    private var sources: [EventChannel.Source] = []
    private var version = 0
    private var turn = 0

    /// The consumer asks for more: what it had in hand is finished.
    @inline(__always)
    func finish() {
        guard inHand >= 0 else { return }
        let offset = inHand
        inHand = -1
        guard let buffer, let source, !source.queue.abandoned.load(ordering: .relaxed) else { return }
        buffer.record(at: offset).noteDelivered()
    }

    /// The next event of those that wait; nil when none does. `finish` first.
    @inline(__always)
    func next(of channel: EventChannel) -> Event? {
        while true {
            if let event = nextOfBuffer() { return event }
            guard refill(from: channel) else { return nil }
        }
    }

    @inline(__always)
    private func nextOfBuffer() -> Event? {
        guard let buffer, let source else { return nil }
        // The deadline of a shutdown has passed: the rest counts as not delivered.
        guard !source.queue.abandoned.load(ordering: .relaxed) else { return nil }
        while at < buffer.count {
            let record = buffer.record(at: at)
            let offset = at
            at += record.size
            guard record.tag == .event else {
                record.noteDelivered()
                continue
            }
            inHand = offset
            return Event(buffer: buffer, offset: offset, shardID: record.shardID)
        }
        return nil
    }

    /// Takes records from the next queue that has some. Everything taken before is finished.
    private func refill(from channel: EventChannel) -> Bool {
        source = nil
        at = 0
        // Other queues may never be empty: say here that one that is to end is.
        if channel.isClosing { _ = channel.look() }
        if let changed = channel.sources(since: &version) { sources = changed }
        for _ in sources.indices {
            turn = turn + 1 < sources.count ? turn + 1 : 0
            let candidate = sources[turn]
            guard candidate.queue.take(into: &buffer) else { continue }
            if buffer != nil { source = candidate }
            return true
        }
        return false
    }

    /// The run is over: nothing of it is handed out or noted any more. Returns what it kept alive.
    func takeRest() -> [AnyObject] {
        let rest: [AnyObject] = sources + ([buffer, source] as [AnyObject?]).compactMap { $0 }
        (buffer, source, sources) = (nil, nil, [])
        (at, inHand, version) = (0, -1, 0)
        return rest
    }
}
