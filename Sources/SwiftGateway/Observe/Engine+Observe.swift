import GatewayProtocol
import GatewayTransport

extension Engine {
    /// One I/O thread as others see it.
    struct LoopView {
        let metrics: LoopMetrics
        /// Nil with inline delivery.
        let queue: DeliveryQueue?

        /// Bytes of events that wait for delivery.
        var depth: Int { queue?.depth ?? 0 }
        var lag: DurationHistogram.Snapshot { (queue?.lag ?? metrics.lag).snapshot }
    }

    var loops: [LoopView] { contexts.map { LoopView(metrics: $0.metrics, queue: $0.queue) } }

    /// What inflates the streams of this cluster: "zlib", "zlib-ng", "zstd" or "none".
    var inflaterName: StaticString {
        let inflater = try? configuration.makeInflater(limit: 1)
        return inflater?.backendName ?? "none"
    }

    /// The daily limit as far as it is known.
    var identifyLimit: IdentifyBudget.Limit? { shared?.identifies.limit }
}
