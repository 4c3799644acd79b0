import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

@Suite struct SendWindowTests {
    @Test func keepsRoomForHeartbeats() {
        var window = SendWindow()
        // ceil(60 / 41.25) + 1
        #expect(window.reserve == 3)
        window.setHeartbeatInterval(60 * second)
        #expect(window.reserve == 2)
        window.setHeartbeatInterval(60 * second - 1)
        #expect(window.reserve == 3)
        window.setHeartbeatInterval(second)
        #expect(window.reserve == 60)
        window.setHeartbeatInterval(0)
        #expect(window.reserve == 60)
        #expect(SendWindow(limit: 1).reserve == 0)
        #expect(SendWindow(limit: 4).reserve == 2)
    }

    @Test func permitsExactlyTheLimit() {
        var window = SendWindow(limit: 10, window: 60 * second)
        let commands = 10 - window.reserve
        for sent in 0..<commands {
            #expect(window.permits(now: UInt64(sent) * second) == commands - sent)
            #expect(window.nextPermit(now: UInt64(sent) * second) == nil)
            window.record(heartbeat: false, now: UInt64(sent) * second)
        }
        #expect(window.permits(now: 59 * second) == 0)
        #expect(window.nextPermit(now: 59 * second) == 60 * second)
        #expect(window.permits(now: 60 * second - 1) == 0)
        #expect(window.permits(now: 60 * second) == 1)
        #expect(window.permits(now: 61 * second) == 2)
        #expect(window.permits(now: 1000 * second) == commands)
        #expect(window.used(now: 1000 * second) == 0)
    }

    @Test func heartbeatsUseTheirReserveFirst() {
        var window = SendWindow(limit: 20, window: 60 * second)
        #expect(window.reserve == 3)
        for beat in 1...3 {
            window.record(heartbeat: true, now: UInt64(beat) * second)
            #expect(window.permits(now: UInt64(beat) * second) == 17)
        }
        // Those that the gateway asks for on top take from the commands.
        window.record(heartbeat: true, now: 4 * second)
        #expect(window.permits(now: 4 * second) == 16)
        #expect(window.permits(now: 61 * second) == 17)
    }

    @Test func neverRefusesHeartbeats() {
        var window = SendWindow(limit: 4, window: 60 * second)
        for beat in 0..<100 { window.record(heartbeat: true, now: UInt64(beat)) }
        #expect(window.used(now: 100) == 4)
        #expect(window.permits(now: 100) == 0)
        // With the limit used up by heartbeats alone, the first command waits for as many as the reserve does not hold.
        #expect(window.nextPermit(now: 100) == 60 * second + 96)
        #expect(window.permits(now: 60 * second + 96) == 1)
    }

    @Test func neverSendsMoreThanTheLimitInAnyWindow() {
        var random = SeededGenerator(seed: 6)
        for limit in [1, 2, 5, 120] {
            var window = SendWindow(limit: limit, window: 60 * second)
            window.setHeartbeatInterval(20 * second)
            var sent: [(time: UInt64, heartbeat: Bool)] = []
            var now: UInt64 = 5
            var nextBeat: UInt64 = 7 * second
            for _ in 0..<20_000 {
                now += UInt64.random(in: 0...(second), using: &random)
                if limit > 5, now >= nextBeat {
                    window.record(heartbeat: true, now: now)
                    sent.append((now, true))
                    nextBeat += 20 * second
                }
                if window.permits(now: now) > 0 {
                    #expect(window.nextPermit(now: now) == nil)
                    window.record(heartbeat: false, now: now)
                    sent.append((now, false))
                } else if let next = window.nextPermit(now: now) {
                    var copy = window
                    #expect(next > now && copy.permits(now: next - 1) == 0)
                    #expect(copy.permits(now: next) > 0)
                } else {
                    Issue.record("no permit, and no time for one")
                }
            }
            var first = 0
            var largest = 0
            for last in sent.indices {
                while sent[last].time - sent[first].time >= 60 * second { first += 1 }
                largest = max(largest, last - first + 1)
            }
            #expect(largest <= limit)
            #expect(largest >= limit - window.reserve)
        }
    }

    @Test func hasNoLimitAtZero() {
        var window = SendWindow(limit: 0)
        for _ in 0..<1_000 { window.record(heartbeat: false, now: 1) }
        #expect(window.permits(now: 1) == .max)
        #expect(window.nextPermit(now: 1) == nil)
        #expect(window.used(now: 1) == 0)
    }

    @Test func startsAfreshWithAConnection() {
        var window = SendWindow(limit: 6)
        window.setHeartbeatInterval(60 * second)
        for _ in 0..<6 { window.record(heartbeat: false, now: 5) }
        #expect(window.permits(now: 5) == 0)
        window.reset()
        #expect(window.permits(now: 0) == 4)
        #expect(window.reserve == 2)
    }

    @Test func bearsTimesThatGoBackOrEnd() {
        var window = SendWindow(limit: 2, window: 60 * second)
        window.record(heartbeat: false, now: 100 * second)
        window.record(heartbeat: false, now: 1)
        #expect(window.permits(now: 159 * second) == 0)
        #expect(window.nextPermit(now: 2).map { $0 >= 160 * second } == true)
        var late = SendWindow(limit: 2, window: .max)
        late.record(heartbeat: false, now: .max)
        #expect(late.nextPermit(now: .max) == .max)
    }
}

@Suite struct BackoffTests {
    @Test func growsToItsLimit() {
        let backoff = Backoff()
        #expect(backoff.bound(attempt: 0) == 100_000_000)
        #expect((1...8).map { backoff.bound(attempt: $0) / second } == [1, 2, 4, 8, 16, 32, 60, 60])
        for attempt in [64, 65, 1_000, Int.max] { #expect(backoff.bound(attempt: attempt) == 60 * second) }
        #expect(backoff.bound(attempt: -1) == 100_000_000)
        #expect(Backoff(first: 10, limit: 1_000).bound(attempt: 0) == 10)
        #expect(Backoff(first: 1_000, limit: 10).bound(attempt: 1) == 10)
        #expect(Backoff(first: .max, limit: .max).bound(attempt: 2) == .max)
        #expect(Backoff(first: 1, limit: .max).bound(attempt: 64) == 1 << 63)
        #expect(Backoff(first: 1, limit: .max).bound(attempt: 65) == .max)
        #expect(Backoff(first: 0, limit: 10).bound(attempt: 99) == 0)
    }

    @Test func spreadsOverTheWholeSpan() {
        var random = SeededGenerator(seed: 7)
        let backoff = Backoff()
        for attempt in 0...7 {
            let bound = backoff.bound(attempt: attempt)
            let delays = (0..<2_000).map { _ in backoff.delay(attempt: attempt, using: &random) }
            #expect(delays.allSatisfy { $0 < bound })
            #expect(delays.filter { $0 < bound / 2 }.count > 800)
            #expect(delays.filter { $0 >= bound / 2 }.count > 800)
        }
        #expect(Backoff(first: 0, limit: 0).delay(attempt: 3, using: &random) == 0)
    }
}

@Suite struct LatencyWindowTests {
    @Test func startsEmpty() {
        let window = LatencyWindow()
        #expect(window.last == nil && window.average == nil && window.minimum == nil && window.maximum == nil)
        #expect(window.recent == [] && window.count == 0)
    }

    @Test func keepsTheNewestAndTheExtremes() {
        var window = LatencyWindow()
        for value in [50, 10, 20, 30, 40, 60, 70] as [UInt64] { window.record(value) }
        #expect(window.recent == [70, 60, 40, 30, 20])
        #expect(window.last == 70 && window.average == 40 && window.minimum == 10 && window.maximum == 70)
        #expect(window.count == 7)
    }

    @Test func doesNotOverflow() {
        var window = LatencyWindow()
        window.record(.max)
        window.record(.max)
        #expect(window.average == UInt64.max / 2)
    }
}
