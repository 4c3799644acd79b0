import Synchronization

/// When the loop over the events has nothing to wait for any more, although nobody has shut the cluster down.
extension Cluster {
    /// A loop over the events would wait for ever when all shards have ended by an error.
    func endEventsIfNoneCanCome() {
        guard hasFailedWhole, let engine = currentEngine else { return }
        engine.afterPushes { [self] in if hasFailedWhole { channel.setExhausted(true) } }
    }

    private var hasFailedWhole: Bool {
        guard let engine = currentEngine else { return false }
        if engine.hasGivenUp { return true }
        guard let count = engine.shardCount, count > 0,
            state.withLock({ $0.failure != nil && $0.ended.count >= count })
        else { return false }
        // Those that were taken out have ended as well.
        let ids = engine.cells.map(\.id)
        return state.withLock { $0.ended.isSuperset(of: ids) }
    }
}

extension Engine {
    /// Calls `body` when all events that the loops have decided on by now are pushed. Any thread.
    fileprivate func afterPushes(_ body: @escaping @Sendable () -> Void) {
        let contexts = self.contexts
        let left = Countdown(contexts.count)
        for context in contexts {
            context.loop.post { if left.isLast() { body() } }
        }
    }
}

/// Tells the last of some threads that it is the last.
private final class Countdown: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    func isLast() -> Bool { left.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 }
}
