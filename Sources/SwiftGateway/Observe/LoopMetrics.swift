import GatewayProtocol
import Synchronization

/// What is counted per I/O thread instead of per shard: a row of all event types for each shard would cost 640 bytes a
/// shard, and a histogram for each more than anyone looks at.
///
/// Written by the loop's thread. Only whoever delivers writes the lag: `DeliveryQueue` has one of its own.
final class LoopMetrics: Sendable {
    /// Dispatches received, by the raw value of their type; 0 stands for names that this build does not know.
    let events = CounterRow(count: EventType.allCases.count + 1)
    let heartbeats = DurationHistogram(bounds: DurationHistogram.heartbeatBounds)
    /// With inline delivery: from reading the first bytes of a wakeup to the return of its last handler.
    let lag = DurationHistogram(bounds: DurationHistogram.lagBounds)
    /// Connections that are being made, and shards that wait for their turn to make one.
    let handshakes = Atomic<Int>(0)
    let handshakesWaiting = Atomic<Int>(0)
}
