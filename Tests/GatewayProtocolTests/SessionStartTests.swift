import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

/// From nothing to a live session (`gateway.md` §§1, 5, 7).
@Suite struct SessionStartTests {
    @Test func connectsGreetsAndIdentifies() {
        var rig = SessionRig()
        #expect(rig.session.state == .idle)
        #expect(rig.session.nextDeadline(now: rig.now) == nil)
        #expect(
            rig.start() == [.report(.state(.connecting, code: 1, delay: 0)), .connect(.main)])
        #expect(rig.connected() == [.report(.state(.awaitingHello, code: 0, delay: 0))])
        #expect(
            rig.hello() == [.report(.state(.awaitingIdentify, code: 41_250, delay: 0)), .requestIdentify])
        #expect(
            rig.granted().actions == [.report(.state(.identifying, code: 41_250, delay: 0)), .send(.identify)])
        #expect(rig.session.resumableSession == nil)
        #expect(rig.ready() == [.report(.state(.active, code: 41_250, delay: 0))])
        #expect(rig.session.sequence == 1)
        #expect(rig.session.resumableSession == SessionRig.stored(1))
        #expect(rig.session.counters.identifies == 1 && rig.session.counters.resumes == 0)
    }

    @Test func takesThePermitOnlyWhenWaitingForIt() {
        for (state, var rig) in SessionRig.everyState() {
            let (actions, used) = rig.granted()
            #expect(used == (state == .awaitingIdentify), "\(state)")
            #expect(actions.sends == (used ? [.identify] : []), "\(state)")
            #expect(rig.session.state == (used ? .identifying : state))
            #expect(rig.granted().used == false)
        }
    }

    @Test func cancelsTheRequestWhenTheConnectionGoesAway() {
        var waiting = SessionRig()
        _ = waiting.start()
        _ = waiting.connected()
        _ = waiting.hello()
        let ends: [(String, (inout SessionRig) -> [SessionAction])] = [
            ("lost", { $0.disconnected(1006) }),
            ("closed", { $0.disconnected(4000) }),
            ("fatal", { $0.disconnected(4013) }),
            ("zombie", { $0.pass(200 * second).map(\.action) }),
            ("reconnect", { $0.control(.reconnect) }),
            ("invalid", { $0.control(.invalidSession(resumable: false)) }),
            ("shutdown", { $0.shutdown(resumable: false) }),
            ("restart", { $0.restart(resuming: true) }),
            (
                "failed",
                { rig in
                    var actions: [SessionAction] = []
                    rig.session.fail(GatewayError(.internalError, "x"), now: rig.now, &actions)
                    return actions
                }
            ),
            (
                "broken",
                { rig in
                    var actions: [SessionAction] = []
                    rig.session.protocolFailed(
                        GatewayError(.protocolViolation, "x"), closeCode: 1002, now: rig.now, &actions)
                    return actions
                }
            ),
        ]
        for (name, end) in ends {
            var rig = waiting
            #expect(end(&rig).filter { $0 == .cancelIdentify }.count == 1, "\(name)")
            // Once it identifies there is no request left to cancel.
            rig = waiting
            _ = rig.granted()
            #expect(!end(&rig).contains(.cancelIdentify), "\(name)")
        }
    }

    @Test func givesUpOnAConnectionThatTakesTooLong() {
        var rig = SessionRig { $0.connectTimeout = 3 * second }
        _ = rig.start()
        let start = rig.now
        rig.pass(3 * second - 1)
        #expect(rig.session.state == .connecting)
        rig.now = start + 3 * second
        let actions = rig.tick()
        #expect(actions.drops == [4000])
        #expect(actions.errors.map(\.status) == [.timeout])
        #expect(rig.session.state == .backoff)
        #expect(rig.reconnect() == .main)
    }

    @Test func countsTheConnectTimeoutFromTheAttemptsTurn() {
        var rig = SessionRig { $0.connectTimeout = 3 * second }
        rig.connectsAtOnce = false
        _ = rig.start()
        #expect(rig.session.nextDeadline(now: rig.now) == nil)
        rig.now += 60 * second
        #expect(rig.tick() == [])
        rig.session.connectBegan(now: rig.now)
        #expect(rig.session.nextDeadline(now: rig.now) == rig.now + 3 * second)
        rig.now += 3 * second
        #expect(rig.tick().errors.map(\.status) == [.timeout])
    }

    @Test func givesUpOnAServerThatDoesNotGreet() {
        var rig = SessionRig { $0.helloTimeout = 4 * second }
        _ = rig.start()
        _ = rig.connected()
        rig.pass(4 * second - 1)
        #expect(rig.session.state == .awaitingHello)
        rig.now += 1
        let actions = rig.tick()
        #expect(actions.drops == [4000] && actions.closes == [])
        #expect(actions.closed == [.closed(code: 1006, reason: "no HELLO within 4000 ms", next: .backoff)])
        #expect(rig.reconnect() == .main)
    }

    @Test func waitsForHelloWhileReadingIsPaused() {
        var rig = SessionRig()
        // The pause outlives connections: it is the owner who does not keep up.
        rig.session.setReadPaused(true)
        _ = rig.start()
        _ = rig.connected()
        rig.pass(100 * second)
        #expect(rig.session.state == .awaitingHello)
        // Right after it there is time to catch up.
        rig.session.setReadPaused(false)
        rig.pass(39 * second)
        #expect(rig.session.state == .awaitingHello)
        rig.pass(second)
        #expect(rig.session.state == .backoff)
    }

    @Test func excusesNoConnectionForThePauseOfTheLastOne() {
        var rig = SessionRig()
        _ = rig.start()
        _ = rig.connected()
        rig.session.setReadPaused(true)
        rig.session.setReadPaused(false)
        _ = rig.disconnected(1006)
        _ = rig.reconnect()
        _ = rig.connected()
        rig.pass(20 * second)
        #expect(rig.session.state == .backoff)
    }

    @Test func countsAttempts() {
        var rig = SessionRig()
        #expect(rig.start().contains(.report(.state(.connecting, code: 1, delay: 0))))
        for attempt in 2...5 as ClosedRange<UInt32> {
            let failed = rig.connectFailed()
            #expect(failed.contains { if case .report(.state(.backoff, attempt - 1, _)) = $0 { true } else { false } })
            let wait = rig.session.nextDeadline(now: rig.now).map { $0 - rig.now } ?? 0
            #expect(
                rig.pass(wait).map(\.action) == [
                    .report(.state(.connecting, code: attempt, delay: 0)), .connect(.main),
                ])
        }
        #expect(rig.session.counters.reconnects == 4)
    }

    @Test func tellsWhyAnAttemptFailed() {
        var rig = SessionRig()
        _ = rig.start()
        #expect(rig.connectFailed().errors == [GatewayError(.network, "refused")])
        // Only an attempt can fail.
        #expect(rig.connectFailed() == [])
    }

    @Test func takesAnEndDuringTheHandshakeForAFailedAttempt() {
        var rig = SessionRig()
        _ = rig.start()
        let actions = rig.disconnected(1006, "reset by peer")
        #expect(actions.errors.map(\.status) == [.network])
        #expect(actions.errors.first?.message.contains("reset by peer") == true)
        #expect(actions.closed == [])
        #expect(rig.session.state == .backoff)
    }
}

/// What comes from the gateway where it has no business (`gateway.md` §4: never close because of it).
@Suite struct SessionStrayInputTests {
    @Test func heedsNothingOutsideAConnection() {
        for (state, rig) in SessionRig.everyState() {
            switch state {
            case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active: continue
            default: break
            }
            for payload in [
                .hello(milliseconds: 41_250), .reconnect, .invalidSession(resumable: true),
                .invalidSession(resumable: false), .heartbeatRequest, .heartbeatAck,
            ] as [ControlPayload] {
                var rig = rig
                let before = rig.session.resumableSession
                #expect(rig.control(payload) == [], "\(payload) while \(state)")
                #expect(rig.session.state == state)
                #expect(rig.session.resumableSession == before)
            }
        }
    }

    @Test func deliversNothingOutsideAConnection() {
        for (state, var rig) in SessionRig.everyState() {
            switch state {
            case .idle, .connecting, .backoff, .stopped, .fatal:
                let before = rig.session.resumableSession
                #expect(rig.dispatch(50).delivered == false, "\(state)")
                #expect(rig.takeReady("next").delivered == false, "\(state)")
                #expect(rig.session.resumableSession == before)
            default:
                #expect(rig.dispatch(50).delivered, "\(state)")
            }
        }
    }

    @Test func opensOnlyWhatItOpened() {
        for (state, var rig) in SessionRig.everyState() where state != .connecting {
            #expect(rig.connected() == [], "\(state)")
            #expect(rig.session.state == state)
        }
    }

    @Test func takesALateReadyOnlyForASession() {
        // Op 7 came between IDENTIFY and READY: the session exists and is resumed.
        var rig = SessionRig.identifying()
        _ = rig.control(.reconnect)
        _ = rig.ready()
        _ = rig.disconnected(4000)
        #expect(rig.session.resumableSession == SessionRig.stored(1))
        #expect(rig.session.state == .backoff)
        // A restart without the session: its READY, still on the way, must not bring it back.
        rig = SessionRig.identifying()
        _ = rig.restart(resuming: false)
        #expect(rig.takeReady().delivered == false)
        _ = rig.disconnected(1000)
        #expect(rig.session.resumableSession == nil && rig.session.sequence == 0)
        #expect(rig.reconnect() == .main)
    }

    @Test func beginsANewSessionWithoutASequence() {
        // Whatever came before IDENTIFY belongs to no session.
        var rig = SessionRig()
        _ = rig.start()
        _ = rig.connected()
        _ = rig.hello()
        rig.dispatch(50)
        _ = rig.granted()
        #expect(rig.control(.heartbeatRequest).sends == [.heartbeat(sequence: nil)])
    }

    @Test func forgetsTheSequenceOfADroppedSession() {
        var rig = SessionRig.active()
        _ = rig.control(.invalidSession(resumable: false))
        #expect(rig.dispatch(2).delivered == false)
        _ = rig.disconnected(1000)
        _ = rig.reconnect()
        _ = rig.connected()
        _ = rig.hello()
        #expect(rig.control(.heartbeatRequest).sends == [.heartbeat(sequence: nil)])
    }
}
