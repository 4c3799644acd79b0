import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

/// Op 7 and op 9 (`gateway.md` §9).
@Suite struct SessionReconnectSignalTests {
    @Test func closesResumablyOnOp7AndResumes() {
        var rig = SessionRig.active()
        rig.live(60 * second)
        let actions = rig.control(.reconnect)
        #expect(actions.states == [.closing] && actions.closes == [4000] && actions.drops == [])
        // What is still on the way counts.
        #expect(rig.dispatch(2).delivered)
        let closed = rig.disconnected(4000)
        #expect(
            closed.closed == [.closed(code: 4000, reason: "the gateway asked to reconnect", next: .backoff)])
        #expect(closed.delays.allSatisfy { $0 < Backoff.smallJitter } && closed.delays.count == 1)
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
        _ = rig.connected()
        #expect(rig.hello().sends == [.resume(sessionID: SessionRig.sessionID, sequence: 2)])
    }

    @Test func obeysOp7WheneverConnected() {
        for (state, var rig) in SessionRig.everyState() {
            switch state {
            case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active:
                let before = rig.session.resumableSession
                #expect(rig.control(.reconnect).closes == [4000], "\(state)")
                _ = rig.disconnected(4000)
                #expect(rig.session.resumableSession == before, "\(state)")
                #expect(
                    rig.reconnect() == (before == nil ? .main : .resumeHost(SessionRig.resumeURL)), "\(state)")
            default: break
            }
        }
    }

    @Test func waitsForTheAnswerOnlySoLong() {
        var rig = SessionRig.active { $0.closeTimeout = 2 * second }
        _ = rig.control(.reconnect)
        rig.pass(2 * second - 1)
        #expect(rig.session.state == .closing)
        rig.now += 1
        let actions = rig.tick()
        #expect(actions.drops == [4000])
        #expect(
            actions.closed == [.closed(code: 4000, reason: "the gateway asked to reconnect", next: .backoff)])
        #expect(rig.session.resumableSession == SessionRig.stored(1))
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
    }

    @Test func sendsNothingMoreOnceItCloses() throws {
        var rig = SessionRig.active()
        _ = rig.control(.reconnect)
        #expect(rig.control(.heartbeatRequest) == [])
        #expect(try rig.enqueue([1]) == [])
        #expect(rig.control(.reconnect) == [])
        #expect(rig.pass(2 * second).map(\.action).sends == [])
    }

    @Test func keepsTheSessionOnOp9True() {
        for var rig in [SessionRig.active(), SessionRig.resuming(1)] {
            #expect(rig.control(.invalidSession(resumable: true)).closes == [4000])
            _ = rig.disconnected(4000)
            #expect(rig.session.resumableSession == SessionRig.stored(1))
            #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
            #expect(rig.session.counters.invalidSessions == 1)
        }
    }

    @Test func dropsTheSessionOnOp9FalseAndWaits() {
        var waits: [UInt64] = []
        for seed in 0..<200 as Range<UInt64> {
            var rig = SessionRig(seed: seed, resuming: SessionRig.stored(7)) {
                $0.invalidSessionWait = 2 * second...4 * second
            }
            _ = rig.start()
            _ = rig.connected()
            _ = rig.hello()
            let told = rig.now
            #expect(rig.control(.invalidSession(resumable: false)).closes == [1000])
            #expect(rig.session.resumableSession == nil && rig.session.sequence == 0)
            rig.now += second / 2
            _ = rig.disconnected(1000)
            #expect(rig.session.state == .backoff)
            waits.append((rig.session.nextDeadline(now: rig.now) ?? 0) - told)
            #expect(rig.reconnect() == .main)
        }
        #expect(waits.allSatisfy { $0 >= 2 * second && $0 <= 4 * second })
        #expect(waits.contains { $0 < 5 * second / 2 } && waits.contains { $0 > 7 * second / 2 })
    }

    @Test func waitsAlsoWhenOp9TrueNamesNoSession() {
        // There is nothing to resume: what follows is an IDENTIFY, and the wait is meant for that.
        var rig = SessionRig.identifying()
        #expect(rig.control(.invalidSession(resumable: true)).closes == [1000])
        let told = rig.now
        _ = rig.disconnected(1000)
        #expect((rig.session.nextDeadline(now: rig.now) ?? 0) >= told + second)
    }

    @Test func identifiesAgainAfterARefusedIdentify() {
        var rig = SessionRig.identifying()
        _ = rig.control(.invalidSession(resumable: false))
        _ = rig.disconnected(1000)
        #expect(rig.reconnect() == .main)
        _ = rig.connected()
        #expect(rig.hello().contains(.requestIdentify))
        #expect(rig.granted().actions.sends == [.identify])
        #expect(rig.ready("next").states == [.active])
        #expect(rig.session.counters.identifies == 2 && rig.session.counters.invalidSessions == 1)
    }
}
