/// Asks for what is not part of a channel object, for the channels of one guild: opcode 43 (`gateway.md` §13). The
/// answer is a CHANNEL_INFO event.
package struct RequestChannelInfo: Sendable, Equatable {
    package var guild: UInt64
    /// What is wanted: `knownFields`, or names that came later.
    package var fields: [String]

    /// The documented fields (`gateway.md` §13).
    package static let knownFields = ["status", "voice_start_time"]

    package init(guild: UInt64, fields: [String] = RequestChannelInfo.knownFields) {
        self.guild = guild
        self.fields = fields
    }

    package func payload() throws(CommandError) -> [UInt8] {
        guard guild != 0 else { throw .invalid("The guild id must not be 0.") }
        guard !fields.isEmpty else { throw .invalid("The list of fields must not be empty.") }
        guard !fields.contains("") else { throw .invalid("The name of a field must not be empty.") }
        let payload = Payload.build(.requestChannelInfo) { d in
            d.key("guild_id")
            d.snowflake(guild)
            d.key("fields")
            d.beginArray()
            for field in fields { d.string(field) }
            d.endArray()
        }
        return try Payload.checkSize(payload)
    }
}
