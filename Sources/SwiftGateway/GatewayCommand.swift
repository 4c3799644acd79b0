import GatewayProtocol

/// A payload for the gateway, checked: what `Cluster.send` takes.
public struct GatewayCommand: Sendable, Equatable {
    let payload: [UInt8]
    /// The presence that a presence command sets: later sessions begin with it (`gateway.md` §12).
    let presence: PresenceUpdate?

    private init(
        _ presence: PresenceUpdate? = nil, _ build: () throws(CommandError) -> [UInt8]
    ) throws(GatewayError) {
        self.presence = presence
        do throws(CommandError) { payload = try build() } catch { throw error.gatewayError }
    }

    /// A payload as it stands: a JSON object with `op` and `d`, at most 4096 bytes, of an opcode that is not the
    /// library's own (1, 2, 6). Throws `invalidArgument` or `payloadTooLarge`.
    public static func raw(_ json: [UInt8]) throws(GatewayError) -> GatewayCommand {
        var presence: PresenceUpdate?
        return try GatewayCommand(nil) { () throws(CommandError) in
            let opcode = try RawCommand.check(json)
            guard let body = json.withUnsafeBytes({ JSONField.raw($0, "/d") }) else {
                // The gateway would end the connection for it.
                throw .malformed("The command has no \"d\".")
            }
            if opcode == Opcode.presenceUpdate.rawValue { presence = try PresenceUpdate(json: body) }
            return json
        }.with(presence)
    }

    /// Op 3, with the JSON object of its `d`; what is missing of the four required keys is added.
    public static func presence(json: [UInt8]) throws(GatewayError) -> GatewayCommand {
        let presence: PresenceUpdate
        do throws(CommandError) { presence = try PresenceUpdate(json: json) } catch { throw error.gatewayError }
        return try GatewayCommand(presence) { () throws(CommandError) in try presence.payload() }
    }

    /// Op 4: joins a voice channel, moves, or leaves (nil).
    public static func voiceState(
        guild: UInt64, channel: UInt64?, selfMute: Bool, selfDeaf: Bool
    ) throws(GatewayError) -> GatewayCommand {
        try GatewayCommand { () throws(CommandError) in
            try VoiceStateUpdate(guild: guild, channel: channel, selfMute: selfMute, selfDeaf: selfDeaf).payload()
        }
    }

    /// Op 8, by the beginning of the name: "" is everyone, with a limit of 0 all of them.
    public static func members(
        guild: UInt64, query: String, limit: UInt32, presences: Bool = false, nonce: String? = nil
    ) throws(GatewayError) -> GatewayCommand {
        try GatewayCommand { () throws(CommandError) in
            try RequestGuildMembers(
                guild: guild, selection: .query(query, limit: limit), presences: presences, nonce: nonce
            ).payload()
        }
    }

    /// Op 8, by 1 to 100 ids.
    public static func members(
        guild: UInt64, users: [UInt64], presences: Bool = false, nonce: String? = nil
    ) throws(GatewayError) -> GatewayCommand {
        try GatewayCommand { () throws(CommandError) in
            try RequestGuildMembers(guild: guild, selection: .users(users), presences: presences, nonce: nonce)
                .payload()
        }
    }

    /// Op 31.
    public static func soundboardSounds(guilds: [UInt64]) throws(GatewayError) -> GatewayCommand {
        try GatewayCommand { () throws(CommandError) in try RequestSoundboardSounds(guilds: guilds).payload() }
    }

    /// Op 43; fields are "status" and "voice_start_time".
    public static func channelInfo(guild: UInt64, fields: [String]) throws(GatewayError) -> GatewayCommand {
        try GatewayCommand { () throws(CommandError) in try RequestChannelInfo(guild: guild, fields: fields).payload() }
    }

    private init(payload: [UInt8], presence: PresenceUpdate?) {
        self.payload = payload
        self.presence = presence
    }

    private func with(_ presence: PresenceUpdate?) -> GatewayCommand {
        GatewayCommand(payload: payload, presence: presence)
    }
}

extension CommandError {
    var gatewayError: GatewayError {
        switch self {
        case .tooLarge: GatewayError(.payloadTooLarge, message)
        case .malformed, .reserved, .invalid: GatewayError(.invalidArgument, message)
        }
    }
}
