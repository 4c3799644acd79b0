import GatewayProtocol

/// One catalogue frame, cut where a live event differs from the sample: its sequence, its guild, its running number.
struct EventTemplate: Sendable {
    enum Piece: Sendable {
        case bytes([UInt8])
        case sequence
        case guild
        /// The session's running number of MESSAGE_CREATE events, as text at the start of `content`.
        case number
        /// A message id that grows with the running number.
        case messageID
    }

    let name: String
    /// Of these intents a session must have one; empty means that every session gets the event.
    let intents: Intents
    /// Belongs to no guild and therefore goes to shard 0 only (`gateway.md` §16).
    let isGuildless: Bool
    let pieces: [Piece]

    /// Cuts a sample frame, a line of the catalogue.
    init(sample: [UInt8]) {
        let root = JSONMembers(of: sample)
        let nameRange = root["t"] ?? 0..<2
        name = String(decoding: sample[nameRange.dropFirst().dropLast()], as: UTF8.self)
        let dataRange = root["d"] ?? sample.count..<sample.count
        let data = JSONMembers(of: sample, at: dataRange.lowerBound)
        let isGuildEvent = data["guild_id"] != nil || name.hasPrefix("GUILD_")
        let type = EventType.allCases.first { [name] in $0.name == name }
        isGuildless = !isGuildEvent && type != .userUpdate
        intents = Self.intents(of: type, inGuild: isGuildEvent)

        var cuts: [(Range<Int>, [Piece])] = []
        if let range = root["s"] { cuts.append((range, [.sequence])) }
        if name == "MESSAGE_CREATE" {
            if let content = data["content"] {
                let isEmpty = content.count == 2
                let start = content.lowerBound + 1
                cuts.append(
                    (start..<start, [.bytes([UInt8(ascii: "#")]), .number] + (isEmpty ? [] : [.bytes([0x20])])))
            }
            if let id = data["id"] { cuts.append((id.lowerBound + 1..<id.upperBound - 1, [.messageID])) }
        }
        for guild in Self.sampleGuilds {
            for start in Self.occurrences(of: guild, in: sample, within: dataRange) {
                cuts.append((start..<start + guild.count, [.guild]))
            }
        }
        cuts.sort { $0.0.lowerBound < $1.0.lowerBound }
        var pieces: [Piece] = []
        var at = 0
        for (range, replacement) in cuts where range.lowerBound >= at {
            if range.lowerBound > at { pieces.append(.bytes(Array(sample[at..<range.lowerBound]))) }
            pieces += replacement
            at = range.upperBound
        }
        if at < sample.count { pieces.append(.bytes(Array(sample[at...]))) }
        self.pieces = pieces
    }

    /// Appends the event as JSON text.
    func render(sequence: UInt64, guild: UInt64, number: UInt64, into text: inout [UInt8]) {
        for piece in pieces {
            switch piece {
            case .bytes(let bytes): text.append(contentsOf: bytes)
            case .sequence: text.appendDecimal(sequence)
            case .guild: text.appendDecimal(guild)
            case .number: text.appendDecimal(number)
            case .messageID: text.appendDecimal(Self.firstMessageID &+ number << 12)
            }
        }
    }

    private static let firstMessageID: UInt64 = 1_533_000_000_000_000_000

    /// The guilds the catalogue speaks of; a live event speaks of one of the session's own.
    private static let sampleGuilds = [
        "641169830708318210", "855544902452293635", "276532652149637124", "1343668891943141547",
    ].map { Array($0.utf8) }

    private static let direct: Intents = [
        .directMessages, .directMessageReactions, .directMessageTyping, .directMessagePolls,
    ]

    private static func intents(of type: EventType?, inGuild: Bool) -> Intents {
        guard let type else { return [] }
        let any = type.intents
        guard !any.isDisjoint(with: direct) else { return any }
        return inGuild ? any.subtracting(direct) : any.intersection(direct)
    }

    private static func occurrences(of needle: [UInt8], in text: [UInt8], within range: Range<Int>) -> [Int] {
        var found: [Int] = []
        var at = range.lowerBound
        while at + needle.count <= range.upperBound {
            if text[at] == needle[0], text[at..<at + needle.count].elementsEqual(needle) {
                found.append(at)
                at += needle.count
            } else {
                at += 1
            }
        }
        return found
    }
}

extension [UInt8] {
    mutating func appendDecimal(_ value: UInt64) {
        let start = count
        var rest = value
        repeat {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }
}
