import GatewayProtocol

/// One shard of a cluster: its cluster and its id. A value, cheap to make and to keep; it says nothing about whether the
/// shard exists.
public struct Shard: Sendable, Identifiable {
    /// The cluster that the shard is of.
    public let cluster: Cluster
    /// The shard's number, from 0.
    public let id: UInt32

    init(cluster: Cluster, id: UInt32) {
        self.cluster = cluster
        self.id = id
    }

    /// A snapshot of the shard. Throws `notFound` when the cluster has no such shard, `invalidState` when the cluster was
    /// never started.
    public func info() throws(GatewayError) -> ShardInfo { try cluster.info(shard: id) }

    /// Queues a command; see `Cluster.send(_:shard:)`.
    public func send(_ command: GatewayCommand) throws(GatewayError) { try cluster.send(command, shard: id) }

    /// Disconnects the shard and connects it again, resuming its session or beginning a new one. Throws `notFound`, and
    /// `invalidState` when the cluster is not running.
    public func restart(resuming: Bool) throws(GatewayError) { try cluster.restartShard(id, resuming: resuming) }
}

extension Shard: Hashable {
    /// Two are equal when they have the same id in the same cluster.
    public static func == (a: Shard, b: Shard) -> Bool { a.id == b.id && a.cluster === b.cluster }

    /// Hashes the cluster's identity and the id.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(cluster))
        hasher.combine(id)
    }
}

extension Cluster {
    /// The shard with this id, whether it exists or not.
    public func shard(_ id: UInt32) -> Shard { Shard(cluster: self, id: id) }

    /// The cluster's shards by rising id. Throws `invalidState` before they are known: with `ShardChoice.auto` that is
    /// when the API has answered.
    public func shards() throws(GatewayError) -> [Shard] { try shardIDs().map { Shard(cluster: self, id: $0) } }
}
