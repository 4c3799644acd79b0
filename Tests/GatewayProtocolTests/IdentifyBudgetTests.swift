import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000
private let hour: UInt64 = 3_600 * second

private func limit(_ remaining: UInt32, of total: UInt32 = 1_000, until resetAt: UInt64) -> IdentifyBudget.Limit {
    IdentifyBudget.Limit(remaining: remaining, total: total, resetAt: resetAt)
}

@Suite struct IdentifyBudgetTests {
    @Test func letsEverythingThroughWithoutALimit() {
        var budget = IdentifyBudget()
        #expect(budget.request(7, now: 0) == [.pass(7)])
        #expect(budget.request(7, now: 0) == [])
        #expect(budget.sent(7, now: 1) == [] && budget.limit == nil && budget.nextDeadline == nil)
        #expect(budget.request(8, now: .max) == [.pass(8)])
    }

    @Test func stopsBeforeTheLastIsExceeded() {
        var budget = IdentifyBudget(limit: limit(2, until: hour / 2))
        #expect(budget.request(1, now: 0) == [.pass(1)] && budget.request(2, now: 0) == [.pass(2)])
        // Both may still give up, but count as sent meanwhile.
        #expect(
            budget.request(3, now: 0)
                == [.tell(.init(remaining: 2, total: 1_000, needed: nil, waiting: 1, until: hour / 2))])
        // Told once.
        #expect(budget.request(4, now: 0) == [] && budget.waitingCount == 2)
        #expect(budget.cancel(1, now: 0) == [.pass(3)])
        #expect(budget.sent(2, now: 0) == [] && budget.sent(3, now: 0) == [])
        #expect(budget.limit?.remaining == 0 && budget.nextDeadline == hour / 2)
        #expect(budget.poll(now: hour / 2 - 1) == [])
        #expect(budget.poll(now: hour / 2) == [.ask])
        // Nothing passes before the answer.
        #expect(budget.request(5, now: hour / 2) == [] && budget.nextDeadline == nil)
        #expect(budget.answered(limit(1_000, until: 25 * hour), now: hour / 2) == [.pass(4), .pass(5)])
        #expect(budget.passedCount == 2 && budget.waitingCount == 0)
    }

    @Test func startsNobodyWhenTooFewAreLeftForAll() {
        var budget = IdentifyBudget(limit: limit(3, until: 10 * second), needed: 5, now: 0)
        #expect(
            budget.request(0, now: 0)
                == [.tell(.init(remaining: 3, total: 1_000, needed: 5, waiting: 1, until: 10 * second))])
        for id in 1..<5 as Range<UInt64> { #expect(budget.request(id, now: 0) == []) }
        #expect(budget.poll(now: 10 * second) == [.ask])
        #expect(
            budget.answered(limit(1_000, until: 2 * hour), now: 10 * second) == (0..<5).map { .pass($0) })
        // A total that is never enough is used as far as it goes, once the reset has come.
        var small = IdentifyBudget(limit: limit(1, of: 2, until: 10 * second), needed: 3, now: 0)
        for id in 0..<3 as Range<UInt64> { _ = small.request(id, now: 0) }
        #expect(small.poll(now: 10 * second) == [.ask])
        #expect(
            small.answered(limit(2, of: 2, until: 2 * hour), now: 10 * second)
                == [
                    .pass(0), .pass(1),
                    .tell(.init(remaining: 2, total: 2, needed: nil, waiting: 1, until: 2 * hour)),
                ])
        // Enough from the beginning: no wait.
        var enough = IdentifyBudget(limit: limit(2, until: hour), needed: 2, now: 0)
        #expect(enough.request(0, now: 0) == [.pass(0)] && enough.request(1, now: 0) == [.pass(1)])
    }

    @Test func asksAgainWhenTheAnswerIsOld() {
        var budget = IdentifyBudget(limit: limit(900, until: 20 * hour), now: 0)
        #expect(budget.request(1, now: hour - 1) == [.pass(1)] && budget.sent(1, now: hour - 1) == [])
        #expect(budget.nextDeadline == nil)
        #expect(budget.request(2, now: hour) == [.ask])
        #expect(budget.answered(limit(5, until: 20 * hour), now: hour + 1) == [.pass(2)])
        #expect(budget.limit?.remaining == 5)
        // While it is used up as well: other processes, or Discord, may have changed it.
        for id in 3..<9 as Range<UInt64> { _ = budget.request(id, now: hour + 2) }
        for id in 2..<7 as Range<UInt64> { _ = budget.sent(id, now: hour + 2) }
        #expect(budget.waitingCount == 2 && budget.nextDeadline == 2 * hour + 1)
    }

    @Test func subtractsWhatWasSentWhileAsking() {
        var budget = IdentifyBudget(limit: limit(10, until: hour / 2), now: 0)
        #expect(budget.request(1, now: 0) == [.pass(1)])
        #expect(budget.request(2, now: hour / 2) == [.ask])
        #expect(budget.sent(1, now: hour / 2) == [])
        _ = budget.answered(limit(7, until: hour), now: hour / 2)
        #expect(budget.limit?.remaining == 6)
    }

    @Test func triesAFewTimesAndGoesOn() {
        var budget = IdentifyBudget(limit: limit(0, of: 50, until: 10 * second), now: 0)
        _ = budget.request(1, now: 0)
        var now = 10 * second
        #expect(budget.poll(now: now) == [.ask])
        #expect(budget.answered(nil, now: now) == [] && budget.nextDeadline == now + second)
        now += second
        #expect(budget.poll(now: now - 1) == [] && budget.poll(now: now) == [.ask])
        // The API wants to be left alone for longer than the usual pause.
        #expect(budget.answered(nil, retryAfter: 30 * second, now: now) == [])
        #expect(budget.nextDeadline == now + 30 * second)
        now += 30 * second
        #expect(budget.poll(now: now) == [.ask])
        // After the reset the whole is there again, whoever cannot be asked.
        #expect(budget.answered(nil, now: now) == [.pass(1)])
        #expect(budget.limit == limit(50, of: 50, until: 10 * second + 24 * hour))
        // Before it, what was counted here goes on to hold.
        var spent = IdentifyBudget(limit: limit(0, until: 20 * hour), now: 0)
        _ = spent.request(1, now: 0)
        now = hour
        for attempt in 0..<3 {
            #expect(spent.poll(now: now) == [.ask])
            let told = spent.answered(nil, now: now)
            if attempt < 2 {
                #expect(told == [])
                now = spent.nextDeadline ?? 0
            } else {
                #expect(
                    told == [.tell(.init(remaining: 0, total: 1_000, needed: nil, waiting: 1, until: 20 * hour))])
            }
        }
        #expect(spent.nextDeadline == now + hour)
    }

    @Test func neverAsksWithoutPause() {
        // An API whose reset is always now.
        var budget = IdentifyBudget(limit: limit(0, until: 0), now: 0)
        _ = budget.request(1, now: 0)
        #expect(budget.nextDeadline == second && budget.poll(now: second) == [.ask])
        #expect(
            budget.answered(limit(0, until: second), now: second).allSatisfy {
                if case .tell = $0 { true } else { false }
            })
        #expect(budget.nextDeadline == 2 * second)
    }

    @Test func forgetsThoseWhoGaveUp() {
        var budget = IdentifyBudget(limit: limit(0, until: hour / 2), now: 0)
        for id in 1...100_000 as ClosedRange<UInt64> {
            _ = budget.request(id, now: 0)
            if id % 1_000 != 0 { _ = budget.cancel(id, now: 0) }
        }
        #expect(budget.waitingCount == 100)
        #expect(budget.poll(now: hour / 2) == [.ask])
        let passed = budget.answered(limit(1_000, until: hour), now: hour / 2)
        #expect(passed == (1...100).map { .pass($0 * 1_000) })
        #expect(budget.sent(99, now: hour / 2) == [] && budget.limit?.remaining == 999)
    }

    /// The whole way of a start: budget and queue together, in virtual time.
    @Test(arguments: [(1_000, 16), (16_384, 16), (16_384, 16_384)] as [(UInt32, UInt32)])
    func startsInTheTheoreticalTime(shards: UInt32, concurrency: UInt32) {
        var budget = IdentifyBudget(
            limit: limit(shards, of: shards, until: 24 * hour), needed: Int(shards), now: 0)
        var queue = IdentifyQueue(maxConcurrency: concurrency, margin: 0)
        var asked = 0
        func carryOut(_ actions: [IdentifyBudget.Action], _ now: UInt64) {
            for action in actions {
                if case .pass(let id) = action { queue.request(UInt32(id), now: now) } else { asked += 1 }
            }
        }
        for shard in 0..<UInt64(shards) { carryOut(budget.request(shard, now: 0), 0) }
        var now: UInt64 = 0
        var sent: UInt32 = 0
        let clock = ContinuousClock()
        let started = clock.now
        while true {
            for shard in queue.poll(now: now) {
                queue.sent(shard, now: now)
                carryOut(budget.sent(UInt64(shard), now: now), now)
                sent += 1
            }
            guard let next = queue.nextDeadline else { break }
            now = next
        }
        #expect(sent == shards && asked == 0 && budget.limit?.remaining == 0)
        #expect(now == UInt64((shards - 1) / concurrency) * 5 * second)
        // Quadratic would be minutes.
        #expect(clock.now - started < .seconds(20))
    }
}
