/// Every dispatch event of the documented protocol, in the order of the protocol's own table (`gateway.md` §18).
///
/// The raw value is the `SG_DISPATCH_…` number of the C API: the position in this table, from 1. Zero stands for a
/// name this build does not know; such events are delivered all the same. New events are appended, never inserted,
/// so that a number keeps its meaning.
public enum EventType: UInt32, CaseIterable, Sendable, Hashable {
    case ready = 1
    case resumed = 2
    case rateLimited = 3
    case applicationCommandPermissionsUpdate = 4
    case autoModerationRuleCreate = 5
    case autoModerationRuleUpdate = 6
    case autoModerationRuleDelete = 7
    case autoModerationActionExecution = 8
    case channelCreate = 9
    case channelUpdate = 10
    case channelDelete = 11
    case channelInfo = 12
    case channelPinsUpdate = 13
    case voiceChannelStatusUpdate = 14
    case voiceChannelStartTimeUpdate = 15
    case threadCreate = 16
    case threadUpdate = 17
    case threadDelete = 18
    case threadListSync = 19
    case threadMemberUpdate = 20
    case threadMembersUpdate = 21
    case entitlementCreate = 22
    case entitlementUpdate = 23
    case entitlementDelete = 24
    case guildCreate = 25
    case guildUpdate = 26
    case guildDelete = 27
    case guildAuditLogEntryCreate = 28
    case guildBanAdd = 29
    case guildBanRemove = 30
    case guildEmojisUpdate = 31
    case guildStickersUpdate = 32
    case guildIntegrationsUpdate = 33
    case guildMemberAdd = 34
    case guildMemberRemove = 35
    case guildMemberUpdate = 36
    case guildMembersChunk = 37
    case guildRoleCreate = 38
    case guildRoleUpdate = 39
    case guildRoleDelete = 40
    case guildScheduledEventCreate = 41
    case guildScheduledEventUpdate = 42
    case guildScheduledEventDelete = 43
    case guildScheduledEventUserAdd = 44
    case guildScheduledEventUserRemove = 45
    case guildSoundboardSoundCreate = 46
    case guildSoundboardSoundUpdate = 47
    case guildSoundboardSoundDelete = 48
    case guildSoundboardSoundsUpdate = 49
    case soundboardSounds = 50
    case integrationCreate = 51
    case integrationUpdate = 52
    case integrationDelete = 53
    case interactionCreate = 54
    case inviteCreate = 55
    case inviteDelete = 56
    case messageCreate = 57
    case messageUpdate = 58
    case messageDelete = 59
    case messageDeleteBulk = 60
    case messageReactionAdd = 61
    case messageReactionRemove = 62
    case messageReactionRemoveAll = 63
    case messageReactionRemoveEmoji = 64
    case messagePollVoteAdd = 65
    case messagePollVoteRemove = 66
    case presenceUpdate = 67
    case stageInstanceCreate = 68
    case stageInstanceUpdate = 69
    case stageInstanceDelete = 70
    case subscriptionCreate = 71
    case subscriptionUpdate = 72
    case subscriptionDelete = 73
    case typingStart = 74
    case userUpdate = 75
    case voiceChannelEffectSend = 76
    case voiceStateUpdate = 77
    case voiceServerUpdate = 78
    case webhooksUpdate = 79
}

extension EventType {
    /// The event's name on the wire (`t`), NUL-terminated in static storage.
    public var staticName: StaticString {
        switch self {
        case .ready: "READY"
        case .resumed: "RESUMED"
        case .rateLimited: "RATE_LIMITED"
        case .applicationCommandPermissionsUpdate: "APPLICATION_COMMAND_PERMISSIONS_UPDATE"
        case .autoModerationRuleCreate: "AUTO_MODERATION_RULE_CREATE"
        case .autoModerationRuleUpdate: "AUTO_MODERATION_RULE_UPDATE"
        case .autoModerationRuleDelete: "AUTO_MODERATION_RULE_DELETE"
        case .autoModerationActionExecution: "AUTO_MODERATION_ACTION_EXECUTION"
        case .channelCreate: "CHANNEL_CREATE"
        case .channelUpdate: "CHANNEL_UPDATE"
        case .channelDelete: "CHANNEL_DELETE"
        case .channelInfo: "CHANNEL_INFO"
        case .channelPinsUpdate: "CHANNEL_PINS_UPDATE"
        case .voiceChannelStatusUpdate: "VOICE_CHANNEL_STATUS_UPDATE"
        case .voiceChannelStartTimeUpdate: "VOICE_CHANNEL_START_TIME_UPDATE"
        case .threadCreate: "THREAD_CREATE"
        case .threadUpdate: "THREAD_UPDATE"
        case .threadDelete: "THREAD_DELETE"
        case .threadListSync: "THREAD_LIST_SYNC"
        case .threadMemberUpdate: "THREAD_MEMBER_UPDATE"
        case .threadMembersUpdate: "THREAD_MEMBERS_UPDATE"
        case .entitlementCreate: "ENTITLEMENT_CREATE"
        case .entitlementUpdate: "ENTITLEMENT_UPDATE"
        case .entitlementDelete: "ENTITLEMENT_DELETE"
        case .guildCreate: "GUILD_CREATE"
        case .guildUpdate: "GUILD_UPDATE"
        case .guildDelete: "GUILD_DELETE"
        case .guildAuditLogEntryCreate: "GUILD_AUDIT_LOG_ENTRY_CREATE"
        case .guildBanAdd: "GUILD_BAN_ADD"
        case .guildBanRemove: "GUILD_BAN_REMOVE"
        case .guildEmojisUpdate: "GUILD_EMOJIS_UPDATE"
        case .guildStickersUpdate: "GUILD_STICKERS_UPDATE"
        case .guildIntegrationsUpdate: "GUILD_INTEGRATIONS_UPDATE"
        case .guildMemberAdd: "GUILD_MEMBER_ADD"
        case .guildMemberRemove: "GUILD_MEMBER_REMOVE"
        case .guildMemberUpdate: "GUILD_MEMBER_UPDATE"
        case .guildMembersChunk: "GUILD_MEMBERS_CHUNK"
        case .guildRoleCreate: "GUILD_ROLE_CREATE"
        case .guildRoleUpdate: "GUILD_ROLE_UPDATE"
        case .guildRoleDelete: "GUILD_ROLE_DELETE"
        case .guildScheduledEventCreate: "GUILD_SCHEDULED_EVENT_CREATE"
        case .guildScheduledEventUpdate: "GUILD_SCHEDULED_EVENT_UPDATE"
        case .guildScheduledEventDelete: "GUILD_SCHEDULED_EVENT_DELETE"
        case .guildScheduledEventUserAdd: "GUILD_SCHEDULED_EVENT_USER_ADD"
        case .guildScheduledEventUserRemove: "GUILD_SCHEDULED_EVENT_USER_REMOVE"
        case .guildSoundboardSoundCreate: "GUILD_SOUNDBOARD_SOUND_CREATE"
        case .guildSoundboardSoundUpdate: "GUILD_SOUNDBOARD_SOUND_UPDATE"
        case .guildSoundboardSoundDelete: "GUILD_SOUNDBOARD_SOUND_DELETE"
        case .guildSoundboardSoundsUpdate: "GUILD_SOUNDBOARD_SOUNDS_UPDATE"
        case .soundboardSounds: "SOUNDBOARD_SOUNDS"
        case .integrationCreate: "INTEGRATION_CREATE"
        case .integrationUpdate: "INTEGRATION_UPDATE"
        case .integrationDelete: "INTEGRATION_DELETE"
        case .interactionCreate: "INTERACTION_CREATE"
        case .inviteCreate: "INVITE_CREATE"
        case .inviteDelete: "INVITE_DELETE"
        case .messageCreate: "MESSAGE_CREATE"
        case .messageUpdate: "MESSAGE_UPDATE"
        case .messageDelete: "MESSAGE_DELETE"
        case .messageDeleteBulk: "MESSAGE_DELETE_BULK"
        case .messageReactionAdd: "MESSAGE_REACTION_ADD"
        case .messageReactionRemove: "MESSAGE_REACTION_REMOVE"
        case .messageReactionRemoveAll: "MESSAGE_REACTION_REMOVE_ALL"
        case .messageReactionRemoveEmoji: "MESSAGE_REACTION_REMOVE_EMOJI"
        case .messagePollVoteAdd: "MESSAGE_POLL_VOTE_ADD"
        case .messagePollVoteRemove: "MESSAGE_POLL_VOTE_REMOVE"
        case .presenceUpdate: "PRESENCE_UPDATE"
        case .stageInstanceCreate: "STAGE_INSTANCE_CREATE"
        case .stageInstanceUpdate: "STAGE_INSTANCE_UPDATE"
        case .stageInstanceDelete: "STAGE_INSTANCE_DELETE"
        case .subscriptionCreate: "SUBSCRIPTION_CREATE"
        case .subscriptionUpdate: "SUBSCRIPTION_UPDATE"
        case .subscriptionDelete: "SUBSCRIPTION_DELETE"
        case .typingStart: "TYPING_START"
        case .userUpdate: "USER_UPDATE"
        case .voiceChannelEffectSend: "VOICE_CHANNEL_EFFECT_SEND"
        case .voiceStateUpdate: "VOICE_STATE_UPDATE"
        case .voiceServerUpdate: "VOICE_SERVER_UPDATE"
        case .webhooksUpdate: "WEBHOOKS_UPDATE"
        }
    }

    /// The bytes of the name, without the NUL behind them, in static storage.
    package var wireName: UnsafeRawBufferPointer {
        let name = staticName
        return UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    }

    /// The event's name on the wire (`t`).
    public var name: String { staticName.description }

    /// The intents of which any one makes the gateway send this event; empty for events that are always sent.
    public var intents: Intents {
        switch self {
        case .ready,
            .resumed,
            .rateLimited,
            .applicationCommandPermissionsUpdate,
            .channelInfo,
            .entitlementCreate,
            .entitlementUpdate,
            .entitlementDelete,
            .guildMembersChunk,
            .soundboardSounds,
            .interactionCreate,
            .subscriptionCreate,
            .subscriptionUpdate,
            .subscriptionDelete,
            .userUpdate,
            .voiceServerUpdate:
            []
        case .autoModerationRuleCreate,
            .autoModerationRuleUpdate,
            .autoModerationRuleDelete:
            [.autoModerationConfiguration]
        case .autoModerationActionExecution:
            [.autoModerationExecution]
        case .channelCreate,
            .channelUpdate,
            .channelDelete,
            .voiceChannelStatusUpdate,
            .voiceChannelStartTimeUpdate,
            .threadCreate,
            .threadUpdate,
            .threadDelete,
            .threadListSync,
            .threadMemberUpdate,
            .guildCreate,
            .guildUpdate,
            .guildDelete,
            .guildRoleCreate,
            .guildRoleUpdate,
            .guildRoleDelete,
            .stageInstanceCreate,
            .stageInstanceUpdate,
            .stageInstanceDelete:
            [.guilds]
        case .channelPinsUpdate:
            [.guilds, .directMessages]
        case .threadMembersUpdate:
            [.guilds, .guildMembers]
        case .guildAuditLogEntryCreate,
            .guildBanAdd,
            .guildBanRemove:
            [.guildModeration]
        case .guildEmojisUpdate,
            .guildStickersUpdate,
            .guildSoundboardSoundCreate,
            .guildSoundboardSoundUpdate,
            .guildSoundboardSoundDelete,
            .guildSoundboardSoundsUpdate:
            [.guildExpressions]
        case .guildIntegrationsUpdate,
            .integrationCreate,
            .integrationUpdate,
            .integrationDelete:
            [.guildIntegrations]
        case .guildMemberAdd,
            .guildMemberRemove,
            .guildMemberUpdate:
            [.guildMembers]
        case .guildScheduledEventCreate,
            .guildScheduledEventUpdate,
            .guildScheduledEventDelete,
            .guildScheduledEventUserAdd,
            .guildScheduledEventUserRemove:
            [.guildScheduledEvents]
        case .inviteCreate,
            .inviteDelete:
            [.guildInvites]
        case .messageCreate,
            .messageUpdate,
            .messageDelete:
            [.guildMessages, .directMessages]
        case .messageDeleteBulk:
            [.guildMessages]
        case .messageReactionAdd,
            .messageReactionRemove,
            .messageReactionRemoveAll,
            .messageReactionRemoveEmoji:
            [.guildMessageReactions, .directMessageReactions]
        case .messagePollVoteAdd,
            .messagePollVoteRemove:
            [.guildMessagePolls, .directMessagePolls]
        case .presenceUpdate:
            [.guildPresences]
        case .typingStart:
            [.guildMessageTyping, .directMessageTyping]
        case .voiceChannelEffectSend,
            .voiceStateUpdate:
            [.guildVoiceStates]
        case .webhooksUpdate:
            [.guildWebhooks]
        }
    }
}
