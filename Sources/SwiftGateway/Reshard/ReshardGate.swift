import GatewayProtocol
import GatewayTransport

/// Where the dispatches of the old and the new shards meet while a cluster is resharded: what the old ones hand out is
/// remembered, what the new ones get is held back until it turns out to be a copy of that. Exists only meanwhile.
final class ReshardGate: Sendable {
    /// Bytes held back, and events that wait for their copies, beyond which the resharding is given up: at a thousand
    /// events a second of a kilobyte, a minute during which an old shard is away.
    static let byteLimit = 64 << 20
    static let countLimit = 1 << 20

    private struct State {
        var twins = EventTwins()
        var held: [UInt64: HeldEvent] = [:]
        /// The numbers of each shard's held events, rising; some are let go already.
        var order: [UInt32: [UInt64]] = [:]
        var bytes = 0
        var nextNumber: UInt64 = 1
        /// Shards that have taken over: what is no copy is handed out at once.
        var live: Set<UInt32> = []
    }

    private let state = Lock(State())
    private let seed = UInt64.random(in: 0 ... .max)

    private func key(_ event: EventView) -> UInt64 {
        // The name is part of it: two events may have the same data.
        let name = JSONFingerprint.of(event.name, seed: seed)
        return JSONFingerprint.of(event.data, seed: name)
    }

    /// From now on the events of both sides are compared.
    func begin(now: UInt64, window: UInt64) { state.withLock { $0.twins.begin(now: now, window: window) } }

    /// An old shard hands out an event.
    func noteOutgoing(_ event: EventView, now: UInt64) {
        let key = key(event)
        state.withLock { state in
            if let copy = state.twins.outgoing(key, now: now) { Self.letGo(copy, &state) }
        }
    }

    /// What is to become of an event of a new shard.
    enum Verdict: Equatable {
        /// It is new: hand it out.
        case deliver
        /// It is a copy of one that was handed out, by a shard that has taken over.
        case drop
        /// It is not for this shard to hand out, at least not yet. What comes before the position needs no delivery any
        /// more.
        case hold(settled: DeliveredPosition)
    }

    func judge(_ event: EventView, position: DeliveredPosition, now: UInt64) -> Verdict {
        let key = key(event)
        return state.withLock { state in
            if state.live.contains(event.shardID) { return state.twins.incoming(key) ? .drop : .deliver }
            let number = state.nextNumber
            if !state.twins.incoming(key, held: number, now: now) {
                state.nextNumber += 1
                let copy = HeldEvent(event, position: position)
                state.held[number] = copy
                state.order[event.shardID, default: []].append(number)
                state.bytes += copy.size
            }
            return .hold(settled: Self.settled(event.shardID, upTo: position, &state))
        }
    }

    /// The same for an event that needs no delivery whatever becomes of others.
    func settled(_ shard: UInt32, upTo position: DeliveredPosition) -> DeliveredPosition {
        state.withLock { Self.settled(shard, upTo: position, &$0) }
    }

    /// How far a shard's session needs no delivery any more: up to its oldest event that is held back.
    private static func settled(
        _ shard: UInt32, upTo position: DeliveredPosition, _ state: inout State
    ) -> DeliveredPosition {
        var numbers = state.order[shard] ?? []
        let gone = numbers.prefix { state.held[$0] == nil }.count
        if gone > 0 {
            numbers.removeFirst(gone)
            state.order[shard] = numbers
        }
        guard let first = numbers.first.flatMap({ state.held[$0] }) else { return position }
        guard first.position.epoch == position.epoch else { return .none }
        return DeliveredPosition(epoch: position.epoch, sequence: first.position.sequence - 1)
    }

    /// From here on the shard hands out its events itself. Returns those that the old shards did not.
    func takeOver(_ shard: UInt32) -> [HeldEvent] {
        state.withLock { state in
            state.live.insert(shard)
            let events = (state.order.removeValue(forKey: shard) ?? []).compactMap {
                state.held.removeValue(forKey: $0)
            }
            state.bytes -= events.reduce(0) { $0 + $1.size }
            return events
        }
    }

    /// Gives up on copies of what came at `time` or before, and shortly after the beginning.
    func expire(upTo time: UInt64) {
        state.withLock { state in
            for number in state.twins.expire(upTo: time) { Self.letGo(number, &state) }
        }
    }

    var isOverfull: Bool {
        state.withLock { $0.bytes > Self.byteLimit || $0.twins.count > Self.countLimit }
    }

    private static func letGo(_ number: UInt64, _ state: inout State) {
        if let event = state.held.removeValue(forKey: number) { state.bytes -= event.size }
    }
}
