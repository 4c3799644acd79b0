/// The close codes the gateway documents (`gateway.md` §10).
public enum CloseCode: UInt16, CaseIterable, Sendable {
    /// Server-side problem of no stated kind.
    case unknownError = 4000
    /// Sent an opcode, or a body for it, that the server does not accept.
    case unknownOpcode = 4001
    /// Frame could not be decoded (bad JSON/ETF, atom keys, over 4096 bytes).
    case decodeError = 4002
    /// Sent something before IDENTIFY/RESUME, or the live session was invalidated.
    case notAuthenticated = 4003
    /// Token in IDENTIFY is wrong.
    case authenticationFailed = 4004
    /// Second IDENTIFY on one connection.
    case alreadyAuthenticated = 4005
    /// RESUME carried a bad sequence number.
    case invalidSeq = 4007
    /// More than 120 sends in 60 s on this connection.
    case rateLimited = 4008
    /// Session expired, typically missing heartbeats.
    case sessionTimedOut = 4009
    /// Bad `shard` pair in IDENTIFY.
    case invalidShard = 4010
    /// Too many guilds for one connection.
    case shardingRequired = 4011
    /// Bad `v` query value.
    case invalidApiVersion = 4012
    /// Unknown intent bit or wrong integer.
    case invalidIntents = 4013
    /// Privileged intent not enabled or not approved.
    case disallowedIntents = 4014
}

extension CloseCode {
    /// The name in the protocol's table.
    public var name: String {
        switch self {
        case .unknownError: "Unknown error"
        case .unknownOpcode: "Unknown opcode"
        case .decodeError: "Decode error"
        case .notAuthenticated: "Not authenticated"
        case .authenticationFailed: "Authentication failed"
        case .alreadyAuthenticated: "Already authenticated"
        case .invalidSeq: "Invalid seq"
        case .rateLimited: "Rate limited"
        case .sessionTimedOut: "Session timed out"
        case .invalidShard: "Invalid shard"
        case .shardingRequired: "Sharding required"
        case .invalidApiVersion: "Invalid API version"
        case .invalidIntents: "Invalid intent(s)"
        case .disallowedIntents: "Disallowed intent(s)"
        }
    }

    /// What a close code asks of the shard.
    public enum Reaction: Sendable, Equatable {
        /// Reconnect and RESUME.
        case resume
        /// Drop the session, reconnect and IDENTIFY.
        case identify
        /// Stay stopped: the same attempt would end the same way.
        case stop
    }

    /// What this close code asks of the shard.
    public var reaction: Reaction {
        switch self {
        case .unknownError,
            .unknownOpcode,
            .decodeError,
            .alreadyAuthenticated,
            .rateLimited:
            .resume
        case .notAuthenticated,
            .invalidSeq,
            .sessionTimedOut:
            .identify
        case .authenticationFailed,
            .invalidShard,
            .shardingRequired,
            .invalidApiVersion,
            .invalidIntents,
            .disallowedIntents:
            .stop
        }
    }

    /// For those that end a shard: what its owner can do about it.
    public var advice: String? {
        switch self {
        case .authenticationFailed: "check the token, or make a new one in the developer portal"
        case .invalidShard: "check the numbers of the shards"
        case .shardingRequired: "the bot is in too many guilds for one connection: use more shards"
        case .invalidApiVersion: "this version of the API is gone: use a newer build of the library"
        case .invalidIntents: "the intents hold a bit that the gateway does not know"
        case .disallowedIntents: "switch the privileged intents on in the developer portal, or do not ask for them"
        default: nil
        }
    }

    /// What a connection that ended with `code` asks of the shard. Codes that the protocol does not document, and ends
    /// without a code (1006), ask for a resume.
    public static func reaction(to code: UInt16) -> Reaction {
        CloseCode(rawValue: code)?.reaction ?? .resume
    }
}
