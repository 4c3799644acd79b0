/// Joins, moves within or leaves voice in a guild: opcode 4 (`gateway.md` §13).
package struct VoiceStateUpdate: Sendable, Equatable {
    package var guild: UInt64
    /// Nil to leave.
    package var channel: UInt64?
    package var selfMute: Bool
    package var selfDeaf: Bool

    package init(guild: UInt64, channel: UInt64?, selfMute: Bool = false, selfDeaf: Bool = false) {
        self.guild = guild
        self.channel = channel
        self.selfMute = selfMute
        self.selfDeaf = selfDeaf
    }

    package func payload() throws(CommandError) -> [UInt8] {
        guard guild != 0 else { throw .invalid("The guild id must not be 0.") }
        guard channel != 0 else { throw .invalid("The channel id must not be 0.") }
        return Payload.build(.voiceStateUpdate) { d in
            d.key("guild_id")
            d.snowflake(guild)
            d.key("channel_id")
            if let channel { d.snowflake(channel) } else { d.null() }
            d.key("self_mute")
            d.bool(selfMute)
            d.key("self_deaf")
            d.bool(selfDeaf)
        }
    }
}
