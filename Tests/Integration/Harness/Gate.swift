import Foundation

/// Holds a handler back until the test lets it through. A gate that is never opened opens by itself after a minute.
final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen: Bool
    private var held = 0

    init(isOpen: Bool = false) { self.isOpen = isOpen }

    /// Waits until the gate is open.
    func pass() {
        condition.lock()
        defer { condition.unlock() }
        let deadline = Date(timeIntervalSinceNow: 60)
        held += 1
        condition.broadcast()
        while !isOpen, condition.wait(until: deadline) {}
        held -= 1
    }

    func open() { set(true) }
    func close() { set(false) }

    private func set(_ open: Bool) {
        condition.lock()
        isOpen = open
        condition.broadcast()
        condition.unlock()
    }

    /// Waits until a handler stands at the closed gate.
    func waitForSomeone() async throws {
        try await Rig.blocking { [self] in
            condition.lock()
            defer { condition.unlock() }
            let deadline = Date(timeIntervalSinceNow: 15)
            while held == 0 {
                guard condition.wait(until: deadline) else { throw NotReached(description: "nobody came to the gate") }
            }
        }
    }
}
