import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

/// Runs a queue with virtual time until nobody waits; every granted shard sends at once. Returns when each shard sent.
private func run(_ queue: inout IdentifyQueue, from start: UInt64 = 0) -> (
    sent: [(shard: UInt32, time: UInt64)], polls: Int
) {
    var sent: [(UInt32, UInt64)] = []
    var now = start
    var polls = 0
    while true {
        polls += 1
        for shard in queue.poll(now: now) {
            queue.sent(shard, now: now)
            sent.append((shard, now))
        }
        guard let next = queue.nextDeadline else { return (sent, polls) }
        if next <= now {
            Issue.record("a deadline in the past")
            return (sent, polls)
        }
        now = next
    }
}

/// What the gateway enforces: no two identifies of a key closer than the interval.
private func isSpaced(_ sent: [(shard: UInt32, time: UInt64)], _ concurrency: UInt32, _ interval: UInt64) -> Bool {
    var last: [UInt32: UInt64] = [:]
    for (shard, time) in sent {
        if let before = last[shard % concurrency], time - before < interval { return false }
        last[shard % concurrency] = time
    }
    return true
}

@Suite struct IdentifyQueueTests {
    @Test func grantsOneByOneWithoutConcurrency() {
        var queue = IdentifyQueue(margin: 0)
        for shard in [3, 1, 2] as [UInt32] { queue.request(shard, now: 0) }
        #expect(queue.waitingCount == 3 && queue.nextDeadline == 0)
        #expect(queue.poll(now: 10) == [3])
        #expect(queue.grantedCount == 1 && queue.waitingCount == 2)
        // The next one waits for the first to send, however long that takes.
        #expect(queue.poll(now: 100 * second) == [] && queue.nextDeadline == nil)
        queue.sent(3, now: 100 * second)
        #expect(queue.nextDeadline == 105 * second)
        #expect(queue.poll(now: 105 * second - 1) == [])
        #expect(queue.poll(now: 105 * second) == [1])
    }

    @Test func addsItsMargin() {
        #expect(IdentifyQueue().spacing == 5_100_000_000)
        #expect(IdentifyQueue(interval: .max, margin: 1).spacing == .max)
        var queue = IdentifyQueue(interval: 10, margin: 5)
        queue.sent(0, now: 100)
        queue.request(1, now: 101)
        #expect(queue.nextDeadline == 115)
    }

    @Test func grantsKeysTogetherInTheirOrder() {
        var queue = IdentifyQueue(maxConcurrency: 4, margin: 0)
        for shard in (0..<12).reversed() as ReversedCollection<Range<UInt32>> { queue.request(shard, now: 0) }
        #expect(queue.poll(now: 0) == [8, 9, 10, 11])
        for shard in [8, 9, 10, 11] as [UInt32] { queue.sent(shard, now: second) }
        #expect(queue.poll(now: 6 * second) == [4, 5, 6, 7])
    }

    @Test func cancelsForFree() {
        var queue = IdentifyQueue(margin: 0)
        for shard in 0..<4 as Range<UInt32> { queue.request(shard, now: 0) }
        queue.cancel(1)
        #expect(queue.poll(now: 0) == [0])
        queue.cancel(0)
        // Nothing was sent, so the turn passes on at once.
        #expect(queue.nextDeadline == 0)
        #expect(queue.poll(now: 0) == [2])
        queue.sent(2, now: 0)
        queue.cancel(3)
        #expect(queue.nextDeadline == nil && queue.waitingCount == 0)
        queue.cancel(99)
        // Who gave up goes to the end of the line when it asks again.
        queue.request(3, now: 0)
        queue.request(1, now: 0)
        queue.cancel(3)
        queue.request(3, now: 0)
        #expect(queue.poll(now: 5 * second) == [1])
    }

    @Test func ignoresRepeatedRequests() {
        var queue = IdentifyQueue(margin: 0)
        queue.request(0, now: 0)
        queue.request(0, now: 0)
        #expect(queue.waitingCount == 1)
        #expect(queue.poll(now: 0) == [0])
        queue.request(0, now: 0)
        #expect(queue.waitingCount == 0)
        queue.sent(0, now: 0)
        #expect(queue.nextDeadline == nil)
        queue.request(0, now: 0)
        #expect(queue.nextDeadline == 5 * second)
    }

    @Test func countsWhatWasNotGranted() {
        var queue = IdentifyQueue(margin: 0)
        queue.request(1, now: 0)
        queue.sent(0, now: second)
        #expect(queue.poll(now: 5 * second) == [])
        #expect(queue.poll(now: 6 * second) == [1])
        // An older report does not bring the key's time back.
        queue.sent(1, now: 7 * second)
        queue.sent(0, now: 3 * second)
        queue.request(2, now: 8 * second)
        #expect(queue.nextDeadline == 12 * second)
    }

    @Test func takesTheTheoreticalTime() {
        var queue = IdentifyQueue(maxConcurrency: 16, margin: 0)
        for shard in 0..<1_000 as Range<UInt32> { queue.request(shard, now: 0) }
        let (sent, _) = run(&queue)
        #expect(sent.map(\.shard) == Array(0..<1_000))
        // 63 rounds, the last one not full: 62 intervals.
        #expect(sent.last?.time == 62 * 5 * second)
        #expect(isSpaced(sent, 16, 5 * second))
    }

    @Test func startsMostShardsQuickly() {
        for concurrency in [1, 16, 4_096, 16_384] as [UInt32] {
            var queue = IdentifyQueue(maxConcurrency: concurrency, margin: 0)
            for shard in 0..<16_384 as Range<UInt32> { queue.request(shard, now: 0) }
            let clock = ContinuousClock()
            let started = clock.now
            let (sent, polls) = run(&queue)
            #expect(sent.count == 16_384 && polls == Int(16_384 / concurrency))
            #expect(sent.last?.time == UInt64(16_384 / concurrency - 1) * 5 * second)
            // Quadratic would be minutes.
            #expect(clock.now - started < .seconds(20))
        }
    }

    @Test func neverBreaksTheSpacing() {
        var random = SeededGenerator(seed: 8)
        for concurrency in [1, 3, 16] as [UInt32] {
            var queue = IdentifyQueue(maxConcurrency: concurrency, margin: 0)
            var now: UInt64 = 0
            var sent: [(shard: UInt32, time: UInt64)] = []
            var granted: [UInt32] = []
            for _ in 0..<20_000 {
                let shard = UInt32.random(in: 0..<64, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0, 1: queue.request(shard, now: now)
                case 2:
                    queue.cancel(shard)
                    granted.removeAll { $0 == shard }
                case 3:
                    let new = queue.poll(now: now)
                    for shard in new { #expect(!granted.contains { $0 % concurrency == shard % concurrency }) }
                    granted += new
                default:
                    if let shard = granted.popLast() {
                        queue.sent(shard, now: now)
                        sent.append((shard, now))
                    }
                }
                #expect(queue.grantedCount == granted.count)
                now += UInt64.random(in: 0...second, using: &random)
            }
            #expect(isSpaced(sent, concurrency, 5 * second))
            #expect(sent.count > 500)
            for shard in granted { queue.sent(shard, now: now) }
            _ = run(&queue, from: now)
            #expect(queue.waitingCount == 0 && queue.grantedCount == 0)
        }
    }
}
