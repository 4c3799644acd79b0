import GatewayProtocol

/// One gateway session: what survives its connections (`gateway.md` §1).
struct Session: Sendable {
    let id: String
    let shard: UInt64
    let total: UInt64
    let intents: Intents
    let guilds: [UInt64]
    /// IDENTIFY asked for payload compression, which belongs to the session's first connection only.
    let wantsPayloadCompression: Bool
    var replay: ReplayBuffer
    /// Running number of MESSAGE_CREATE events made by the stream; the newest one's content starts with `#` and it.
    var messages: UInt64 = 0
    /// Streamed dispatches that are due but not made yet.
    var pending = 0
    /// The fraction of a streamed dispatch that is due.
    var due: Double
    /// Order of creation.
    let serial: Int
    /// The connection that serves it; nil while it waits for a resume.
    var connection: Int?
    /// When the last connection went away, in nanoseconds.
    var detachedAt: UInt64 = 0

    private let schedule: [Int]
    private var position = 0
    private var guildPosition = 0

    init(
        id: String, serial: Int = 0, shard: UInt64, total: UInt64, intents: Intents,
        wantsPayloadCompression: Bool = false, configuration: SandboxConfiguration, catalogue: Catalogue = .shared
    ) {
        self.id = id
        self.serial = serial
        // Sessions start out of phase, so that their events do not come all at once.
        due = Double(serial % 16) / 16
        self.shard = shard
        self.total = total
        self.intents = intents
        self.wantsPayloadCompression = wantsPayloadCompression
        guilds = GuildScheme(count: configuration.guilds).guilds(shard: shard, total: total)
        replay = ReplayBuffer(limit: configuration.replayLimit)
        schedule = catalogue.schedule(
            mix: configuration.mix, events: configuration.streamEvents, intents: intents, shard: shard
        )
    }

    /// Sequence of the newest dispatch.
    var sequence: UInt64 { replay.last }

    /// Whether the stream has anything that this session may see.
    var hasStream: Bool { !schedule.isEmpty }

    /// Adds a dispatch that the session's intents allow; false when they do not.
    @discardableResult
    mutating func emit(_ type: EventType, _ data: String) -> Bool {
        guard type.intents.isEmpty || !type.intents.isDisjoint(with: intents) else { return false }
        replay.append(.event(type.name, data))
        return true
    }

    /// Makes the next dispatch of the stream.
    mutating func advanceStream(catalogue: Catalogue) {
        guard !schedule.isEmpty else { return }
        let index = schedule[position]
        position = position + 1 == schedule.count ? 0 : position + 1
        var guild = UInt64(0)
        if !guilds.isEmpty {
            guildPosition = guildPosition + 1 >= guilds.count ? 0 : guildPosition + 1
            guild = guilds[guildPosition]
        }
        if catalogue.templates[index].name == "MESSAGE_CREATE" { messages += 1 }
        replay.append(.template(index: index, guild: guild, number: messages))
    }
}
