import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

/// Picking a session up again (`gateway.md` §8).
@Suite struct SessionResumeTests {
    @Test func resumesAtTheResumeHostRightAfterHello() {
        var rig = SessionRig.active()
        rig.dispatch(2)
        rig.live(60 * second)
        _ = rig.disconnected(1006)
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
        _ = rig.connected()
        #expect(
            rig.hello() == [
                .report(.state(.resuming, code: 41_250, delay: 0)),
                .send(.resume(sessionID: SessionRig.sessionID, sequence: 2)),
            ])
        rig.dispatch(3)
        rig.dispatch(4)
        #expect(rig.session.state == .resuming)
        let (actions, delivered) = rig.dispatch(5, .resumed)
        #expect(delivered)
        #expect(actions == [.report(.state(.active, code: 41_250, delay: 0))])
        #expect(rig.session.resumableSession == SessionRig.stored(5))
        #expect(rig.session.counters.resumes == 1 && rig.session.counters.identifies == 1)
    }

    @Test func resumesAStoredSessionWithoutIdentify() {
        var rig = SessionRig(resuming: SessionRig.stored(7))
        #expect(rig.session.resumableSession == SessionRig.stored(7))
        #expect(rig.start().connects == [.resumeHost(SessionRig.resumeURL)])
        _ = rig.connected()
        let actions = rig.hello()
        #expect(actions.sends == [.resume(sessionID: SessionRig.sessionID, sequence: 7)])
        #expect(!actions.contains(.requestIdentify))
        rig.dispatch(8, .resumed)
        #expect(rig.session.state == .active)
    }

    @Test func usesTheMainURLForASessionWithoutAResumeURL() {
        var rig = SessionRig(resuming: ResumableSession(id: "a", resumeURL: "", sequence: 3))
        #expect(rig.start().connects == [.main])
        _ = rig.connected()
        #expect(rig.hello().sends == [.resume(sessionID: "a", sequence: 3)])
    }

    @Test func resumesFromWhereTheReplayBroke() {
        var rig = SessionRig.resuming(7)
        rig.dispatch(8)
        rig.dispatch(9)
        _ = rig.disconnected(1006)
        #expect(rig.session.resumableSession == SessionRig.stored(9))
        _ = rig.reconnect()
        _ = rig.connected()
        #expect(rig.hello().sends == [.resume(sessionID: SessionRig.sessionID, sequence: 9)])
    }

    @Test func deliversNothingTwice() {
        var rig = SessionRig.resuming(7)
        for (sequence, fresh) in [(6, false), (7, false), (8, true), (8, false), (10, true), (9, false)]
            as [(UInt64, Bool)]
        {
            #expect(rig.dispatch(sequence).delivered == fresh, "\(sequence)")
        }
        #expect(rig.session.counters.duplicates == 4)
        #expect(rig.session.sequence == 10)
        #expect(rig.dispatch(11, .resumed).delivered)
        #expect(rig.dispatch(11, .resumed).delivered == false)
        #expect(rig.session.counters.duplicates == 5 && rig.session.counters.resumes == 1)
        // Without a sequence nothing can be told apart: it is delivered.
        #expect(rig.dispatch(0).delivered && rig.dispatch(0).delivered)
    }

    @Test func takesTheReadyOfASessionOnce() {
        // Set back to it, the sequence would have the gateway replay all that came since.
        var rig = SessionRig.active()
        #expect(rig.takeReady() == ([], false))
        rig.dispatch(2)
        #expect(rig.takeReady() == ([], false))
        #expect(rig.session.sequence == 2 && rig.session.counters.duplicates == 2)
        rig = .resuming(7)
        #expect(rig.takeReady() == ([], false))
        #expect(rig.session.state == .resuming && rig.session.sequence == 7)
    }

    @Test func takesResumedWhateverItsSequence() {
        // A server that does not count RESUMED still ends the replay with it.
        for sequence in [0, 6, 7] as [UInt64] {
            var rig = SessionRig.resuming(7)
            #expect(rig.dispatch(sequence, .resumed).delivered)
            #expect(rig.session.state == .active)
            #expect(rig.session.sequence == 7)
        }
    }

    @Test func startsTheSequenceAfreshWithReady() {
        // A gateway that answers RESUME with a new session.
        var rig = SessionRig.resuming(700)
        #expect(rig.ready("other", url: "wss://other.example").states == [.active])
        #expect(rig.session.resumableSession?.sequence == 1 && rig.session.resumableSession?.id == "other")
        #expect(rig.dispatch(2).delivered)
    }

    @Test func givesUpAResumeWithoutProgress() {
        var rig = SessionRig.resuming(7) { $0.resumeTimeout = 30 * second }
        rig.live(30 * second - 1)
        rig.dispatch(8)
        // Each event is progress.
        rig.live(30 * second - 1)
        #expect(rig.session.state == .resuming)
        let actions = rig.live(1).map(\.action)
        #expect(actions.drops == [4000])
        #expect(
            actions.closed == [.closed(code: 1006, reason: "no event within 30000 ms of RESUME", next: .backoff)])
        #expect(rig.session.resumableSession == SessionRig.stored(8))
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
    }

    @Test func identifiesAfterAResumeThatStallsAtTheMainURLToo() {
        var rig = SessionRig(resuming: SessionRig.stored(7))
        var targets = rig.start().connects
        for _ in 0..<3 {
            _ = rig.connected()
            #expect(rig.hello().sends == [.resume(sessionID: SessionRig.sessionID, sequence: 7)])
            rig.live(60 * second)
            #expect(rig.session.state == .backoff || rig.session.state == .connecting)
            if rig.session.state == .backoff, let target = rig.reconnect() { targets.append(target) }
        }
        #expect(
            targets == [
                .resumeHost(SessionRig.resumeURL), .resumeHost(SessionRig.resumeURL), .main, .main,
            ])
        #expect(rig.session.resumableSession == nil)
        _ = rig.connected()
        #expect(rig.hello().contains(.requestIdentify))
    }

    @Test func waitsForTheReplayWhileReadingIsPaused() {
        var rig = SessionRig.resuming(7)
        rig.session.setReadPaused(true)
        rig.live(600 * second)
        #expect(rig.session.state == .resuming)
        rig.session.setReadPaused(false)
        rig.live(119 * second)
        #expect(rig.session.state == .resuming)
        rig.live(second)
        #expect(rig.session.state == .backoff)
    }

    // MARK: The resume host

    @Test func givesTheResumeHostUpAfterTwoFailuresAndKeepsTheSession() {
        var rig = SessionRig(resuming: SessionRig.stored(7))
        #expect(rig.start().connects == [.resumeHost(SessionRig.resumeURL)])
        _ = rig.connectFailed()
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
        _ = rig.connectFailed()
        for _ in 0..<3 {
            #expect(rig.reconnect() == .main)
            _ = rig.connectFailed()
        }
        #expect(rig.reconnect() == .main)
        _ = rig.connected()
        #expect(rig.hello().sends == [.resume(sessionID: SessionRig.sessionID, sequence: 7)])
        rig.dispatch(8, .resumed)
        // Once it is live the resume host has two attempts again.
        _ = rig.disconnected(1006)
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
        _ = rig.connectFailed()
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
    }

    @Test func trustsTheResumeHostOfANewSession() {
        var rig = SessionRig(resuming: SessionRig.stored(7))
        _ = rig.start()
        for _ in 0..<2 {
            _ = rig.connectFailed()
            _ = rig.reconnect()
        }
        _ = rig.connected()
        _ = rig.hello()
        _ = rig.control(.invalidSession(resumable: false))
        _ = rig.disconnected(1000)
        #expect(rig.reconnect() == .main)
        _ = rig.connected()
        _ = rig.hello()
        _ = rig.granted()
        // Its READY comes when op 7 has already ended the connection: it never was active.
        _ = rig.control(.reconnect)
        _ = rig.ready("next")
        _ = rig.disconnected(4000)
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
    }

    @Test func countsEveryWayTheResumeHostFails() {
        let failures: [(String, (inout SessionRig) -> Void)] = [
            ("refuses", { _ = $0.connectFailed() }),
            ("hangs", { $0.pass(10 * second) }),
            ("breaks the handshake", { _ = $0.disconnected(1006) }),
            (
                "drops before HELLO",
                {
                    _ = $0.connected()
                    _ = $0.disconnected(1006)
                }
            ),
            (
                "is silent",
                {
                    _ = $0.connected()
                    $0.pass(20 * second)
                }
            ),
            (
                "drops after RESUME",
                {
                    _ = $0.connected()
                    _ = $0.hello()
                    _ = $0.disconnected(1001)
                }
            ),
            (
                "sends away before HELLO",
                {
                    _ = $0.connected()
                    _ = $0.control(.reconnect)
                    _ = $0.disconnected(4000)
                }
            ),
            (
                "sends away after RESUME",
                {
                    _ = $0.connected()
                    _ = $0.hello()
                    _ = $0.control(.invalidSession(resumable: true))
                    _ = $0.disconnected(4000)
                }
            ),
        ]
        for (name, fail) in failures {
            var rig = SessionRig(resuming: SessionRig.stored(7)) { $0.backoff = Backoff(first: second, limit: second) }
            _ = rig.start()
            fail(&rig)
            #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL), "\(name)")
            fail(&rig)
            #expect(rig.reconnect() == .main, "\(name)")
            #expect(rig.session.resumableSession == SessionRig.stored(7), "\(name)")
        }
    }

    @Test func doesNotBlameTheResumeHostForALiveSession() {
        var rig = SessionRig.active()
        for _ in 0..<5 {
            rig.live(10 * second)
            _ = rig.disconnected(1006)
            #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
            _ = rig.connected()
            _ = rig.hello()
            rig.dispatch(rig.session.sequence + 1, .resumed)
        }
    }

    @Test func identifiesAtTheMainURLOnceTheSessionIsGone() {
        var rig = SessionRig.active()
        rig.live(10 * second)
        _ = rig.disconnected(4009)
        #expect(rig.session.resumableSession == nil && rig.session.sequence == 0)
        #expect(rig.reconnect() == .main)
        _ = rig.connected()
        #expect(rig.hello().contains(.requestIdentify))
        #expect(rig.granted().actions.sends == [.identify])
    }
}
