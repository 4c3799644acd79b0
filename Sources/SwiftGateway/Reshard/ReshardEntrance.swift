import GatewayProtocol

/// What a resharding makes of one shard's dispatches. Confined to the shard's loop.
final class ReshardEntrance {
    enum Role {
        /// An old shard: hands its events out, and has them remembered.
        case outgoing
        /// An old shard that is left: hands out nothing any more.
        case left
        /// A new shard while others still identify: the old shards hand out all that it gets.
        case early
        /// A new shard before the switch: its events are held back.
        case incoming
        /// A new shard after it: what an old one handed out is left out.
        case trailing
    }

    var role: Role
    let gate: ReshardGate
    private let tell: @Sendable (News) -> Void
    private var missingGuilds: Set<UInt64> = []

    /// What the resharding is told of the shard.
    enum News: Sendable {
        /// Whether a new shard still waits for guilds.
        case guilds(areMissing: Bool)
        case reading(isPaused: Bool)
    }

    init(_ role: Role, gate: ReshardGate, tell: @escaping @Sendable (News) -> Void) {
        self.role = role
        self.gate = gate
        self.tell = tell
    }

    func reading(isPaused: Bool) { tell(.reading(isPaused: isPaused)) }

    /// Nothing is told of a shard that is not the cluster's, or not any more, but errors.
    var isSilent: Bool { role == .early || role == .incoming || role == .left }

    /// A new session begins: it tells every guild that there is, which is nothing new.
    func ready(_ data: UnsafeRawBufferPointer) {
        let ids = (JSONField.elements(data, "/guilds") ?? []).compactMap { JSONField.uint64($0, "/id") }
        missingGuilds = Set(ids)
        tell(.guilds(areMissing: !ids.isEmpty))
    }

    /// Whether a GUILD_CREATE is only the new session's beginning.
    func isKnownGuild(_ data: UnsafeRawBufferPointer) -> Bool {
        guard !missingGuilds.isEmpty, let id = JSONField.uint64(data, "/id"), missingGuilds.remove(id) != nil else {
            return false
        }
        tell(.guilds(areMissing: !missingGuilds.isEmpty))
        return true
    }
}
