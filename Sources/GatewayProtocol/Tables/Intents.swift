/// What the gateway is asked to send: the `intents` bit mask of IDENTIFY (`gateway.md` §17).
///
/// Bits without a name here are kept and sent as they are; the gateway answers an unknown bit with close code 4013 and
/// a privileged bit that is not enabled with 4014.
public struct Intents: OptionSet, Sendable, Hashable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// `GUILDS`.
    public static let guilds = Intents(rawValue: 1 << 0)
    /// `GUILD_MEMBERS`, privileged.
    public static let guildMembers = Intents(rawValue: 1 << 1)
    /// `GUILD_MODERATION`.
    public static let guildModeration = Intents(rawValue: 1 << 2)
    /// `GUILD_EXPRESSIONS`.
    public static let guildExpressions = Intents(rawValue: 1 << 3)
    /// `GUILD_INTEGRATIONS`.
    public static let guildIntegrations = Intents(rawValue: 1 << 4)
    /// `GUILD_WEBHOOKS`.
    public static let guildWebhooks = Intents(rawValue: 1 << 5)
    /// `GUILD_INVITES`.
    public static let guildInvites = Intents(rawValue: 1 << 6)
    /// `GUILD_VOICE_STATES`.
    public static let guildVoiceStates = Intents(rawValue: 1 << 7)
    /// `GUILD_PRESENCES`, privileged.
    public static let guildPresences = Intents(rawValue: 1 << 8)
    /// `GUILD_MESSAGES`.
    public static let guildMessages = Intents(rawValue: 1 << 9)
    /// `GUILD_MESSAGE_REACTIONS`.
    public static let guildMessageReactions = Intents(rawValue: 1 << 10)
    /// `GUILD_MESSAGE_TYPING`.
    public static let guildMessageTyping = Intents(rawValue: 1 << 11)
    /// `DIRECT_MESSAGES`.
    public static let directMessages = Intents(rawValue: 1 << 12)
    /// `DIRECT_MESSAGE_REACTIONS`.
    public static let directMessageReactions = Intents(rawValue: 1 << 13)
    /// `DIRECT_MESSAGE_TYPING`.
    public static let directMessageTyping = Intents(rawValue: 1 << 14)
    /// `MESSAGE_CONTENT`, privileged.
    public static let messageContent = Intents(rawValue: 1 << 15)
    /// `GUILD_SCHEDULED_EVENTS`.
    public static let guildScheduledEvents = Intents(rawValue: 1 << 16)
    /// `AUTO_MODERATION_CONFIGURATION`.
    public static let autoModerationConfiguration = Intents(rawValue: 1 << 20)
    /// `AUTO_MODERATION_EXECUTION`.
    public static let autoModerationExecution = Intents(rawValue: 1 << 21)
    /// `GUILD_MESSAGE_POLLS`.
    public static let guildMessagePolls = Intents(rawValue: 1 << 24)
    /// `DIRECT_MESSAGE_POLLS`.
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
