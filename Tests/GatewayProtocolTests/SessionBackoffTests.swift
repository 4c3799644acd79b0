import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

/// How long a session waits before it connects again (`gateway.md` §§10, 20).
@Suite struct SessionBackoffTests {
    /// The waits after each of `count` failures, for many seeds.
    private func waits(_ count: Int, _ fail: (inout SessionRig) -> [SessionAction]) -> [[UInt64]] {
        var waits: [[UInt64]] = Array(repeating: [], count: count)
        for seed in 0..<300 as Range<UInt64> {
            var rig = SessionRig(seed: seed)
            _ = rig.start()
            for turn in 0..<count {
                waits[turn] += fail(&rig).delays
                _ = rig.reconnect()
            }
        }
        return waits
    }

    /// Full jitter: from nothing to the bound, evenly.
    private func expectFullJitter(_ waits: [UInt64], below bound: UInt64) {
        #expect(waits.count == 300)
        #expect(waits.allSatisfy { $0 < bound })
        #expect(waits.filter { $0 < bound / 2 }.count > 100)
        #expect(waits.filter { $0 >= bound / 2 }.count > 100)
    }

    private let bounds: [UInt64] = [100, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]

    @Test func growsWithFullJitterWhileAttemptsFail() {
        for (waits, bound) in zip(waits(9) { $0.connectFailed() }, bounds) {
            expectFullJitter(waits, below: bound * millisecond)
        }
    }

    @Test func growsWhileTheServerLetsInAndDropsAtOnce() {
        // The trap: a backoff that any connection resets makes a hot loop of this.
        let waits = waits(9) { rig in
            _ = rig.connected()
            _ = rig.hello()
            if rig.session.state == .awaitingIdentify {
                _ = rig.granted()
                _ = rig.ready()
            } else {
                rig.dispatch(rig.session.sequence + 1, .resumed)
            }
            #expect(rig.session.state == .active)
            rig.now += second - 1
            return rig.disconnected(1006)
        }
        for (waits, bound) in zip(waits, bounds) { expectFullJitter(waits, below: bound * millisecond) }
    }

    @Test func growsWhileTheServerKeepsSendingAway() {
        let waits = waits(6) { rig in
            _ = rig.connected()
            _ = rig.control(.reconnect)
            return rig.disconnected(4000)
        }
        for (waits, bound) in zip(waits, bounds) { expectFullJitter(waits, below: bound * millisecond) }
    }

    @Test func startsAfreshAfterAStableConnection() {
        let ends: [(inout SessionRig) -> [SessionAction]] = [
            { $0.disconnected(1006) },
            { $0.disconnected(4000) },
            { $0.disconnected(4009) },
            { rig in
                _ = rig.control(.reconnect)
                return rig.disconnected(4000)
            },
            { rig in rig.pass(100 * second).map(\.action) },
        ]
        for end in ends {
            var rig = SessionRig()
            _ = rig.start()
            for _ in 0..<6 {
                _ = rig.connectFailed()
                _ = rig.reconnect()
            }
            _ = rig.connected()
            _ = rig.hello()
            _ = rig.granted()
            _ = rig.ready()
            rig.live(second)
            let delays = end(&rig).delays
            #expect(delays.first.map { $0 < Backoff.smallJitter } == true)
        }
    }

    @Test(arguments: [4001, 4002, 4005, 4008] as [UInt16]) func growsOnOurOwnMistakes(code: UInt16) {
        let waits = waits(6) { rig in
            _ = rig.connected()
            _ = rig.hello()
            if rig.session.state == .awaitingIdentify {
                _ = rig.granted()
                _ = rig.ready()
            } else {
                rig.dispatch(rig.session.sequence + 1, .resumed)
            }
            // However long it was live: it is our doing, and would come again at once.
            rig.live(500 * second)
            return rig.disconnected(code)
        }
        for (waits, bound) in zip(waits, bounds) { expectFullJitter(waits, below: bound * millisecond) }
    }

    @Test(arguments: [4001, 4002, 4005, 4008] as [UInt16]) func growsOnMistakesThatCrossOurOwnClose(code: UInt16) {
        let waits = waits(6) { rig in
            _ = rig.connected()
            _ = rig.hello()
            if rig.session.state == .awaitingIdentify {
                _ = rig.granted()
                _ = rig.ready()
            } else {
                rig.dispatch(rig.session.sequence + 1, .resumed)
            }
            rig.live(500 * second)
            #expect(rig.control(.reconnect).closes == [4000])
            return rig.disconnected(code)
        }
        for (waits, bound) in zip(waits, bounds) { expectFullJitter(waits, below: bound * millisecond) }
    }

    @Test func usesTheConfiguredBounds() {
        var rig = SessionRig { $0.backoff = Backoff(first: 10 * second, limit: 20 * second) }
        _ = rig.start()
        var longest: UInt64 = 0
        for _ in 0..<200 {
            longest = max(longest, rig.connectFailed().delays.first ?? 0)
            _ = rig.reconnect()
        }
        #expect(longest > 19 * second && longest < 20 * second)
    }

    @Test func waitsAsLongAsTheServerAsks() {
        var rig = SessionRig()
        _ = rig.start()
        let actions = rig.connectFailed(retryAfter: 90 * second)
        #expect(actions.delays == [90 * second])
        rig.pass(90 * second - 1)
        #expect(rig.session.state == .backoff)
        rig.pass(1)
        #expect(rig.session.state == .connecting)
        // It asks for a least wait: the backoff may be longer.
        for _ in 0..<12 {
            _ = rig.connectFailed()
            _ = rig.reconnect()
        }
        var longer = false
        for _ in 0..<50 {
            let wait = rig.connectFailed(retryAfter: second).delays.first ?? 0
            #expect(wait >= second)
            if wait > second { longer = true }
            _ = rig.reconnect()
        }
        #expect(longer)
    }

    @Test func bearsAWaitThatNeverEnds() {
        var rig = SessionRig()
        _ = rig.start()
        _ = rig.connectFailed(retryAfter: .max)
        #expect(rig.session.nextDeadline(now: rig.now) == .max)
    }

    @Test func connectsOnceTheWaitIsOverAndNotBefore() {
        var rig = SessionRig()
        _ = rig.start()
        _ = rig.connectFailed()
        _ = rig.reconnect()
        let delay = rig.connectFailed().delays.first ?? 0
        #expect(rig.session.nextDeadline(now: rig.now) == rig.now + delay)
        rig.now += delay - 1
        #expect(rig.tick() == [])
        rig.now += 1
        #expect(rig.tick().connects == [.main])
    }
}
