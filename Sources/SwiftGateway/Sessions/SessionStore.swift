import GatewayProtocol
import GatewayTransport

/// Keeps a cluster's sessions in its file: on a thread of its own, because disks block, at most every 250 ms and once
/// more at the end.
final class SessionStore: Sendable {
    /// The most that a crash can make Discord replay twice.
    static let interval: UInt64 = 250_000_000

    private let file: SessionFile
    private let document: @Sendable () -> SessionDocument
    private let onError: @Sendable (GatewayError) -> Void
    private let closing = Monitor(false)
    private let thread = Monitor<EngineThread?>(nil)

    init(
        file: SessionFile, document: @escaping @Sendable () -> SessionDocument,
        onError: @escaping @Sendable (GatewayError) -> Void
    ) {
        self.file = file
        self.document = document
        self.onError = onError
    }

    func start() throws(GatewayError) {
        let started = try EngineThread(name: "sg-sessions") { [self] in run() }
        thread.withLock { $0 = started }
    }

    /// Writes for the last time and ends the thread. The shards must have stopped.
    func finish() {
        closing.update { $0 = true }
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
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
                try file.write(current.json(), synced: isLast)
                last = current
                failing = false
            } catch {
                // Said once, not four times a second.
                if !failing { onError(error) }
                failing = true
            }
        }
    }
}
