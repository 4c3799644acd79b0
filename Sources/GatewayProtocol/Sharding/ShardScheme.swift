/// Which shards of a bot this process runs (`gateway.md` §16).
package enum ShardScheme: Sendable, Equatable {
    /// All of as many shards as the API recommends.
    case auto
    /// The shards `first ..< first + count` of `total`.
    case range(first: UInt32, count: UInt32, total: UInt32)
    /// The shards that process number `bucket` of `buckets` runs: those whose id leaves `bucket` when divided by
    /// `buckets`; 0 in total for as many as the API recommends.
    case bucket(UInt32, of: UInt32, total: UInt32)
    /// The consecutive shards that process number `process` of `processes` runs, as evenly as can be: the first ones have
    /// one more where it does not come out even; 0 in total for as many as the API recommends.
    case split(UInt32, of: UInt32, total: UInt32)

    /// More shards than any bot has: Discord's largest have some thousands. A number beyond is a mistake, and would cost
    /// the memory of so many shards.
    package static let maximumTotal: UInt32 = 1_000_000

    /// Whether the API's recommendation is needed to tell the shards.
    package var needsRecommendation: Bool {
        switch self {
        case .auto, .bucket(_, of: _, total: 0), .split(_, of: _, total: 0): true
        default: false
        }
    }

    private var total: UInt32? {
        switch self {
        case .auto: nil
        case .range(_, _, let total), .bucket(_, of: _, let total), .split(_, of: _, let total): total
        }
    }

    /// Throws for numbers that name no shards, whatever the API recommends.
    package func validate() throws(ShardSchemeError) {
        if let total, total > Self.maximumTotal {
            throw ShardSchemeError("\(total) shards in total are more than \(Self.maximumTotal).")
        }
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
        case .split(let process, of: let processes, let total):
            guard processes > 0 else { throw ShardSchemeError("The number of processes must not be 0.") }
            guard process < processes else {
                throw ShardSchemeError(
                    "Process \(process) does not exist with \(processes) in total; the last one is \(processes - 1).")
            }
            guard total == 0 || total >= processes else {
                throw ShardSchemeError("\(total) shards in total are too few for \(processes) processes.")
            }
        }
    }

    /// The shards to run. `recommended` is the API's number and only looked at where the scheme needs it.
    package func resolve(recommended: UInt32) throws(ShardSchemeError) -> ShardRange {
        try validate()
        if needsRecommendation, recommended == 0 {
            throw ShardSchemeError("The API recommends 0 shards; set their number yourself.")
        }
        if needsRecommendation, recommended > Self.maximumTotal {
            throw ShardSchemeError("The API recommends \(recommended) shards, more than \(Self.maximumTotal).")
        }
        switch self {
        case .auto:
            return ShardRange(first: 0, end: recommended, total: recommended)
        case .range(let first, let count, let total):
            return ShardRange(first: first, end: first + count, total: total)
        case .bucket(let bucket, of: let buckets, let fixed):
            let total = fixed == 0 ? recommended : fixed
            guard total >= buckets else {
                throw ShardSchemeError("\(total) shards in total are too few for \(buckets) buckets.")
            }
            return ShardRange(first: bucket, end: total, step: buckets, total: total)
        case .split(let process, of: let processes, let fixed):
            let total = fixed == 0 ? recommended : fixed
            guard total >= processes else {
                throw ShardSchemeError("\(total) shards in total are too few for \(processes) processes.")
            }
            let (share, rest) = (total / processes, total % processes)
            let first = process * share + min(process, rest)
            return ShardRange(first: first, end: first + share + (process < rest ? 1 : 0), total: total)
        }
    }
}

/// Evenly spaced shards out of a total.
package struct ShardRange: Sendable, Equatable {
    private let first: UInt32
    private let end: UInt32
    private let step: UInt32
    /// The number of shards of the whole bot.
    package let total: UInt32

    /// Every `step`th shard from `first`, below `end`.
    package init(first: UInt32, end: UInt32, step: UInt32 = 1, total: UInt32) {
        self.first = first
        self.end = end
        self.step = step
        self.total = total
    }

    /// The shards' ids, rising; enumerating them stores nothing.
    package var ids: StrideTo<UInt32> { stride(from: first, to: end, by: Int(step)) }

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
