import GatewayProtocol

/// The sample frames as templates, and which of them a session's stream is made of.
struct Catalogue: Sendable {
    let templates: [EventTemplate]
    /// The GUILD_CREATE of a large guild, about 50 KB, and of a small one, 2 KB.
    let largeGuild: Int
    let smallGuild: Int

    static let shared = Catalogue(lines: sampleFrames.withUTF8Buffer { Array($0) })

    init(lines: [UInt8]) {
        templates = lines.split(separator: 0x0A).map { EventTemplate(sample: Array($0)) }
        let guilds = templates.indices.filter { [templates] in templates[$0].name == "GUILD_CREATE" }
        largeGuild = guilds.first ?? 0
        smallGuild = guilds.dropFirst().first ?? 0
    }

    /// Never streamed: they say something about the session itself, which the sandbox says when it is true.
    private static let sessionEvents: Set<String> = ["READY", "RESUMED", "RATE_LIMITED"]

    /// How often the events of ordinary traffic occur, relative to each other. Everything else is rare.
    private static let weights: [String: Int] = [
        "MESSAGE_CREATE": 12, "PRESENCE_UPDATE": 24, "TYPING_START": 20, "MESSAGE_UPDATE": 6,
        "MESSAGE_REACTION_ADD": 10,
        "VOICE_STATE_UPDATE": 5, "MESSAGE_DELETE": 4, "GUILD_MEMBER_UPDATE": 6, "CHANNEL_UPDATE": 2,
        "INTERACTION_CREATE": 1,
        "GUILD_MEMBER_ADD": 2, "GUILD_MEMBER_REMOVE": 2, "MESSAGE_REACTION_REMOVE": 2, "THREAD_UPDATE": 1,
        "GUILD_AUDIT_LOG_ENTRY_CREATE": 1, "INVITE_CREATE": 1,
    ]

    /// The templates a session's stream goes through, over and over, in this order.
    func schedule(mix: StreamMix, events: Set<String>?, intents: Intents, shard: UInt64) -> [Int] {
        let eligible = templates.indices.filter { index in
            let template = templates[index]
            guard !Self.sessionEvents.contains(template.name) else { return false }
            guard events?.contains(template.name) ?? true else { return false }
            guard template.intents.isEmpty || !template.intents.isDisjoint(with: intents) else { return false }
            return shard == 0 || !template.isGuildless
        }
        switch mix {
        case .catalogue: return eligible
        case .messages: return eligible.filter { templates[$0].name == "MESSAGE_CREATE" }
        case .realistic:
            let repeated = eligible.flatMap { index in
                Array(repeating: index, count: Self.weights[templates[index].name] ?? 0)
            }
            return Self.interleaved(repeated)
        }
    }

    /// A fixed shuffle: equal events are spread out, and every run sees the same order.
    private static func interleaved(_ indices: [Int]) -> [Int] {
        var shuffled = indices
        var random: UInt64 = 0x9E37_79B9_7F4A_7C15
        for last in stride(from: shuffled.count - 1, to: 0, by: -1) {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            shuffled.swapAt(last, Int(random >> 33) % (last + 1))
        }
        return shuffled
    }
}

/// What a session's stream of events is made of.
public enum StreamMix: String, Sendable, CaseIterable {
    /// Weighted like ordinary traffic: presences, typing, messages, reactions, a little of the rest.
    case realistic
    /// Every sample of the catalogue in turn, also those that announce the loss of a guild.
    case catalogue
    /// MESSAGE_CREATE only, of all sizes.
    case messages
}
