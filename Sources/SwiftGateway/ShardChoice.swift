import GatewayProtocol

/// Which shards a cluster runs (`gateway.md` §16).
public enum ShardChoice: Sendable, Equatable {
    /// All the shards that the API recommends.
    case auto
    /// The shards `first`, … `first + count - 1` of `total`.
    case range(first: UInt32, count: UInt32, total: UInt32)
    /// Those of one of `buckets` processes that share a bot: ids that leave `bucket` when divided by `buckets`. A
    /// `total` of 0 asks the API.
    case bucket(bucket: UInt32, buckets: UInt32, total: UInt32)
    /// Those of one of `processes` processes that share a bot, consecutive and as even as can be: 25 shards over 2
    /// processes are 0 to 12 and 13 to 24. A `total` of 0 asks the API.
    case split(process: UInt32, processes: UInt32, total: UInt32)

    func scheme() throws(GatewayError) -> ShardScheme {
        let scheme: ShardScheme =
            switch self {
            case .auto: .auto
            case .range(let first, let count, let total): .range(first: first, count: count, total: total)
            case .bucket(let bucket, let buckets, let total): .bucket(bucket, of: buckets, total: total)
            case .split(let process, let processes, let total): .split(process, of: processes, total: total)
            }
        do throws(ShardSchemeError) {
            try scheme.validate()
        } catch {
            throw .invalid(error.message)
        }
        return scheme
    }
}

extension ShardScheme {
    func resolved(recommended: UInt32) throws(GatewayError) -> ShardRange {
        do throws(ShardSchemeError) {
            return try resolve(recommended: recommended)
        } catch {
            throw .invalid(error.message)
        }
    }

    /// The first shard as far as it is known without the API.
    var firstID: UInt32 {
        switch self {
        case .auto: 0
        case .range(let first, _, _): first
        case .bucket(let bucket, _, _): bucket
        case .split(let process, let processes, let total):
            total == 0 || processes == 0 ? 0 : process * (total / processes) + min(process, total % processes)
        }
    }
}
