import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

/// What its owner asks of a session: start, shutdown, restart, fail (`gateway.md` §11).
@Suite struct SessionOwnerTests {
    @Test func startsOnlyWhenItDoesNotRun() {
        for (state, var rig) in SessionRig.everyState() {
            let actions = rig.start()
            switch state {
            case .idle: #expect(actions.connects == [.main])
            case .stopped: #expect(actions.connects == [.resumeHost(SessionRig.resumeURL)])
            case .fatal: #expect(actions.connects == [.main])
            default: #expect(actions == [], "\(state)")
            }
        }
    }

    @Test(arguments: [true, false]) func shutsDownFromEveryState(resumable: Bool) {
        for (state, var rig) in SessionRig.everyState() {
            let before = rig.session.resumableSession
            let actions = rig.shutdown(resumable: resumable)
            switch state {
            case .idle:
                #expect(actions.states == [.stopped] && actions.drops == [] && actions.closes == [])
            case .connecting:
                #expect(actions.states == [.stopped] && actions.drops == [4000] && actions.closes == [])
            case .backoff:
                #expect(actions.states == [.stopped] && actions.closes == [])
            case .stopped, .fatal:
                #expect(actions == [], "\(state)")
                #expect(rig.session.state == state)
                #expect(rig.session.resumableSession == (resumable ? before : nil), "\(state)")
                continue
            case .closing:
                // The close frame is out already: there is no second one.
                #expect(actions == [])
            case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active:
                #expect(actions.states == [.closing] && actions.closes == [resumable ? 4000 : 1000], "\(state)")
                #expect(actions.drops == [])
            }
            // Once more changes nothing, except that final is final.
            #expect(rig.shutdown(resumable: true) == [], "\(state)")
            if rig.session.state == .closing {
                let told = rig.disconnected(resumable || state == .closing ? 4000 : 1000)
                #expect(told.closed.count == 1, "\(state)")
                #expect(told.states == [.stopped] && told.connects == [])
            }
            #expect(rig.session.state == .stopped, "\(state)")
            #expect(rig.session.resumableSession == (resumable ? before : nil), "\(state)")
            #expect(rig.session.nextDeadline(now: rig.now) == nil)
            rig.now += 3_600 * second
            #expect(rig.tick() == [])
        }
    }

    @Test func stopsAlsoWhenTheCloseIsNotAnswered() {
        var rig = SessionRig.active { $0.closeTimeout = second }
        _ = rig.shutdown(resumable: false)
        rig.now += second - 1
        #expect(rig.tick() == [])
        rig.now += 1
        let actions = rig.tick()
        #expect(actions.drops == [4000])
        #expect(actions.closed == [.closed(code: 1000, reason: "shutdown", next: .stopped)])
        #expect(rig.session.state == .stopped)
    }

    @Test func deliversNothingMoreWhenShuttingDown() {
        // A sequence that counted would be missing from the replay of the next run.
        var rig = SessionRig.active()
        _ = rig.shutdown(resumable: true)
        #expect(rig.dispatch(2).delivered == false)
        #expect(rig.session.resumableSession == SessionRig.stored(1))
    }

    @Test func makesAResumableShutdownFinal() {
        var rig = SessionRig.active()
        _ = rig.shutdown(resumable: true)
        #expect(rig.shutdown(resumable: false) == [])
        _ = rig.disconnected(4000)
        #expect(rig.session.resumableSession == nil)
    }

    @Test func forgetsTheSessionOfAShardThatFailed() {
        var rig = SessionRig.active()
        var actions: [SessionAction] = []
        rig.session.fail(GatewayError(.unauthorized, "the token is wrong"), now: rig.now, &actions)
        #expect(rig.session.resumableSession != nil)
        #expect(rig.shutdown(resumable: false) == [])
        #expect(rig.session.state == .fatal && rig.session.resumableSession == nil)
    }

    @Test func resumesAfterAResumableStop() {
        var rig = SessionRig.active()
        _ = rig.shutdown(resumable: true)
        _ = rig.disconnected(4000)
        #expect(rig.start().connects == [.resumeHost(SessionRig.resumeURL)])
        _ = rig.connected()
        #expect(rig.hello().sends == [.resume(sessionID: SessionRig.sessionID, sequence: 1)])
        rig = .active()
        _ = rig.shutdown(resumable: false)
        _ = rig.disconnected(1000)
        #expect(rig.start().connects == [.main])
    }

    @Test func startsWithAFreshBackoff() {
        var rig = SessionRig()
        _ = rig.start()
        for _ in 0..<8 {
            _ = rig.connectFailed()
            _ = rig.reconnect()
        }
        _ = rig.shutdown(resumable: true)
        #expect(rig.start().contains(.report(.state(.connecting, code: 1, delay: 0))))
        #expect(rig.connectFailed().delays.allSatisfy { $0 < Backoff.smallJitter })
    }

    @Test func restartsWithAFreshBackoff() {
        var rig = SessionRig()
        _ = rig.start()
        for _ in 0..<8 {
            _ = rig.connectFailed()
            _ = rig.reconnect()
        }
        #expect(rig.restart(resuming: true).contains(.report(.state(.connecting, code: 1, delay: 0))))
        #expect(rig.connectFailed().delays.allSatisfy { $0 < Backoff.smallJitter })
    }

    @Test(arguments: [true, false]) func restartsFromEveryState(resuming: Bool) {
        for (state, var rig) in SessionRig.everyState() {
            let before = rig.session.resumableSession
            let target: ConnectTarget =
                resuming && before != nil ? .resumeHost(SessionRig.resumeURL) : .main
            var actions = rig.restart(resuming: resuming)
            switch state {
            case .idle, .backoff, .stopped, .fatal:
                #expect(actions.connects == [target], "\(state)")
                #expect(actions.drops == [] && actions.closes == [])
            case .connecting:
                #expect(actions.drops == [4000] && actions.connects == [target])
                #expect(actions.firstIndex(of: .drop(code: 4000)) == 0)
            case .closing:
                #expect(actions == [])
            case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active:
                #expect(actions.closes == [resuming ? 4000 : 1000] && actions.states == [.closing], "\(state)")
            }
            if rig.session.state == .closing {
                // Once more while it closes: no second close frame.
                #expect(rig.restart(resuming: resuming) == [], "\(state)")
                actions = rig.disconnected(resuming || state == .closing ? 4000 : 1000)
                #expect(actions.delays.allSatisfy { $0 < Backoff.smallJitter } && actions.delays.count == 1)
                #expect(rig.reconnect() == target, "\(state)")
            }
            #expect(rig.session.resumableSession == (resuming ? before : nil), "\(state)")
            _ = rig.connected()
            let greeted = rig.hello()
            #expect(greeted.contains(.requestIdentify) == (target == .main), "\(state)")
        }
    }

    @Test func comesBackWhenRestartedWhileStopping() {
        var rig = SessionRig.active()
        _ = rig.shutdown(resumable: true)
        #expect(rig.restart(resuming: true) == [])
        _ = rig.disconnected(4000)
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
    }

    @Test func losesNothingWhenRestartedWhileStopping() {
        var rig = SessionRig.active()
        _ = rig.shutdown(resumable: true)
        #expect(rig.dispatch(2).delivered == false)
        // Taking 3 now would lose 2: a RESUME from 1 brings both.
        _ = rig.restart(resuming: true)
        #expect(rig.dispatch(3).delivered == false)
        #expect(rig.session.resumableSession == SessionRig.stored(1))
    }

    @Test func stopsWhenShutDownWhileRestarting() {
        var rig = SessionRig.active()
        _ = rig.restart(resuming: true)
        _ = rig.shutdown(resumable: true)
        #expect(rig.disconnected(4000).states == [.stopped])
        #expect(rig.session.resumableSession == SessionRig.stored(1))
    }

    @Test func failsFromEveryState() {
        for (state, var rig) in SessionRig.everyState() {
            let before = rig.session.resumableSession
            var actions: [SessionAction] = []
            let error = GatewayError(.unauthorized, "the token is wrong")
            rig.session.fail(error, now: rig.now, &actions)
            if state == .stopped || state == .fatal {
                #expect(actions == [], "\(state)")
                continue
            }
            #expect(actions.errors == [error], "\(state)")
            #expect(actions.states == [.fatal])
            #expect(rig.session.state == .fatal)
            #expect(rig.session.resumableSession == before)
            switch state {
            case .idle, .backoff: break
            default: #expect(actions.drops == [4000], "\(state)")
            }
            rig.now += 3_600 * second
            #expect(rig.tick() == [] && rig.session.nextDeadline(now: rig.now) == nil)
        }
    }
}
