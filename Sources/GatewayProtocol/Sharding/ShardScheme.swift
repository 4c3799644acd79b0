/// Which shards of a bot this process runs (`gateway.md` §16).
package enum ShardScheme: Sendable, Equatable {
    /// All of as many shards as the API recommends.
    case auto
    /// The shards `first ..< first + count` of `total`.
    case range(first: UInt32, count: UInt32, total: UInt32)
    /// The part of `total` shards that process number `bucket` of `buckets` runs; 0 in total for as many as the API
    /// recommends. Parts are consecutive ids and differ by one shard at most.
    case bucket(UInt32, of: UInt32, total: UInt32)

    /// Whether the API's recommendation is needed to tell the shards.
    package var needsRecommendation: Bool {
        switch self {
        case .auto, .bucket(_, of: _, total: 0): true
        default: false
        }
    }

    /// Throws for numbers that name no shards, whatever the API recommends.
    package func validate() throws(ShardSchemeError) {
        switch self {
        case .auto:
            break
        case .range(let first, let count, let total):
            guard total > 0 else { throw ShardSchemeError("The total number of shards must not be 0.") }
            guard count > 0 else { throw ShardSchemeError("The number of shards to run must not be 0.") }
            guard UInt64(first) + UInt64(count) <= UInt64(total) else {
                throw ShardSchemeError(
                    "Shards \(first) to \(UInt64(first) + UInt64(count) - 1) do not exist with \(total) in total; "
                        + "the last one is \(total - 1).")
            }
        case .bucket(let bucket, of: let buckets, let total):
            guard buckets > 0 else { throw ShardSchemeError("The number of buckets must not be 0.") }
            guard bucket < buckets else {
                throw ShardSchemeError(
                    "Bucket \(bucket) does not exist with \(buckets) in total; the last one is \(buckets - 1).")
            }
            guard total == 0 || total >= buckets else {
                throw ShardSchemeError("\(total) shards in total are too few for \(buckets) buckets.")
            }
        }
    }

    /// The shards to run. `recommended` is the API's number and only looked at where the scheme needs it.
    package func resolve(recommended: UInt32) throws(ShardSchemeError) -> ShardRange {
        try validate()
        if needsRecommendation, recommended == 0 {
            throw ShardSchemeError("The API recommends 0 shards; set their number yourself.")
        }
        switch self {
        case .auto:
            return ShardRange(ids: 0..<recommended, total: recommended)
        case .range(let first, let count, let total):
            return ShardRange(ids: first..<(first + count), total: total)
        case .bucket(let bucket, of: let buckets, let fixed):
            let total = fixed == 0 ? recommended : fixed
            guard total >= buckets else {
                throw ShardSchemeError("\(total) shards in total are too few for \(buckets) buckets.")
            }
            // The boundaries of equal parts, each rounded down, are never more than one apart from equal.
            let start = UInt64(bucket) * UInt64(total) / UInt64(buckets)
            let end = (UInt64(bucket) + 1) * UInt64(total) / UInt64(buckets)
            return ShardRange(ids: UInt32(start)..<UInt32(end), total: total)
        }
    }
}

/// Consecutive shards out of a total.
package struct ShardRange: Sendable, Equatable {
    /// The shards' ids, rising; enumerating them stores nothing.
    package var ids: Range<UInt32>
    /// The number of shards of the whole bot.
    package var total: UInt32

    package init(ids: Range<UInt32>, total: UInt32) {
        self.ids = ids
        self.total = total
    }

    /// The shard that gets the events of a guild (`gateway.md` §16), zero when there is no total.
    package static func shard(ofGuild guild: UInt64, total: UInt32) -> UInt32 {
        total == 0 ? 0 : UInt32(truncatingIfNeeded: (guild >> 22) % UInt64(total))
    }
}

/// Shard numbers that do not go together.
package struct ShardSchemeError: Error, Equatable {
    /// What is wrong with which number, one sentence.
    package var message: String

    package init(_ message: String) { self.message = message }
}
