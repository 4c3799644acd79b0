import Metrics
import SwiftGateway

/// Reports a cluster's numbers to swift-metrics, from snapshots on an interval: an event costs nothing for it.
///
/// ```swift
/// try await withCluster(configuration) { cluster in
///     async let metrics: Void = ClusterMetrics(cluster).run()  // ends with the scope
///     for await (shard, event) in cluster.events { … }
/// }
/// ```
///
/// The names are those of `Cluster.metrics()`: counters such as `swiftgateway_events_total`, gauges such as
/// `swiftgateway_shards` by state, and the timer `swiftgateway_latency`. Used by one task at a time.
public final class ClusterMetrics {
    /// Which numbers are kept apart.
    public enum Grouping: Sendable {
        /// One set of metrics for each shard, with the dimension "shard".
        case byShard
        /// One set for the whole cluster: for clusters of so many shards that a time series for each is too much.
        case whole
    }

    private let cluster: Cluster
    private let interval: Duration
    private let factory: any MetricsFactory
    private let grouping: Grouping
    private var meters: [UInt32: ShardMeters] = [:]
    private let states: [(state: ShardState, gauge: Gauge)]
    private let queue: Gauge
    private let waiting: Gauge

    /// - Parameters:
    ///   - cluster: What to report on.
    ///   - interval: The time between two reports, default 10 s (practice: what most backends scrape at).
    ///   - grouping: Which numbers are kept apart, default by shard.
    ///   - factory: Where to report to, default the `MetricsSystem`'s.
    public init(
        _ cluster: Cluster, interval: Duration = .seconds(10), grouping: Grouping = .byShard,
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.cluster = cluster
        self.interval = interval
        self.grouping = grouping
        self.factory = factory
        states = ShardState.allCases.map { state in
            (state, Gauge(label: "swiftgateway_shards", dimensions: [("state", "\(state)")], factory: factory))
        }
        queue = Gauge(label: "swiftgateway_queue_bytes", factory: factory)
        waiting = Gauge(label: "swiftgateway_events_waiting", factory: factory)
    }

    /// Reports now and on every interval until the task is cancelled, and once more then. The shape that the `Service` of
    /// swift-service-lifecycle has.
    public func run(isolation: isolated (any Actor)? = #isolation) async {
        while !Task.isCancelled {
            report()
            do { try await Task.sleep(for: interval) } catch { break }
        }
        report()
    }

    /// Takes a snapshot and reports it: gauges as they are, counters by what was added since the last report.
    public func report() {
        let infos = cluster.infos()
        for info in infos {
            let group = grouping == .byShard ? info.id : 0
            let meters = self.meters[group] ?? makeMeters(group)
            meters.report(info)
        }
        for (state, gauge) in states { gauge.record(infos.count { $0.state == state }) }
        // Shards of one I/O thread share a queue: the fullest is what matters.
        queue.record(infos.map(\.bytesQueued).max() ?? 0)
        waiting.record(
            infos.reduce(0) { $0 + ($1.sequence > $1.sequenceDelivered ? $1.sequence - $1.sequenceDelivered : 0) })
    }

    private func makeMeters(_ group: UInt32) -> ShardMeters {
        let made = ShardMeters(
            dimensions: grouping == .byShard ? [("shard", "\(group)")] : [], factory: factory)
        meters[group] = made
        return made
    }
}
