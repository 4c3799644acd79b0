import GatewayProtocol
import GatewayTransport
import Synchronization

/// What other threads may know of a shard: counters that its loop writes and anyone reads, the delivered position that
/// the delivery thread writes, and a snapshot that is replaced whenever something other than a dispatch happens.
final class ShardCell: Sendable {
    /// The state between dispatches, as of the last time anything changed.
    struct Snapshot {
        var state = ShardState.idle
        var resumable: ResumableSession?
        var counters = SessionCounters()
        var latency = LatencyWindow()
        var sends: SendWindow?
        /// Sessions of which events may still be undelivered, oldest first.
        var identities: [(epoch: UInt16, id: String, url: String)] = []
        var closes: [UInt16: UInt64] = [:]
        var connects: UInt64 = 0
        var errors: UInt64 = 0
        var bytesSent: UInt64 = 0
        var heartbeatInterval: UInt32 = 0
        var inflaterBytes = 0
        var lastClose: UInt16 = 0
    }

    let id: UInt32
    let total: UInt32
    let snapshot = Lock(Snapshot())
    let received = Atomic<UInt64>(0)
    let events = Atomic<UInt64>(0)
    let bytesWire = Atomic<UInt64>(0)
    let bytesInflated = Atomic<UInt64>(0)
    /// Commands accepted and not yet sent; what callers are held to, before the loop knows of them.
    let commands = Atomic<Int>(0)
    /// Stopped or fatal.
    let hasEnded = Atomic<Bool>(false)
    /// Where the delivery queue must have got to for everything of a shard that has ended to be delivered; -1 before.
    let settledAt = Atomic<Int>(-1)
    // Written by the thread that delivers, for each event; what is above by the loop's.
    private let gapBefore = CacheGap()
    let delivered = Atomic<UInt64>(0)
    /// Dispatches whose handler returned.
    let eventsDelivered = Atomic<UInt64>(0)
    private let gapAfter = CacheGap()

    init(id: UInt32, total: UInt32) {
        self.id = id
        self.total = total
    }

    func noteDelivered(_ position: DeliveredPosition) { delivered.store(position.raw, ordering: .releasing) }

    /// What a new process would need to go on where the user's handler has got to; nil when there is no session.
    var deliveredSession: ResumableSession? {
        snapshot.withLock { snapshot in
            guard snapshot.resumable != nil else { return nil }
            let position = DeliveredPosition(raw: delivered.load(ordering: .acquiring))
            guard let identity = snapshot.identities.first(where: { $0.epoch == position.epoch }) else { return nil }
            return ResumableSession(id: identity.id, resumeURL: identity.url, sequence: position.sequence)
        }
    }
}

extension Atomic where Value == UInt64 {
    /// Adds when there is one writer only: no locked instruction.
    @inline(__always)
    func addByOnlyWriter(_ count: UInt64) { store(load(ordering: .relaxed) &+ count, ordering: .relaxed) }
}
