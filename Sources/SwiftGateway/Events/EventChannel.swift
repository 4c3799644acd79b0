import GatewayProtocol
import GatewayTransport
import Synchronization

/// Where the events of a cluster without a handler wait for the loop over `Cluster.events`: the queues of all its I/O
/// threads, and at most one consumer that empties them.
///
/// There is no thread in between. The consumer takes what waits by the buffer, without a lock; only when all queues are
/// empty does it go to sleep, and the next push of any loop wakes it.
final class EventChannel: @unchecked Sendable {
    /// One queue. `owner` keeps alive what its records point to.
    final class Source: Sendable {
        let queue: DeliveryQueue
        private let ownerBox: OwnerBox

        init(_ queue: DeliveryQueue, owner: AnyObject) {
            self.queue = queue
            ownerBox = OwnerBox(owner: owner)
        }
    }

    private final class OwnerBox: @unchecked Sendable {
        let owner: AnyObject
        init(owner: AnyObject) { self.owner = owner }
    }

    enum Look {
        /// There is something to take.
        case more
        /// Nothing now.
        case empty
        /// Nothing any more.
        case ended
    }

    private struct State {
        var sources: [Source] = []
        /// Queues that get nothing more and are to be emptied; and those of them that are, their last event finished.
        var closing: Set<ObjectIdentifier> = []
        var drained: Set<ObjectIdentifier> = []
        /// The cluster has stopped.
        var ended = false
        /// No shard is left that could send anything, and an error is why.
        var exhausted = false
        var claimed = false
        /// The consumer itself waits for the shutdown: it will not come back for more before that.
        var leaving = false
        /// The task of the consumer, as a number.
        var task: Int?
        /// Continues a sleeping consumer.
        var resume: (@Sendable () -> Void)?
        /// A wake that found nobody asleep.
        var signalled = false
    }

    private let state = Monitor(State())
    /// Counts changes of the sources.
    private let version = Atomic<Int>(0)
    /// Queues that are being drained.
    private let closings = Atomic<Int>(0)
    /// What the consumer is at; whoever has the claim owns it.
    let reader = EventReader()

    // MARK: The engine's side

    func attach(_ queue: DeliveryQueue, owner: AnyObject) {
        state.update { $0.sources.append(Source(queue, owner: owner)) }
        changed()
        wake()
    }

    /// Takes a queue out once everything in it is finished by the consumer. Waits for that until `deadline`, and not at
    /// all when there is no consumer; what is left then is thrown away and counts as not delivered. Returns false when
    /// the deadline has passed. The loop must have stopped pushing.
    func drain(_ queue: DeliveryQueue, until deadline: UInt64?) -> Bool {
        let id = ObjectIdentifier(queue)
        state.update { _ = $0.closing.insert(id) }
        closings.wrappingAdd(1, ordering: .releasing)
        wake()
        let result = state.wait(until: deadline) { state -> Bool? in
            if state.drained.contains(id) { return true }
            return !state.claimed || state.leaving ? false : nil
        }
        if result != true { queue.abandoned.store(true, ordering: .sequentiallyConsistent) }
        state.update { state in
            state.closing.remove(id)
            state.drained.remove(id)
            state.sources.removeAll { $0.queue === queue }
        }
        closings.wrappingSubtract(1, ordering: .releasing)
        changed()
        return result != nil
    }

    /// The cluster has been started.
    func open() {
        state.update {
            ($0.ended, $0.exhausted, $0.leaving) = (false, false, false)
        }
    }

    /// The cluster has stopped: the sequence ends.
    func end() {
        let rest = state.update { state in
            (state.ended, state.leaving) = (true, false)
            return state.claimed ? nil : reader.takeRest()
        }
        // What the run kept alive goes outside of the lock.
        withExtendedLifetime(rest) {}
        wake()
    }

    /// Whether all shards have ended by an error; see `State.exhausted`.
    func setExhausted(_ exhausted: Bool) {
        state.update { $0.exhausted = exhausted }
        if exhausted { wake() }
    }

    /// Any thread: something changed that the consumer may sleep for.
    func wake() {
        let resume = state.withLock { state in
            let resume = state.resume
            state.resume = nil
            if resume == nil { state.signalled = true }
            return resume
        }
        resume?()
    }

    private func changed() { version.wrappingAdd(1, ordering: .releasing) }

    // MARK: The claim

    /// Makes the caller the consumer, unless there is one.
    func claim() -> Bool {
        state.update { state in
            guard !state.claimed else { return false }
            state.claimed = true
            return true
        }
    }

    /// The consumer goes. What it has not asked past stays for the next one. Wakes whoever waits for it in a drain.
    func release() {
        let rest = state.update { state in
            (state.claimed, state.leaving, state.task, state.resume) = (false, false, nil, nil)
            return state.ended ? reader.takeRest() : nil
        }
        withExtendedLifetime(rest) {}
    }

    /// The task with this number is the consumer.
    func note(task: Int?) { state.withLock { $0.task = task } }

    /// Called at the beginning of a shutdown. When it is the consumer that calls it, it is not waited for.
    func leaves(task: Int?) {
        state.update { if let task, $0.claimed, $0.task == task { $0.leaving = true } }
    }

    // MARK: The consumer's side

    /// The queues, when they are others than at `seen`.
    func sources(since seen: inout Int) -> [Source]? {
        let now = version.load(ordering: .acquiring)
        guard now != seen else { return nil }
        seen = now
        return state.withLock { $0.sources }
    }

    /// Called with everything finished that was taken: is there more?
    func look() -> Look {
        var changed = false
        let look = state.withLock { state -> Look in
            var isEmpty = true
            for source in state.sources {
                if !source.queue.isTakenEmpty {
                    isEmpty = false
                } else if state.closing.contains(ObjectIdentifier(source.queue)) {
                    changed = state.drained.insert(ObjectIdentifier(source.queue)).inserted || changed
                }
            }
            guard isEmpty else { return .more }
            return state.ended || state.exhausted ? .ended : .empty
        }
        if changed { state.update { _ in } }
        return look
    }

    /// Is a queue being drained? Then whoever drains it waits for a `look`.
    var isClosing: Bool { closings.load(ordering: .acquiring) > 0 }

    /// Has `resume` called once when there is more. Returns false when there is already, and then it is not called.
    func sleep(_ resume: @escaping @Sendable () -> Void) -> Bool {
        let sources = state.withLock { $0.sources }
        for source in sources { source.queue.doorbell.announce() }
        for source in sources { source.queue.tellRoomIfAwaited() }
        let asleep = state.withLock { state in
            if state.signalled || !state.sources.allSatisfy({ $0.queue.isTakenEmpty }) {
                state.signalled = false
                return false
            }
            state.resume = resume
            return true
        }
        if !asleep { awake() }
        return asleep
    }

    /// The consumer does not sleep any more.
    func awake() {
        for source in state.withLock({ $0.sources }) { source.queue.doorbell.withdraw() }
    }
}
