import Foundation
import GatewayTransport
import SwiftGateway

/// A condition did not come true in time.
struct NotReached: Error, CustomStringConvertible {
    let description: String
}

/// Takes a cluster's events and lets tests wait for what they mean.
final class Recorder: Sendable {
    typealias Condition = @Sendable (Record) -> Bool

    private struct Waiter {
        let condition: Condition
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var record = Record()
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
    }

    private let state = Lock(State())
    /// Whether a dispatch is kept whole; all dispatches are traced.
    private let keeps: @Sendable (EventView) -> Bool

    init(keeps: @escaping @Sendable (EventView) -> Bool = { _ in true }) { self.keeps = keeps }

    var record: Record { state.withLock { $0.record } }

    /// Continues where another process stopped.
    func expect(shard: UInt32, from trace: ShardTrace) { state.withLock { $0.record.traces[shard] = trace } }

    func take(_ event: EventView) {
        let kept = event.kind != .dispatch || keeps(event) ? SeenEvent(event) : nil
        change { record in
            record.traces[event.shardID, default: ShardTrace()].take(event)
            if let kept { record.events.append(kept) }
        }
    }

    func log(_ level: LogLevel, _ target: String, _ text: String) {
        change { $0.log.append("\(level) \(target): \(text)") }
    }

    private func change(_ body: (inout Record) -> Void) {
        let met = state.withLock { state -> [Waiter] in
            body(&state.record)
            guard !state.waiters.isEmpty else { return [] }
            let met = state.waiters.filter { $0.value.condition(state.record) }
            for id in met.keys { state.waiters[id] = nil }
            return Array(met.values)
        }
        for waiter in met { waiter.continuation.resume(returning: true) }
    }

    /// Waits until `condition` holds; it is asked at every event. Throws `NotReached`, with the last events, otherwise.
    func wait(
        _ what: String, timeout: Duration = .seconds(15), until condition: @escaping Condition
    ) async throws {
        let reached = await withCheckedContinuation { continuation in
            let id = state.withLock { state -> Int? in
                guard !condition(state.record) else { return nil }
                state.nextWaiter += 1
                state.waiters[state.nextWaiter] = Waiter(condition: condition, continuation: continuation)
                return state.nextWaiter
            }
            guard let id else { return continuation.resume(returning: true) }
            let milliseconds = Int(timeout / .milliseconds(1))
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [self] in
                let late = state.withLock { $0.waiters.removeValue(forKey: id) }
                late?.continuation.resume(returning: false)
            }
        }
        guard !reached else { return }
        let record = self.record
        let tail = record.events.suffix(30).map(\.description).joined(separator: "\n")
        throw NotReached(description: "not reached: \(what); traces \(record.traces); the last events:\n\(tail)")
    }
}
