/// What a connection sends of its own accord: HEARTBEAT, IDENTIFY and RESUME, as JSON text.
package enum Payload {
    /// The gateway closes with 4002 on anything longer (`gateway.md` §12): bytes of one encoded payload.
    package static let maximumSize = 4_096

    /// HEARTBEAT (`gateway.md` §6) with the last sequence, nil or 0 for none.
    package static func heartbeat(sequence: UInt64?) -> [UInt8] {
        let value = sequence.flatMap { $0 == 0 ? nil : String($0) } ?? "null"
        return Array(#"{"op":1,"d":\#(value)}"#.utf8)
    }

    /// RESUME (`gateway.md` §8).
    package static func resume(token: String, sessionID: String, sequence: UInt64) -> [UInt8] {
        build(.resume) { d in
            d.key("token")
            d.string(bareToken(token))
            d.key("session_id")
            d.string(sessionID)
            d.key("seq")
            d.number(sequence)
        }
    }

    /// IDENTIFY (`gateway.md` §7).
    package static func identify(_ identify: Identify) throws(CommandError) -> [UInt8] {
        try identify.validate()
        let payload = build(.identify) { d in
            d.key("token")
            d.string(bareToken(identify.token))
            d.key("intents")
            d.number(identify.intents.rawValue)
            d.key("properties")
            d.beginObject()
            d.key("os")
            d.string(identify.os)
            d.key("browser")
            d.string(identify.browser)
            d.key("device")
            d.string(identify.device)
            d.endObject()
            d.key("large_threshold")
            d.number(identify.largeThreshold)
            d.key("shard")
            d.beginArray()
            d.number(identify.shardID)
            d.number(identify.shardTotal)
            d.endArray()
            if let presence = identify.presence {
                d.key("presence")
                d.raw(presence.json)
            }
        }
        return try checkSize(payload)
    }

    /// The token as the gateway wants it: without the prefix that HTTP wants (`gateway.md` §7, practice).
    private static func bareToken(_ token: String) -> String {
        token.hasPrefix("Bot ") ? String(token.dropFirst(4)) : token
    }

    static func build(_ opcode: Opcode, _ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 256)
        writer.beginObject()
        writer.key("op")
        writer.number(opcode.rawValue)
        writer.key("d")
        writer.beginObject()
        body(&writer)
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }

    static func checkSize(_ payload: [UInt8]) throws(CommandError) -> [UInt8] {
        guard payload.count <= maximumSize else { throw .tooLarge(bytes: payload.count) }
        return payload
    }
}

/// What IDENTIFY says about the bot and its shard (`gateway.md` §7).
package struct Identify: Sendable {
    /// The bot's token, with or without `Bot ` in front.
    package var token: String
    package var intents: Intents
    package var shardID: UInt32
    package var shardTotal: UInt32
    /// The operating system.
    package var os = "linux"
    /// The library's name.
    package var browser = "swiftgateway"
    /// The library's name, again.
    package var device = "swiftgateway"
    /// Members from which on a guild comes without those who are offline, `largeThresholds`, default 50.
    package var largeThreshold: UInt32 = 50
    /// The presence to start with, default none.
    package var presence: PresenceUpdate?

    /// What `large_threshold` may be (`gateway.md` §7).
    package static let largeThresholds: ClosedRange<UInt32> = 50...250

    package init(token: String, intents: Intents, shardID: UInt32, shardTotal: UInt32) {
        self.token = token
        self.intents = intents
        self.shardID = shardID
        self.shardTotal = shardTotal
    }

    /// Throws for values that the gateway would close the connection for.
    package func validate() throws(CommandError) {
        guard Identify.largeThresholds.contains(largeThreshold) else {
            throw .invalid("The large threshold must be 50 to 250 members, not \(largeThreshold).")
        }
        guard shardID < shardTotal else {
            throw .invalid("Shard \(shardID) does not exist with \(shardTotal) in total.")
        }
    }
}
