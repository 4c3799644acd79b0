import CLinux
import GatewayProtocol
import Synchronization

/// One thread that waits for sockets and timers (epoll, level-triggered) and runs what other threads post to it.
///
/// Level-triggered on purpose: a read that leaves something behind, an end of stream that came with data, or a budget
/// that ran out is simply reported again, and a short read can be trusted to mean "drained" without one more call.
package final class EventLoop: @unchecked Sendable {
    private static let eventsPerWait = 256

    /// What connections of this loop share. Loop thread only.
    package let buffers = LoopBuffers()
    /// The time of the latest wakeup. Loop thread only.
    package private(set) var now = Clock.now()

    /// Called after everything of a wakeup was handled: the end of a batch. Loop thread only.
    package var endOfBatch: () -> Void = {}

    private let epoll: Int32
    private let wakeup: Int32
    /// Nil once the loop has ended: what is posted then is thrown away.
    private let mailbox = Lock<[@Sendable () -> Void]?>([])
    private let wakePosted = Atomic<Bool>(false)
    private let thread = Lock<EngineThread?>(nil)
    /// The thread that runs this, as it says itself: `thread` is still being set when the first callbacks may ask.
    private let runner = Atomic<UInt>(0)
    private var timers = TimerHeap()
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    private var stopping = false

    private struct Slot {
        var handler: Pollable?
        var generation: UInt32
    }

    /// Throws `internalError` when the system has no descriptor left.
    package init() throws(GatewayError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard epoll >= 0, wakeup >= 0 else {
            let code = clinux_errno()
            if epoll >= 0 { close(epoll) }
            if wakeup >= 0 { close(wakeup) }
            throw GatewayError(.internalError, "no event loop could be made: \(systemMessage(code))")
        }
        var event = epoll_event(events: PollEvents.read, data: epoll_data_t(u64: UInt64.max))
        epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event)
    }

    deinit {
        close(epoll)
        close(wakeup)
    }

    // MARK: From any thread

    package func start(name: String) throws(GatewayError) {
        let started = try EngineThread(name: name) { [self] in run() }
        thread.withLock { $0 = started }
    }

    package var isCurrent: Bool { runner.load(ordering: .relaxed) == EngineThread.currentID }

    /// Runs `task` on the loop's thread, after what was posted before. Does nothing once the loop has ended: a task that
    /// was kept, and that keeps the loop, would never go away.
    package func post(_ task: @escaping @Sendable () -> Void) {
        mailbox.withLock { $0?.append(task) }
        if !wakePosted.exchange(true, ordering: .acquiringAndReleasing) {
            var one: UInt64 = 1
            _ = write(wakeup, &one, 8)
        }
    }

    /// Ends the loop after what was posted before, and waits for its thread. Must not be called on it.
    package func stop() {
        guard let running = thread.withLock({ $0 }) else { return }
        post { [self] in stopping = true }
        running.join()
        thread.withLock { $0 = nil }
    }

    // MARK: On the loop's thread

    package func register(_ fd: Int32, events: UInt32, handler: Pollable) -> Registration? {
        let index: UInt32
        if let free = freeSlots.popLast() {
            index = free
        } else {
            index = UInt32(slots.count)
            slots.append(Slot(handler: nil, generation: 0))
        }
        slots[Int(index)].handler = handler
        let registration = Registration(index: index, generation: slots[Int(index)].generation, fd: fd)
        guard control(EPOLL_CTL_ADD, registration, events) else {
            release(registration)
            return nil
        }
        return registration
    }

    package func modify(_ registration: Registration, events: UInt32) {
        _ = control(EPOLL_CTL_MOD, registration, events)
    }

    /// Takes the descriptor out; it may be closed afterwards. No event reaches the handler any more.
    package func unregister(_ registration: Registration) {
        _ = control(EPOLL_CTL_DEL, registration, 0)
        release(registration)
    }

    package func set(_ timer: LoopTimer, at deadline: UInt64) { timers.set(timer, at: deadline) }

    package func clear(_ timer: LoopTimer) { timers.clear(timer) }

    private func control(_ operation: Int32, _ registration: Registration, _ events: UInt32) -> Bool {
        let token = UInt64(registration.generation) << 32 | UInt64(registration.index)
        var event = epoll_event(events: events, data: epoll_data_t(u64: token))
        return epoll_ctl(epoll, operation, registration.fd, &event) == 0
    }

    private func release(_ registration: Registration) {
        let index = Int(registration.index)
        guard slots[index].generation == registration.generation else { return }
        slots[index].handler = nil
        slots[index].generation &+= 1
        freeSlots.append(registration.index)
    }

    private func run() {
        runner.store(EngineThread.currentID, ordering: .relaxed)
        defer { runner.store(0, ordering: .relaxed) }
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.eventsPerWait)
        defer { events.deallocate() }
        while !stopping {
            let count = epoll_wait(epoll, events, Int32(Self.eventsPerWait), timeout())
            now = Clock.now()
            if count > 0 {
                for index in 0..<Int(count) { dispatch(events[index]) }
            }
            while let timer = timers.popDue(now: now) { timer.run(now: now) }
            endOfBatch()
        }
        let unheard = mailbox.withLock { box in
            let tasks = box
            box = nil
            return tasks
        }
        _ = unheard
        timers.clearAll()
        slots = []
        endOfBatch = {}
    }

    /// Milliseconds until the next timer, rounded up so that it is due when the wait ends.
    private func timeout() -> Int32 {
        guard let soonest = timers.soonest else { return -1 }
        let current = Clock.now()
        guard soonest > current else { return 0 }
        return Int32(clamping: (soonest - current + 999_999) / 1_000_000)
    }

    private func dispatch(_ event: epoll_event) {
        let token = event.data.u64
        if token == UInt64.max {
            runMailbox()
            return
        }
        let index = Int(truncatingIfNeeded: token & 0xFFFF_FFFF)
        guard index < slots.count, slots[index].generation == UInt32(truncatingIfNeeded: token >> 32) else { return }
        slots[index].handler?.ready(event.events)
    }

    private func runMailbox() {
        var count: UInt64 = 0
        _ = read(wakeup, &count, 8)
        // Cleared before the swap: what is posted from here on wakes the loop again.
        wakePosted.store(false, ordering: .sequentiallyConsistent)
        let tasks = mailbox.withLock { box in
            let tasks = box
            box = []
            return tasks
        }
        for task in tasks ?? [] { task() }
    }
}
