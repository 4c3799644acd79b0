import GatewayTransport

/// Something with a time at which it wants to be called.
protocol AlarmClient: AnyObject, Sendable {
    /// The time (`Clock`), or nil for never. Any thread.
    var nextDeadline: UInt64? { get }
    /// The time has come, or it may have changed meanwhile.
    func ring()
}

/// Calls its client in time.
protocol Alarm: AnyObject, Sendable {
    /// Once, before everything else. The client is not kept alive.
    func serve(_ client: any AlarmClient)
    /// The client's deadline may have changed. Any thread.
    func reconsider()
}

/// An alarm on the timers of an event loop.
final class LoopAlarm: Alarm, @unchecked Sendable {
    private let loop: EventLoop
    // Loop thread only, but for the one call of `serve`.
    private weak var client: (any AlarmClient)?
    private lazy var timer = LoopTimer { [unowned self] _ in client?.ring() }

    init(loop: EventLoop) { self.loop = loop }

    func serve(_ client: any AlarmClient) { self.client = client }

    func reconsider() {
        // The deadline is asked for on the loop: an older one that is posted late must not replace a newer one.
        loop.post { [self] in
            if let deadline = client?.nextDeadline { loop.set(timer, at: deadline) } else { loop.clear(timer) }
        }
    }
}

/// An alarm on a thread of its own, which exists only while there is something to wait for.
final class ThreadAlarm: Alarm, @unchecked Sendable {
    private struct State {
        var isRunning = false
        var changes: UInt64 = 0
    }

    private let state = Monitor(State())
    /// Set once, before everything else.
    private weak var client: (any AlarmClient)?

    func serve(_ client: any AlarmClient) { self.client = client }

    func reconsider() {
        guard client?.nextDeadline != nil || state.withLock({ $0.isRunning }) else { return }
        let starts = state.update { state in
            state.changes += 1
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard starts else { return }
        do throws(GatewayError) {
            try EngineThread(name: "sg-identify") { [self] in run() }.detach()
        } catch {
            // Without a thread the next change tries again.
            state.update { $0.isRunning = false }
        }
    }

    private func run() {
        while true {
            let seen = state.withLock { $0.changes }
            if let deadline = client?.nextDeadline {
                _ = state.wait(until: deadline) { $0.changes != seen ? true : nil }
                client?.ring()
                continue
            }
            let ends = state.update { state in
                guard state.changes == seen else { return false }
                state.isRunning = false
                return true
            }
            if ends { return }
        }
    }
}
