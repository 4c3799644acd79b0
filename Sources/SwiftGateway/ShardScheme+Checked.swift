import GatewayProtocol

extension ShardScheme {
    /// The shards `first`, … `first + count - 1` of `total` (`gateway.md` §16). Throws `invalidArgument`.
    public static func checkedRange(first: UInt32, count: UInt32, total: UInt32) throws(GatewayError) -> ShardScheme {
        try checked(.range(first: first, count: count, total: total))
    }

    /// The shards of one of `buckets` processes that share a bot: those whose id leaves `bucket` when divided by
    /// `buckets`. A `total` of 0 asks the API. Throws `invalidArgument`.
    public static func checkedBucket(
        bucket: UInt32, of buckets: UInt32, total: UInt32
    ) throws(GatewayError) -> ShardScheme {
        try checked(.bucket(bucket, of: buckets, total: total))
    }

    private static func checked(_ scheme: ShardScheme) throws(GatewayError) -> ShardScheme {
        do throws(ShardSchemeError) {
            try scheme.validate()
        } catch {
            throw .invalid(error.message)
        }
        return scheme
    }

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
        }
    }
}
