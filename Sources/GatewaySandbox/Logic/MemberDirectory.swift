/// The invented members of each guild, and the GUILD_MEMBERS_CHUNK answers to op 8 (`gateway.md` §13).
struct MemberDirectory: Sendable {
    /// Members per guild, besides the bot.
    let count: Int
    static let chunkSize = 1000
    static let prefixLimit = 100
    static let botID: UInt64 = 1_085_218_136_001_548_289

    private static let firstID: UInt64 = 700_000_000_000_000_000

    static func userID(_ index: Int) -> UInt64 { firstID + UInt64(index) << 22 }

    private func name(_ index: Int) -> String { "member\(index)" }

    /// The bodies of the chunks that answer `request`.
    func chunks(for request: MemberRequest, sharesPresences: Bool) -> [String] {
        var matches: [Int] = []
        var notFound: [String] = []
        if let users = request.users {
            // More than 100 ids are more than the gateway looks at.
            for user in users.prefix(100) {
                let id = user.string.flatMap { UInt64($0) } ?? user.integer.map { UInt64(clamping: $0) } ?? 0
                if let index = index(of: id) {
                    matches.append(index)
                } else {
                    // Short numbers come back as integers (`gateway.md` §13).
                    notFound.append(id < 1 << 53 ? String(id) : "\"\(id)\"")
                }
            }
        } else if request.wantsEveryone {
            matches = Array(0..<count)
        } else if let query = request.query {
            let limit = request.limit == 0 ? Self.prefixLimit : min(request.limit, Self.prefixLimit)
            matches = Array((0..<count).lazy.filter { name($0).hasPrefix(query.lowercased()) }.prefix(limit))
        }
        let chunkCount = max(1, (matches.count + Self.chunkSize - 1) / Self.chunkSize)
        return (0..<chunkCount).map { chunk in
            let members = matches.dropFirst(chunk * Self.chunkSize).prefix(Self.chunkSize)
            var body = "{"
            if request.presences, sharesPresences {
                body += "\"presences\":[\(members.map { presence($0, guild: request.guild) }.joined(separator: ","))],"
            }
            if !notFound.isEmpty, chunk == chunkCount - 1 {
                body += "\"not_found\":[\(notFound.joined(separator: ","))],"
            }
            if let nonce = request.nonce { body += "\"nonce\":\(JSON.quoted(nonce))," }
            body += "\"members\":[\(members.map(member).joined(separator: ","))],\"guild_id\":\"\(request.guild)\","
            return body + "\"chunk_index\":\(chunk),\"chunk_count\":\(chunkCount)}"
        }
    }

    private func index(of id: UInt64) -> Int? {
        guard id >= Self.firstID, (id - Self.firstID) & 0x3F_FFFF == 0 else { return nil }
        let index = Int((id - Self.firstID) >> 22)
        return index < count ? index : nil
    }

    private func member(_ index: Int) -> String {
        """
        {"user":{"username":"\(name(index))","public_flags":0,"id":"\(Self.userID(index))","global_name":null,\
        "discriminator":"0","avatar":null},"roles":[],"premium_since":null,"pending":false,"nick":null,"mute":false,\
        "joined_at":"2024-11-05T12:24:57.538000+00:00","flags":0,"deaf":false,"communication_disabled_until":null,\
        "avatar":null}
        """
    }

    private func presence(_ index: Int, guild: UInt64) -> String {
        """
        {"user":{"id":"\(Self.userID(index))"},"status":"online","guild_id":"\(guild)",\
        "client_status":{"desktop":"online"},"activities":[]}
        """
    }
}
