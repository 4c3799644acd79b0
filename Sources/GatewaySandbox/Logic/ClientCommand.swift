import GatewayProtocol

/// Commands of opcodes 3, 4, 8, 31 and 43, checked (`gateway.md` §13). A wrong body closes with 4001.
enum ClientCommand: Equatable {
    case presence(JSON)
    case voiceState(guild: UInt64, channel: String?, mute: Bool, deaf: Bool)
    case requestMembers(MemberRequest)
    case soundboardSounds(guilds: [UInt64])
    case channelInfo(guild: UInt64, fields: Set<String>)
    /// Op 8 with an id that is no number: it has crashed real sessions (`gateway.md` §13).
    case poisonous

    init(_ opcode: Opcode, _ body: JSON) throws(Refusal) {
        guard body.object != nil else { throw Refusal(.unknownOpcode, "d must be an object.") }
        switch opcode {
        case .presenceUpdate:
            try Self.checkPresence(body)
            self = .presence(body)
        case .voiceStateUpdate:
            let guild = try Self.snowflake(body["guild_id"], "guild_id")
            let channel = body["channel_id"].flatMap { $0.isNull ? nil : $0 }
            let channelID = channel == nil ? nil : try Self.snowflake(channel, "channel_id")
            guard let mute = body["self_mute"]?.bool, let deaf = body["self_deaf"]?.bool else {
                throw Refusal(.unknownOpcode, "self_mute and self_deaf must be booleans.")
            }
            self = .voiceState(guild: guild, channel: channelID.map { String($0) }, mute: mute, deaf: deaf)
        case .requestGuildMembers:
            self = try Self.members(body)
        case .requestSoundboardSounds:
            guard let ids = body["guild_ids"]?.array else {
                throw Refusal(.unknownOpcode, "guild_ids must be an array.")
            }
            var guilds: [UInt64] = []
            for id in ids { guilds.append(try Self.snowflake(id, "guild_ids")) }
            self = .soundboardSounds(guilds: guilds)
        case .requestChannelInfo:
            let guild = try Self.snowflake(body["guild_id"], "guild_id")
            guard let fields = body["fields"]?.array else { throw Refusal(.unknownOpcode, "fields must be an array.") }
            self = .channelInfo(guild: guild, fields: Set(fields.compactMap(\.string)))
        default: throw Refusal(.unknownOpcode, "Unknown opcode.")
        }
    }

    static func checkPresence(_ body: JSON) throws(Refusal) {
        guard body.object != nil else { throw Refusal(.unknownOpcode, "A presence must be an object.") }
        guard let since = body["since"], since.isNull || since.number != nil else {
            throw Refusal(.unknownOpcode, "since must be a number or null.")
        }
        guard let activities = body["activities"]?.array, activities.allSatisfy({ $0.object != nil }) else {
            throw Refusal(.unknownOpcode, "activities must be an array of objects.")
        }
        guard let status = body["status"]?.string, ["online", "dnd", "idle", "invisible", "offline"].contains(status)
        else { throw Refusal(.unknownOpcode, "status must be online, dnd, idle, invisible or offline.") }
        guard body["afk"]?.bool != nil else { throw Refusal(.unknownOpcode, "afk must be a boolean.") }
    }

    private static func members(_ body: JSON) throws(Refusal) -> ClientCommand {
        // Some libraries still send the id in an array of one, which the gateway takes.
        let guildValue = body["guild_id"]?.array?.first ?? body["guild_id"]
        let guild = try snowflake(guildValue, "guild_id")
        let ids = body["user_ids"].flatMap { $0.isNull ? nil : $0 }
        var users: [JSON]?
        if let ids { users = ids.array ?? [ids] }
        if let users, users.contains(where: { $0.string.map { UInt64($0) == nil } ?? ($0.integer == nil) }) {
            return .poisonous
        }
        let query = body["query"]?.string
        guard (query == nil) != (users == nil) else {
            throw Refusal(.unknownOpcode, "Op 8 needs either query or user_ids.")
        }
        let limit = body["limit"]?.integer
        guard query == nil || (limit ?? -1) >= 0 else { throw Refusal(.unknownOpcode, "Op 8 with query needs limit.") }
        let nonce = body["nonce"]?.string
        return .requestMembers(
            MemberRequest(
                guild: guild, query: query, limit: Int(clamping: limit ?? 0), users: users,
                presences: body["presences"]?.bool ?? false, nonce: nonce.flatMap { $0.utf8.count <= 32 ? $0 : nil }
            )
        )
    }

    private static func snowflake(_ value: JSON?, _ name: String) throws(Refusal) -> UInt64 {
        switch value {
        case .string(let text): if let id = UInt64(text) { return id }
        case .integer(let id) where id >= 0: return UInt64(id)
        case .unsigned(let id): return id
        default: break
        }
        throw Refusal(.unknownOpcode, "\(name) must be a snowflake.")
    }
}

/// Op 8 (`gateway.md` §13).
struct MemberRequest: Equatable {
    let guild: UInt64
    let query: String?
    let limit: Int
    let users: [JSON]?
    let presences: Bool
    /// Nil also when the client's was longer than 32 bytes.
    let nonce: String?

    /// The whole list, which is limited to one request per guild and 30 s.
    var wantsEveryone: Bool { query == "" && limit == 0 }
}
