import GatewayProtocol
import GatewayTransport

/// Keeps a cluster's sessions in their store: on a thread of its own, because disks block, at most every 250 ms and once
/// more at the end.
final class SessionWriter: Sendable {
    /// The most that a crash can make Discord replay twice.
    static let interval: UInt64 = 250_000_000

    private let store: any SessionStoring
    private let document: @Sendable () -> SessionDocument
    private let onError: @Sendable (GatewayError) -> Void
    private let closing = Monitor(false)
    private let thread = Monitor<EngineThread?>(nil)
    private let lastFailure = Monitor<GatewayError?>(nil)

    init(
        store: any SessionStoring, document: @escaping @Sendable () -> SessionDocument,
        onError: @escaping @Sendable (GatewayError) -> Void
    ) {
        self.store = store
        self.document = document
        self.onError = onError
    }

    func start() throws(GatewayError) {
        let started = try EngineThread(name: "sg-sessions") { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Writes for the last time and ends the thread. The shards must have stopped. Returns why the last state could not be
    /// saved; nil when it was, or when that was told before.
    @discardableResult
    func finish() -> GatewayError? {
        closing.update { $0 = true }
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
        return lastFailure.withLock { $0 }
    }

    private func run() {
        var last: SessionDocument?
        var failing = false
        var isLast = false
        while !isLast {
            isLast = closing.wait(until: Clock.now() + Self.interval) { $0 ? true : nil } ?? false
            let current = document()
            guard current != last else { continue }
            do throws(GatewayError) {
                try store.save(current.json(), isLast: isLast)
                last = current
                failing = false
            } catch {
                // Said once, not four times a second; at the end nobody listens any more but the one who shuts down.
                if !failing {
                    if isLast { lastFailure.withLock { $0 = error } } else { onError(error) }
                }
                failing = true
            }
        }
    }
}
