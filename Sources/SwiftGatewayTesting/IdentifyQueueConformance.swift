import GatewayTransport
import SwiftGateway

/// Checks that an identify queue keeps what `IdentifyQueueing` asks of it. For the tests of queues:
///
/// ```swift
/// let broken = IdentifyQueueConformance.violations { maxConcurrency, interval in
///     MyQueue(maxConcurrency: maxConcurrency, intervalMilliseconds: interval)
/// }
/// #expect(broken == [])
/// ```
public struct IdentifyQueueConformance {
    /// Makes a queue for a maximum concurrency and an interval in milliseconds.
    public typealias Factory = (_ maxConcurrency: UInt32, _ intervalMilliseconds: UInt32) -> any IdentifyQueueing

    private static let hour: UInt32 = 3_600_000

    private let make: Factory
    private let patience: UInt64
    private var found: [String] = []

    /// The rules that the queue breaks, one sentence each; none is as it should be. Blocks for about a second with a queue
    /// that is right. `patienceMilliseconds`: how long a grant may take that nothing holds back.
    public static func violations(patienceMilliseconds: UInt32 = 20_000, of make: @escaping Factory) -> [String] {
        var checks = IdentifyQueueConformance(make: make, patience: UInt64(patienceMilliseconds) * 1_000_000)
        checks.grantsEveryRequestOnce()
        checks.keepsTheIntervalFromTheSend()
        checks.keepsOneAtATime()
        checks.keepsKeysApart()
        checks.keepsTheOrder()
        checks.cancelsForFree()
        checks.takesTheSameShardTwice()
        checks.takesManyThreads()
        return checks.found
    }

    private func probe(_ maxConcurrency: UInt32, _ interval: UInt32) -> Probe {
        Probe(make(maxConcurrency, interval), maxConcurrency: maxConcurrency, patience: patience)
    }

    private mutating func expect(_ good: Bool, _ rule: String) {
        if !good, !found.contains(rule) { found.append(rule) }
    }

    // MARK: Rules

    private mutating func grantsEveryRequestOnce() {
        let probe = probe(3, 1)
        let permits = (0..<12).map { probe.request($0) }
        var open = Set(permits.map(\.number))
        while !open.isEmpty {
            guard let next = probe.nextGrant(among: open) else { break }
            open.remove(next.number)
            probe.sent(next)
        }
        expect(open.isEmpty, "every request is granted in the end")
    }

    private mutating func keepsTheIntervalFromTheSend() {
        let interval: UInt32 = 60
        let probe = probe(1, interval)
        let permits = (0..<3).map { probe.request($0) }
        var lastSent: UInt64?
        for permit in permits {
            guard let granted = probe.timeOfGrant(permit) else {
                return expect(false, "every request is granted in the end")
            }
            if let lastSent {
                expect(
                    granted >= lastSent + UInt64(interval) * 1_000_000,
                    "the next of a key is granted one interval after the last IDENTIFY was sent")
            }
            // The interval begins here, however long the shard took.
            probe.pause(30)
            lastSent = Clock.now()
            probe.sent(permit)
        }
    }

    private mutating func keepsOneAtATime() {
        let probe = probe(1, 0)
        let permits = (0..<2).map { probe.request($0) }
        guard probe.timeOfGrant(permits[0]) != nil else {
            return expect(false, "every request is granted in the end")
        }
        probe.pause(30)
        expect(
            !probe.isGranted(permits[1]), "while a shard is granted and has not sent, no other of its key is granted")
        probe.sent(permits[0])
        expect(probe.timeOfGrant(permits[1]) != nil, "every request is granted in the end")
    }

    private mutating func keepsKeysApart() {
        let probe = probe(4, Self.hour)
        for shard in 0..<4 as Range<UInt32> {
            let permit = probe.request(shard)
            expect(probe.timeOfGrant(permit) != nil, "shards with different keys do not wait for each other")
            probe.sent(permit)
        }
        let fifth = probe.request(4)
        probe.pause(30)
        expect(
            !probe.isGranted(fifth), "the next of a key is granted one interval after the last IDENTIFY was sent")
        probe.cancel(fifth)
    }

    private mutating func keepsTheOrder() {
        let probe = probe(2, 0)
        let first = probe.request(0)
        let permits = [8, 2, 6, 4].map { probe.request($0) }
        guard probe.timeOfGrant(first) != nil else { return expect(false, "every request is granted in the end") }
        probe.sent(first)
        for (index, permit) in permits.enumerated() {
            let next = probe.nextGrant(among: Set(permits.map(\.number)), after: index + 1)
            expect(next == permit, "shards of one key are granted in the order of asking")
            guard let next else { return }
            probe.sent(next)
        }
    }

    private mutating func cancelsForFree() {
        let probe = probe(1, Self.hour)
        let first = probe.request(0)
        let second = probe.request(1)
        let third = probe.request(2)
        expect(probe.timeOfGrant(first) != nil, "every request is granted in the end")
        probe.cancel(second)
        probe.cancel(first)
        expect(probe.timeOfGrant(third) != nil, "a cancelled request gives its turn to the next at once")
        expect(!probe.isGranted(second), "a request that was cancelled is not granted")
        // Who gave up may ask again.
        let again = probe.request(0)
        probe.cancel(third)
        expect(probe.timeOfGrant(again) != nil, "a shard may ask again after it gave up")
        probe.cancel(again)
    }

    private mutating func takesTheSameShardTwice() {
        let probe = probe(1, 1)
        // Two clusters of one token, such as while a bot changes its number of shards.
        let permits = [probe.request(0, total: 1), probe.request(0, total: 2)]
        for permit in permits {
            guard probe.timeOfGrant(permit) != nil else {
                return expect(false, "two requests for the same shard number are both granted")
            }
            probe.sent(permit)
        }
    }

    private mutating func takesManyThreads() {
        let probe = probe(16, 0)
        let missing = probe.onThreads(8) { thread in
            var missing = 0
            for round in 0..<40 as Range<UInt32> {
                let permit = probe.request(round * 8 + UInt32(thread))
                if round % 3 == 0 {
                    probe.cancel(permit)
                } else if probe.timeOfGrant(permit) == nil {
                    missing += 1
                    probe.cancel(permit)
                } else if round % 3 == 1 {
                    probe.sent(permit)
                } else {
                    probe.cancel(permit)
                }
                if missing > 0 { break }
            }
            return missing
        }
        expect(missing == 0, "requests from several threads at once are all granted")
    }
}
