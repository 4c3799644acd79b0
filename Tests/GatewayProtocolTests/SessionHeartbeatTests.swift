import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000
private let interval: UInt64 = 41_250 * millisecond

/// Heartbeats as the session sends them (`gateway.md` §6).
@Suite struct SessionHeartbeatTests {
    @Test func beginsWithinOneIntervalOfHello() throws {
        var beats: [UInt64] = []
        for seed in 0..<300 as Range<UInt64> {
            var rig = SessionRig(seed: seed)
            _ = rig.start()
            _ = rig.connected()
            #expect(rig.session.heartbeatInterval == 0)
            let start = rig.now
            #expect(!rig.hello().contains { $0.isHeartbeat })
            #expect(rig.session.heartbeatInterval == 41_250)
            let first = try #require(rig.pass(interval).first { $0.action.isHeartbeat })
            #expect(first.time < start + interval)
            beats.append(first.time - start)
        }
        #expect(beats.contains { $0 < interval / 20 } && beats.contains { $0 > interval / 20 * 19 })
    }

    @Test func goesOnEveryIntervalAndCounts() {
        var rig = SessionRig.active()
        let beats = rig.live(10 * interval).filter { $0.action.isHeartbeat }.map(\.time)
        #expect(beats.count == 10)
        #expect(zip(beats, beats.dropFirst()).allSatisfy { $1 - $0 == interval })
        #expect(rig.session.counters.heartbeatsSent == 10 && rig.session.counters.heartbeatsAcknowledged == 10)
        #expect(rig.session.state == .active)
    }

    @Test func runsWhileTheIdentifyQueueMakesItWaitAndWhileReadyIsOverdue() {
        var rig = SessionRig()
        _ = rig.start()
        _ = rig.connected()
        _ = rig.hello()
        #expect(rig.live(4 * interval).map(\.action).sends == Array(repeating: .heartbeat(sequence: nil), count: 4))
        #expect(rig.session.state == .awaitingIdentify)
        // An outage: connected, but without READY for an hour.
        _ = rig.granted()
        #expect(rig.live(3_600 * second).map(\.action).sends.count >= 87)
        #expect(rig.session.state == .identifying)
    }

    @Test func carriesTheLastSequenceOrNull() {
        var rig = SessionRig.identifying()
        #expect(rig.control(.heartbeatRequest).sends == [.heartbeat(sequence: nil)])
        _ = rig.ready()
        #expect(rig.control(.heartbeatRequest).sends == [.heartbeat(sequence: 1)])
        rig.dispatch(2)
        rig.dispatch(9, nil)
        #expect(rig.control(.heartbeatRequest).sends == [.heartbeat(sequence: 9)])
        // A dispatch without a sequence changes nothing, and a remembered one is used before RESUMED.
        rig.dispatch(0)
        #expect(rig.control(.heartbeatRequest).sends == [.heartbeat(sequence: 9)])
        var resuming = SessionRig.resuming(7)
        #expect(resuming.control(.heartbeatRequest).sends == [.heartbeat(sequence: 7)])
    }

    @Test func answersARequestAtOnceWheneverConnected() {
        for (state, var rig) in SessionRig.everyState() {
            let answers = rig.control(.heartbeatRequest).sends
            switch state {
            case .awaitingHello, .awaitingIdentify, .identifying: #expect(answers == [.heartbeat(sequence: nil)])
            case .resuming, .active: #expect(answers == [.heartbeat(sequence: 7)])
            default: #expect(answers == [], "\(state)")
            }
        }
    }

    @Test func keepsItsScheduleAfterARequest() {
        var rig = SessionRig.active()
        let next = rig.session.nextDeadline(now: rig.now)
        _ = rig.control(.heartbeatRequest)
        #expect(rig.session.nextDeadline(now: rig.now) == next)
    }

    @Test func takesARequestJustBeforeTheBeatForNoZombie() {
        var rig = SessionRig.active { $0.zombiePolicy = .strict }
        let next = rig.session.nextDeadline(now: rig.now) ?? 0
        rig.now = next - 1
        #expect(rig.control(.heartbeatRequest).count == 1)
        #expect(rig.pass(1).map(\.action) == [.send(.heartbeat(sequence: 1))])
        #expect(rig.session.state == .active)
    }

    @Test func measuresLatency() {
        var rig = SessionRig.active()
        var report: [SessionAction] = []
        for milliseconds in [40, 20, 60] as [UInt64] {
            rig.pass((rig.session.nextDeadline(now: rig.now) ?? 0) - rig.now)
            rig.now += milliseconds * millisecond
            report += rig.control(.heartbeatAck)
        }
        #expect(report.latencies == [40, 20, 60].map { $0 * millisecond })
        #expect(report.count == 3)
        #expect(rig.session.latency.last == 60 * millisecond)
        #expect(rig.session.latency.average == 40 * millisecond)
        #expect(rig.session.latency.recent == [60, 20, 40].map { $0 * millisecond })
        // An answer nobody waits for measures nothing.
        #expect(rig.control(.heartbeatAck) == [])
        #expect(rig.session.latency.count == 3)
        #expect(rig.session.counters.heartbeatsAcknowledged == 4)
    }

    /// What a session does that is found dead: drops without a handshake, keeps its session, comes back.
    private func expectZombie(_ rig: inout SessionRig, _ actions: [SessionAction]) {
        #expect(actions.drops == [4000] && actions.closes == [])
        #expect(
            actions.closed == [.closed(code: 1006, reason: "the heartbeat was not acknowledged", next: .backoff)])
        #expect(rig.session.state == .backoff)
        #expect(rig.session.counters.zombies == 1)
        #expect(rig.session.resumableSession == SessionRig.stored(rig.session.sequence))
        #expect(actions.delays.allSatisfy { $0 < Backoff.smallJitter })
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
    }

    @Test func dropsASilentPeerAtTheNextBeat() {
        var rig = SessionRig.active()
        rig.live(5 * interval)
        let beat = rig.pass(interval)
        #expect(beat.map(\.action) == [.send(.heartbeat(sequence: 1))])
        let due = beat[0].time + interval
        rig.pass(due - 1 - rig.now)
        #expect(rig.session.state == .active)
        rig.now = due
        let actions = rig.tick()
        expectZombie(&rig, actions)
    }

    @Test func givesGraceToAPeerThatOnlyAcksNot() {
        var rig = SessionRig.active()
        rig.live(5 * interval)
        for sequence in [2, 3] as [UInt64] {
            #expect(rig.pass(interval).map(\.action.isHeartbeat) == [true])
            rig.dispatch(sequence)
        }
        rig.now = rig.session.nextDeadline(now: rig.now) ?? 0
        let actions = rig.tick()
        expectZombie(&rig, actions)
    }

    @Test func givesNoGraceWhenStrict() {
        var rig = SessionRig.active { $0.zombiePolicy = .strict }
        rig.live(5 * interval)
        #expect(rig.pass(interval).map(\.action.isHeartbeat) == [true])
        rig.dispatch(2)
        rig.now = rig.session.nextDeadline(now: rig.now) ?? 0
        let actions = rig.tick()
        expectZombie(&rig, actions)
    }

    @Test func judgesNobodyWhileReadingIsPaused() {
        var rig = SessionRig.active()
        rig.live(interval)
        rig.session.setReadPaused(true)
        #expect(rig.pass(10 * interval).map(\.action.isHeartbeat) == Array(repeating: true, count: 10))
        rig.session.setReadPaused(false)
        // One more beat before the judgement counts again.
        #expect(rig.pass(interval).map(\.action.isHeartbeat) == [true])
        #expect(rig.session.state == .active)
        rig.now = rig.session.nextDeadline(now: rig.now) ?? 0
        #expect(rig.tick().drops == [4000])
    }

    @Test func remembersAPauseAcrossConnections() {
        var rig = SessionRig.active()
        rig.session.setReadPaused(true)
        _ = rig.disconnected(1006)
        _ = rig.reconnect()
        _ = rig.connected()
        _ = rig.hello()
        rig.dispatch(2, .resumed)
        #expect(rig.pass(10 * interval).map(\.action.isHeartbeat) == Array(repeating: true, count: 10))
    }

    @Test func startsAfreshWithEachConnection() {
        var rig = SessionRig.active()
        rig.live(2 * interval)
        #expect(rig.pass(interval).count == 1)
        _ = rig.disconnected(1006)
        #expect(rig.session.heartbeatInterval == 0)
        _ = rig.reconnect()
        // The old connection's schedule and its missing ACK are gone.
        #expect(rig.connected().states == [.awaitingHello])
        #expect(rig.session.nextDeadline(now: rig.now) == rig.now + rig.session.settings.helloTimeout)
        _ = rig.hello(45_000)
        #expect(rig.session.heartbeatInterval == 45_000)
        #expect(rig.pass(45 * second).map(\.action.isHeartbeat) == [true])
    }

    @Test(arguments: [0, 86_400_001, UInt64.max])
    func refusesAnIntervalThatMakesNoSense(interval: UInt64) {
        var rig = SessionRig()
        _ = rig.start()
        _ = rig.connected()
        let actions = rig.hello(interval)
        #expect(actions.errors.map(\.status) == [.protocolViolation])
        #expect(actions.drops == [4000])
        #expect(rig.session.state == .backoff)
    }

    @Test(arguments: [1, 86_400_000]) func takesTheLimitsOfAnInterval(interval: UInt64) {
        var rig = SessionRig()
        _ = rig.start()
        _ = rig.connected()
        #expect(rig.hello(interval).states == [.awaitingIdentify])
        #expect(rig.session.heartbeatInterval == UInt32(interval))
    }

    @Test func ignoresASecondHello() {
        var rig = SessionRig.active()
        let next = rig.session.nextDeadline(now: rig.now)
        #expect(rig.hello(1_000) == [])
        #expect(rig.session.nextDeadline(now: rig.now) == next)
    }
}
