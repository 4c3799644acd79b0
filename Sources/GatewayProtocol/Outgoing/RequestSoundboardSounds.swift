/// Asks for the soundboard sounds of several guilds: opcode 31 (`gateway.md` §13). Each guild answers with one
/// SOUNDBOARD_SOUNDS event.
package struct RequestSoundboardSounds: Sendable, Equatable {
    /// As many as fit into a payload, about 180.
    package var guilds: [UInt64]

    package init(guilds: [UInt64]) { self.guilds = guilds }

    package func payload() throws(CommandError) -> [UInt8] {
        guard !guilds.isEmpty else { throw .invalid("The list of guild ids must not be empty.") }
        guard !guilds.contains(0) else { throw .invalid("A guild id must not be 0.") }
        let payload = Payload.build(.requestSoundboardSounds) { d in
            d.key("guild_ids")
            d.beginArray()
            for guild in guilds { d.snowflake(guild) }
            d.endArray()
        }
        return try Payload.checkSize(payload)
    }
}
