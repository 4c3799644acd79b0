/// Asks for members of one guild: opcode 8 (`gateway.md` §13). The answers are GUILD_MEMBERS_CHUNK events.
package struct RequestGuildMembers: Sendable, Equatable {
    package enum Selection: Sendable, Equatable {
        /// Those whose names begin with a prefix, `limit` of them at most; the empty prefix with 0 is everyone.
        case query(String, limit: UInt32)
        /// Those with these ids, `maximumUsers` at most.
        case users([UInt64])
    }

    package var guild: UInt64
    package var selection: Selection
    /// Whether their presences are wanted; needs the GUILD_PRESENCES intent.
    package var presences: Bool
    /// Comes back in each chunk; `maximumNonce` bytes at most. Empty counts as nil.
    package var nonce: String?

    /// Ids in one request (`gateway.md` §21, request_members_user_ids_max).
    package static let maximumUsers = 100
    /// Members that a request with a prefix yields (`gateway.md` §21, request_members_query_max_results).
    package static let maximumResults: UInt32 = 100
    /// Bytes (`gateway.md` §21, request_members_nonce_max); the gateway ignores a longer one without a word.
    package static let maximumNonce = 32

    package init(guild: UInt64, selection: Selection, presences: Bool = false, nonce: String? = nil) {
        self.guild = guild
        self.selection = selection
        self.presences = presences
        self.nonce = nonce
    }

    package func payload() throws(CommandError) -> [UInt8] {
        try validate()
        let payload = Payload.build(.requestGuildMembers) { d in
            d.key("guild_id")
            d.snowflake(guild)
            switch selection {
            case .query(let prefix, let limit):
                d.key("query")
                d.string(prefix)
                d.key("limit")
                d.number(limit)
            case .users(let ids):
                d.key("user_ids")
                d.beginArray()
                for id in ids { d.snowflake(id) }
                d.endArray()
            }
            d.key("presences")
            d.bool(presences)
            if let nonce, !nonce.isEmpty {
                d.key("nonce")
                d.string(nonce)
            }
        }
        return try Payload.checkSize(payload)
    }

    private func validate() throws(CommandError) {
        guard guild != 0 else { throw .invalid("The guild id must not be 0.") }
        switch selection {
        case .query(let prefix, let limit):
            guard prefix.isEmpty || limit <= RequestGuildMembers.maximumResults else {
                throw .invalid("A request by name yields at most 100 members, not \(limit).")
            }
        case .users(let ids):
            guard !ids.isEmpty else { throw .invalid("The list of user ids must not be empty.") }
            guard ids.count <= RequestGuildMembers.maximumUsers else {
                throw .invalid("A request takes at most 100 user ids, not \(ids.count).")
            }
            guard !ids.contains(0) else { throw .invalid("A user id must not be 0.") }
        }
        if let nonce, nonce.utf8.count > RequestGuildMembers.maximumNonce {
            throw .invalid("A nonce has at most 32 bytes, not \(nonce.utf8.count).")
        }
    }
}
