/// What the gateway is asked to send: the `intents` bit mask of IDENTIFY (`gateway.md` §17).
///
/// Bits without a name here are kept and sent as they are; the gateway answers an unknown bit with close code 4013 and
/// a privileged bit that is not enabled with 4014.
public struct Intents: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let guilds = Intents(rawValue: 1 << 0)
    public static let guildMembers = Intents(rawValue: 1 << 1)
    public static let guildModeration = Intents(rawValue: 1 << 2)
    public static let guildExpressions = Intents(rawValue: 1 << 3)
    public static let guildIntegrations = Intents(rawValue: 1 << 4)
    public static let guildWebhooks = Intents(rawValue: 1 << 5)
    public static let guildInvites = Intents(rawValue: 1 << 6)
    public static let guildVoiceStates = Intents(rawValue: 1 << 7)
    public static let guildPresences = Intents(rawValue: 1 << 8)
    public static let guildMessages = Intents(rawValue: 1 << 9)
    public static let guildMessageReactions = Intents(rawValue: 1 << 10)
    public static let guildMessageTyping = Intents(rawValue: 1 << 11)
    public static let directMessages = Intents(rawValue: 1 << 12)
    public static let directMessageReactions = Intents(rawValue: 1 << 13)
    public static let directMessageTyping = Intents(rawValue: 1 << 14)
    public static let messageContent = Intents(rawValue: 1 << 15)
    public static let guildScheduledEvents = Intents(rawValue: 1 << 16)
    public static let autoModerationConfiguration = Intents(rawValue: 1 << 20)
    public static let autoModerationExecution = Intents(rawValue: 1 << 21)
    public static let guildMessagePolls = Intents(rawValue: 1 << 24)
    public static let directMessagePolls = Intents(rawValue: 1 << 25)

    /// Every documented intent.
    public static let all = named.reduce(into: Intents()) { $0.formUnion($1.intent) }

    /// The intents that must be switched on in the developer portal.
    public static let privileged: Intents = [.guildMembers, .guildPresences, .messageContent]

    /// Every documented intent that needs no approval.
    public static let unprivileged = all.subtracting(privileged)

    /// Every documented intent with its name in the protocol, by rising bit.
    public static let named: [(intent: Intents, name: String)] = [
        (.guilds, "GUILDS"),
        (.guildMembers, "GUILD_MEMBERS"),
        (.guildModeration, "GUILD_MODERATION"),
        (.guildExpressions, "GUILD_EXPRESSIONS"),
        (.guildIntegrations, "GUILD_INTEGRATIONS"),
        (.guildWebhooks, "GUILD_WEBHOOKS"),
        (.guildInvites, "GUILD_INVITES"),
        (.guildVoiceStates, "GUILD_VOICE_STATES"),
        (.guildPresences, "GUILD_PRESENCES"),
        (.guildMessages, "GUILD_MESSAGES"),
        (.guildMessageReactions, "GUILD_MESSAGE_REACTIONS"),
        (.guildMessageTyping, "GUILD_MESSAGE_TYPING"),
        (.directMessages, "DIRECT_MESSAGES"),
        (.directMessageReactions, "DIRECT_MESSAGE_REACTIONS"),
        (.directMessageTyping, "DIRECT_MESSAGE_TYPING"),
        (.messageContent, "MESSAGE_CONTENT"),
        (.guildScheduledEvents, "GUILD_SCHEDULED_EVENTS"),
        (.autoModerationConfiguration, "AUTO_MODERATION_CONFIGURATION"),
        (.autoModerationExecution, "AUTO_MODERATION_EXECUTION"),
        (.guildMessagePolls, "GUILD_MESSAGE_POLLS"),
        (.directMessagePolls, "DIRECT_MESSAGE_POLLS"),
    ]
}
