import GatewayTransport

/// Holds a task back until the test lets it through, without holding its thread.
final class AsyncGate: Sendable {
    private struct State {
        var isOpen = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Lock(State())

    /// Waits until the gate is open.
    func pass() async {
        await withCheckedContinuation { continuation in
            let passes = state.withLock { state in
                if !state.isOpen { state.held.append(continuation) }
                return state.isOpen
            }
            if passes { continuation.resume() }
        }
    }

    func open() {
        let held = state.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }

    func close() { state.withLock { $0.isOpen = false } }

    /// Waits until somebody stands at the closed gate.
    func waitForSomeone() async throws {
        try await eventually("somebody at the gate") { state.withLock { !$0.held.isEmpty } }
    }
}
