import GatewayProtocol

/// A close code with the sentence that goes into the close frame.
struct Refusal: Error, Equatable {
    let code: CloseCode
    let reason: String

    init(_ code: CloseCode, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// The body of IDENTIFY, checked (`gateway.md` §7, §10).
struct IdentifyRequest: Equatable {
    let intents: Intents
    let shard: UInt64
    let total: UInt64
    let hasShard: Bool
    let compress: Bool

    init(_ body: JSON, token: String, granted: Intents, guilds: GuildScheme) throws(Refusal) {
        guard body.object != nil else { throw Refusal(.unknownOpcode, "IDENTIFY needs an object as d.") }
        guard case .string(let given)? = body["token"], given == token else {
            throw Refusal(.authenticationFailed, "Authentication failed.")
        }
        guard let properties = body["properties"]?.object,
            ["os", "browser", "device"].allSatisfy({ (properties[$0] ?? properties["$" + $0])?.string != nil })
        else {
            throw Refusal(.unknownOpcode, "IDENTIFY needs properties with the strings os, browser and device.")
        }
        (shard, total, hasShard) = try Self.shard(body["shard"])
        compress = try Self.optional(body["compress"], "compress must be a boolean.", \.bool) ?? false
        let threshold = try Self.optional(body["large_threshold"], "large_threshold must be a number.", \.integer)
        if let threshold, !(50...250).contains(threshold) {
            throw Refusal(.unknownOpcode, "large_threshold must be from 50 to 250.")
        }
        if let presence = body["presence"], !presence.isNull { try ClientCommand.checkPresence(presence) }
        guard let bits = body["intents"]?.integer, bits >= 0 else {
            throw Refusal(.invalidIntents, "intents must be a whole number.")
        }
        intents = Intents(rawValue: UInt64(bits))
        guard intents.isSubset(of: .all) else { throw Refusal(.invalidIntents, "Invalid intent(s).") }
        guard intents.intersection(.privileged).isSubset(of: granted) else {
            throw Refusal(.disallowedIntents, "Disallowed intent(s).")
        }
        guard guilds.guilds(shard: shard, total: total).count <= 2500 else {
            throw Refusal(.shardingRequired, "Sharding required.")
        }
    }

    private static func shard(_ value: JSON?) throws(Refusal) -> (UInt64, UInt64, Bool) {
        guard let value, !value.isNull else { return (0, 1, false) }
        guard let pair = value.array, pair.count == 2, let id = pair[0].integer, let total = pair[1].integer,
            total > 0, (0..<total).contains(id)
        else { throw Refusal(.invalidShard, "Invalid shard.") }
        return (UInt64(id), UInt64(total), true)
    }

    private static func optional<Value>(
        _ value: JSON?, _ problem: String, _ read: (JSON) -> Value?
    ) throws(Refusal) -> Value? {
        guard let value, !value.isNull else { return nil }
        guard let read = read(value) else { throw Refusal(.unknownOpcode, problem) }
        return read
    }
}
