import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

/// Every close code with its reaction, against the protocol's own table (`gateway.md` §10).
@Suite struct SessionCloseCodeTests {
    enum Expected { case resume, identify, fatal }

    static func table() throws -> [(code: UInt16, expected: Expected)] {
        try Fixture.table("close_codes").compactMap { row in
            guard let code = row["code"] as? Int else { return nil }
            let expected: Expected =
                row["reconnect"] as? Bool == false ? .fatal : row["resume"] as? Bool == true ? .resume : .identify
            return (UInt16(code), expected)
        }
    }

    /// One session per state in which the gateway can close.
    static func connectedStates() -> [SessionRig] {
        SessionRig.everyState().compactMap { state, rig in
            switch state {
            case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active: rig
            default: nil
            }
        }
    }

    private func expect(_ expected: Expected, code: UInt16, from rig: SessionRig) {
        var rig = rig
        let session = rig.session.resumableSession
        let came: Comment = "\(code) while \(rig.session.state)"
        let actions = rig.disconnected(code, "because")
        let next: ShardState = expected == .fatal ? .fatal : .backoff
        #expect(actions.closed == [.closed(code: code, reason: "because", next: next)], came)
        #expect(actions.drops == [] && actions.closes == [] && actions.sends == [], came)
        #expect(rig.session.state == next, came)
        switch expected {
        case .resume:
            #expect(rig.session.resumableSession == session, came)
            #expect(rig.reconnect() == (session == nil ? .main : .resumeHost(SessionRig.resumeURL)), came)
        case .identify:
            #expect(rig.session.resumableSession == nil && rig.session.sequence == 0, came)
            #expect(rig.reconnect() == .main, came)
            _ = rig.connected()
            #expect(rig.hello().contains(.requestIdentify), came)
        case .fatal:
            #expect(rig.session.resumableSession == nil, came)
            #expect(actions.errors.map(\.status) == [code == 4004 ? .unauthorized : .gatewayClosed], came)
            #expect(actions.errors.first?.message.contains("\(code)") == true, came)
            #expect(actions.errors.first?.message.contains("because") == true, came)
            #expect(rig.session.nextDeadline(now: rig.now) == nil, came)
            rig.now += 86_400 * second
            #expect(rig.tick() == [], came)
            #expect(rig.disconnected(1006) == [] && rig.connected() == [] && rig.connectFailed() == [], came)
            #expect(rig.session.state == .fatal, came)
        }
    }

    @Test func documentedCodes() throws {
        let table = try Self.table()
        #expect(table.count == 14)
        for (code, expected) in table {
            for rig in Self.connectedStates() { expect(expected, code: code, from: rig) }
        }
    }

    @Test(arguments: [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 4006, 4015, 4500, 4999, 3000] as [UInt16])
    func otherCodesResume(code: UInt16) {
        for rig in Self.connectedStates() { expect(.resume, code: code, from: rig) }
    }

    @Test func judgesACodeThatCrossesOurOwnClose() throws {
        for (code, expected) in try Self.table() where code != 4000 {
            var rig = SessionRig.active()
            _ = rig.control(.reconnect)
            let actions = rig.disconnected(code, "crossed")
            let next: ShardState = expected == .fatal ? .fatal : .backoff
            #expect(actions.closed == [.closed(code: code, reason: "crossed", next: next)], "\(code)")
            #expect(rig.session.state == next, "\(code)")
            #expect((rig.session.resumableSession != nil) == (expected == .resume), "\(code)")
            // Whoever is leaving leaves all the same; a session that is gone is not kept.
            rig = .active()
            _ = rig.shutdown(resumable: true)
            #expect(
                rig.disconnected(code, "crossed").closed
                    == [.closed(code: code, reason: "crossed", next: .stopped)], "\(code)")
            #expect((rig.session.resumableSession != nil) == (expected != .identify), "\(code)")
        }
    }

    @Test func canBeStartedAgainAfterAFatalCode() {
        var rig = SessionRig.active()
        _ = rig.disconnected(4014)
        #expect(rig.start().connects == [.main])
        #expect(rig.session.state == .connecting)
    }

    @Test func breaksOffWhenThePeerBreaksTheProtocol() {
        for rig in Self.connectedStates() {
            var rig = rig
            let session = rig.session.resumableSession
            var actions: [SessionAction] = []
            rig.session.protocolFailed(
                GatewayError(.protocolViolation, "bad frame"), closeCode: 1002, now: rig.now, &actions)
            #expect(actions.errors == [GatewayError(.protocolViolation, "bad frame")])
            #expect(actions.drops == [1002] && actions.closes == [])
            #expect(actions.closed == [.closed(code: 1006, reason: "bad frame", next: .backoff)])
            #expect(rig.session.resumableSession == session)
            #expect(rig.session.state == .backoff)
        }
    }

    @Test func reportsOneErrorWhenThePeerBreaksTheHandshake() {
        var rig = SessionRig(resuming: SessionRig.stored())
        _ = rig.start()
        var actions: [SessionAction] = []
        let error = GatewayError(.protocolViolation, "bad frame")
        rig.session.protocolFailed(error, closeCode: 1002, now: rig.now, &actions)
        #expect(actions.errors == [error])
        #expect(actions.drops == [1002] && actions.closed == [])
        #expect(actions.states == [.backoff])
        #expect(rig.session.resumableSession == SessionRig.stored())
        // It was an attempt like any other: the second one gives the resume host up.
        #expect(rig.reconnect() == .resumeHost(SessionRig.resumeURL))
        rig.session.protocolFailed(error, closeCode: 1002, now: rig.now, &actions)
        #expect(rig.reconnect() == .main)
    }

    @Test func hearsNothingOfAPeerThatIsGone() {
        for (state, var rig) in SessionRig.everyState() {
            switch state {
            case .idle, .backoff, .stopped, .fatal:
                var actions = rig.disconnected(4004)
                rig.session.protocolFailed(
                    GatewayError(.protocolViolation, "x"), closeCode: 1002, now: rig.now, &actions)
                #expect(actions == [], "\(state)")
                #expect(rig.session.state == state)
            default: break
            }
        }
    }
}
