/// Decides when each shard may send IDENTIFY (`gateway.md` §16). One queue serves all shards that share a token, in one
/// process or, with an implementation of yours, in many.
///
/// The engine calls `request` before every IDENTIFY, and the queue answers, now or later and from any thread, with
/// `IdentifyPermit.grant()`. Every request is followed by exactly one `sent` or `cancel`; both may come before a grant or
/// after it. A RESUME is never asked for, and the daily limit is kept by the engine itself, before it asks.
///
/// Threads: the three are called on the I/O thread of the shard, for one permit in their order, for different shards at
/// the same time. They must not block: heartbeats of all shards on that thread wait meanwhile.
///
/// `SwiftGatewayTesting` checks whether a queue keeps all this.
public protocol IdentifyQueueing: AnyObject, Sendable {
    /// A shard is connected and wants to identify.
    func request(_ permit: IdentifyPermit)
    /// The shard does not want to any more, because its connection ended: the permit is void, and nothing was sent.
    func cancel(_ permit: IdentifyPermit)
    /// The IDENTIFY was handed to the socket just now: the interval of its key counts from here.
    func sent(_ permit: IdentifyPermit)
}

/// One shard's request to identify, once.
public struct IdentifyPermit: Sendable, Hashable {
    /// Names the request; used once in the life of the process, not 0, and below 2^53.
    public let number: UInt64
    public let shardID: UInt32
    public let shardTotal: UInt32
    /// How many shards may identify in one interval, as the API or the configuration says.
    public let maxConcurrency: UInt32

    /// Requests with the same key must be an interval apart: `shardID % maxConcurrency`.
    public var rateLimitKey: UInt32 { shardID % maxConcurrency }

    package init(number: UInt64, shardID: UInt32, shardTotal: UInt32, maxConcurrency: UInt32) {
        self.number = number
        self.shardID = shardID
        self.shardTotal = shardTotal
        self.maxConcurrency = max(1, maxConcurrency)
    }

    /// Lets the shard identify. Any thread. Throws `notFound` when the permit was granted or cancelled before.
    public func grant() throws(GatewayError) { try Self.grant(number) }

    /// The same by number, for queues in another process or language.
    public static func grant(_ number: UInt64) throws(GatewayError) { try PermitTable.grant(number) }
}
