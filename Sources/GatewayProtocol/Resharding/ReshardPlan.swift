/// When a resharding goes on to its next step: decided from which shards are active and from the time, with no sockets.
///
/// First the new shards identify, while the old ones go on as ever. Once all are active and their guilds are there, both are
/// watched for as long as it takes until every copy of an event can be told from a second event. Then the switch; and
/// for some time after it late copies of what the old shards had handed out already are looked for.
package struct ReshardPlan: Sendable {
    package enum Phase: Sendable, Equatable {
        case identifying
        case watching(since: UInt64)
        /// Until everything of the old shards is delivered.
        case switching
        case trailing(since: UInt64)
        case over
    }

    package enum Action: Sendable, Equatable {
        case watch
        case switchOver
        case finish
    }

    private enum Side: Hashable {
        case outgoing(UInt32)
        case incoming(UInt32)
    }

    package private(set) var phase = Phase.identifying
    /// The most that the two copies of an event are apart, in nanoseconds.
    private let window: UInt64
    /// How long to wait for a guild that does not come: one that is unavailable never does.
    private let patience: UInt64
    private var outgoingAway: Set<UInt32>
    private var incomingAway: Set<UInt32>
    /// Shards that do not read, because those that take the events are not fast enough: what they get comes late.
    private var held: Set<Side> = []
    private var guildsMissing: Set<UInt32> = []
    private var lastGuild: UInt64
    /// Since when all are active and read; nil while one does not.
    private var quietSince: UInt64?

    /// `outgoing`: those of the old shards that are not active just now but may be again. `incoming`: all new ones.
    package init(outgoing: Set<UInt32>, incoming: Set<UInt32>, window: UInt64, patience: UInt64, now: UInt64) {
        outgoingAway = outgoing
        incomingAway = incoming
        self.window = window
        self.patience = patience
        lastGuild = now
        if outgoing.isEmpty, incoming.isEmpty { quietSince = now }
    }

    /// An old shard became active, or ended by an error and will not be missed; or it lost its connection.
    package mutating func outgoing(_ id: UInt32, isAway: Bool, now: UInt64) {
        if isAway { outgoingAway.insert(id) } else { outgoingAway.remove(id) }
        noteQuiet(now)
    }

    package mutating func incoming(_ id: UInt32, isAway: Bool, now: UInt64) {
        if isAway { incomingAway.insert(id) } else { incomingAway.remove(id) }
        noteQuiet(now)
    }

    /// A shard stopped reading, or reads again.
    package mutating func reading(of id: UInt32, isOld: Bool, isPaused: Bool, now: UInt64) {
        let side = isOld ? Side.outgoing(id) : .incoming(id)
        if isPaused { held.insert(side) } else { held.remove(side) }
        noteQuiet(now)
    }

    /// A new shard has got READY or one of its guilds, and lacks others or not.
    package mutating func guilds(of id: UInt32, areMissing: Bool, now: UInt64) {
        if areMissing { guildsMissing.insert(id) } else { guildsMissing.remove(id) }
        lastGuild = max(lastGuild, now)
    }

    private mutating func noteQuiet(_ now: UInt64) {
        if !outgoingAway.isEmpty || !incomingAway.isEmpty || !held.isEmpty {
            quietSince = nil
        } else if quietSince == nil {
            quietSince = now
        }
    }

    /// What is to be done now, if anything.
    package mutating func tick(now: UInt64) -> Action? {
        guard let due = dueAt, now >= due else { return nil }
        switch phase {
        case .identifying:
            phase = .watching(since: now)
            return .watch
        case .watching:
            phase = .switching
            return .switchOver
        case .trailing:
            phase = .over
            return .finish
        case .switching, .over: return nil
        }
    }

    /// The new shards deliver from now on.
    package mutating func switched(now: UInt64) {
        // The old ones are left: what they do is of no interest any more.
        outgoingAway = []
        held = held.filter { if case .incoming = $0 { true } else { false } }
        noteQuiet(now)
        phase = .trailing(since: now)
    }

    /// When the phase ends if nothing changes; nil when that does not depend on the time.
    package var dueAt: UInt64? {
        switch phase {
        case .identifying:
            guard incomingAway.isEmpty else { return nil }
            return guildsMissing.isEmpty ? 0 : lastGuild + patience
        case .watching(let since):
            // A copy of what came before the watch began comes in its first window, and is forgotten in the second.
            return quietSince.map { max(since + 2 * window, $0 + window) }
        case .trailing(let since): return quietSince.map { max(since, $0) + window }
        case .switching, .over: return nil
        }
    }

    /// What came at this time or before has no copy that could still come. Nil while a shard is away or does not read: its
    /// copies come when it does again.
    package func expiry(now: UInt64) -> UInt64? {
        guard let quietSince, now >= quietSince + window else { return nil }
        return now - window
    }

    /// When `tick` or `expiry` should be asked again.
    package func nextDeadline(now: UInt64) -> UInt64? {
        switch phase {
        case .watching, .trailing: min(dueAt ?? .max, now + max(window / 4, 1_000_000))
        case .identifying: dueAt
        case .switching, .over: nil
        }
    }
}
