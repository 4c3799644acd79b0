import GatewayTransport
import SwiftGateway

/// Stands for the engine: asks a queue, and sees what is granted when.
final class Probe: Sendable {
    private struct Grant {
        var permit: IdentifyPermit
        var time: UInt64
    }

    private let queue: any IdentifyQueueing
    private let maxConcurrency: UInt32
    private let patience: UInt64
    private let grants = Monitor<[Grant]>([])

    init(_ queue: any IdentifyQueueing, maxConcurrency: UInt32, patience: UInt64) {
        self.queue = queue
        self.maxConcurrency = maxConcurrency
        self.patience = patience
    }

    func request(_ shard: UInt32, total: UInt32 = 1_000) -> IdentifyPermit {
        let permit = IdentifyPermit(
            number: PermitTable.newNumber(), shardID: shard, shardTotal: total, maxConcurrency: maxConcurrency)
        PermitTable.add(permit.number) { [grants] in
            grants.update { $0.append(Grant(permit: permit, time: Clock.now())) }
        }
        queue.request(permit)
        return permit
    }

    func cancel(_ permit: IdentifyPermit) {
        PermitTable.remove(permit.number)
        queue.cancel(permit)
    }

    func sent(_ permit: IdentifyPermit) { queue.sent(permit) }

    func isGranted(_ permit: IdentifyPermit) -> Bool { grants.withLock { $0.contains { $0.permit == permit } } }

    /// Waits until the permit is granted; nil when it is not in time.
    func timeOfGrant(_ permit: IdentifyPermit) -> UInt64? {
        grants.wait(until: Clock.now() + patience) { $0.first { $0.permit == permit }?.time }
    }

    /// Waits for the first grant, from the `after`th on, of one of these permits.
    func nextGrant(among numbers: Set<UInt64>, after: Int = 0) -> IdentifyPermit? {
        grants.wait(until: Clock.now() + patience) { grants in
            grants.dropFirst(after).first { numbers.contains($0.permit.number) }?.permit
        }
    }

    /// Time in which something could happen that must not.
    func pause(_ milliseconds: UInt64) {
        let never: Bool? = Monitor(false).wait(until: Clock.now() + milliseconds * 1_000_000) { $0 ? true : nil }
        _ = never
    }

    /// Runs `body` on several threads at once; the sum of what they return.
    func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Int) -> Int {
        let sum = Monitor(0)
        var threads: [EngineThread] = []
        for index in 0..<count {
            do throws(GatewayError) {
                threads.append(
                    try EngineThread(name: "sg-probe") {
                        let result = body(index)
                        sum.update { $0 += result }
                    })
            } catch {
                sum.update { $0 += 1 }
            }
        }
        for thread in threads { thread.join() }
        return sum.withLock { $0 }
    }
}
