import GatewayProtocol
import GatewayTransport

/// A shard's part in a resharding.
extension ShardRunner {
    func enter(_ entrance: ReshardEntrance) {
        reshard = entrance
        if paused { entrance.reading(isPaused: true) }
    }

    /// Whether a dispatch that passes the filter is to be delivered now.
    @inline(never)
    func mayDeliver(_ event: EventView, position: DeliveredPosition, through entrance: ReshardEntrance) -> Bool {
        switch entrance.role {
        case .outgoing:
            if !event.isOfSession { entrance.gate.noteOutgoing(event, now: loop.now) }
            return true
        case .left:
            // And not noted as seen: should the process die before the new sessions are kept, it is replayed.
            return false
        case .early, .incoming:
            if event.type == .ready { entrance.ready(event.data) }
            let isKnown = event.isOfSession || (event.type == .guildCreate && entrance.isKnownGuild(event.data))
            let needsNone = isKnown || entrance.role == .early
            let settled: DeliveredPosition
            if needsNone {
                settled = entrance.gate.settled(cell.id, upTo: position)
            } else if case .hold(let reached) = entrance.gate.judge(event, position: position, now: loop.now) {
                settled = reached
            } else {
                settled = .none
            }
            // Nothing of this shard is in the delivery queue, which would note it otherwise.
            if settled != .none { cell.noteDelivered(settled) }
            return false
        case .trailing:
            guard !event.isOfSession, entrance.gate.judge(event, position: position, now: loop.now) == .drop else {
                return true
            }
            skip(to: position)
            return false
        }
    }

    /// An old shard hands out nothing more, but that it has stopped. Returns where its delivery queue must have got to
    /// for everything before that to be delivered.
    func leave() -> Int {
        guard let entrance = reshard else { return 0 }
        if session.state != .fatal { tellState(.stopped) }
        entrance.role = .left
        return context.queue?.end ?? 0
    }

    /// A new shard begins to hand out events: first those that were held back and did not come from an old one.
    func takeOver() {
        guard let entrance = reshard else { return }
        backlog = entrance.gate.takeOver(cell.id)[...]
        entrance.role = .trailing
        tellState(session.state)
        if !flushBacklog() { pauseReading() }
        context.queue?.flush()
    }

    /// Delivers what was held back, as far as there is room. Returns whether that was all of it.
    @inline(never)
    func flushBacklog() -> Bool {
        while let event = backlog.first {
            if let queue = context.queue, !queue.hasRoom { return false }
            backlog.removeFirst()
            event.withEvent { deliver($0, position: event.position) }
        }
        return true
    }
}

extension EventView {
    /// Whether it speaks of the session and not of what goes on: each session has its own.
    fileprivate var isOfSession: Bool { type == .ready || type == .resumed }
}
