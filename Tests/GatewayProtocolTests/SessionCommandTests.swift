import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

/// The send path (`gateway.md` §12).
@Suite struct SessionCommandTests {
    private func commands(_ range: Range<UInt8>) -> [SessionAction.Outgoing] { range.map { .command([$0]) } }

    @Test func sendsAtOnceWhenLive() throws {
        var rig = SessionRig.active()
        #expect(try rig.enqueue([1, 2]) == [.send(.command([1, 2]))])
        #expect(rig.session.queuedCommands == 0)
    }

    @Test func keepsCommandsUntilItIsLiveAndTheirOrder() throws {
        for (state, var rig) in SessionRig.everyState() {
            if state == .stopped || state == .fatal {
                let error = #expect(throws: GatewayError.self) { try rig.enqueue([1]) }
                #expect(error?.status == .invalidState)
                continue
            }
            let sent = try (0..<5).flatMap { (number: UInt8) in try rig.enqueue([number]) }
            #expect(sent.sends == (state == .active ? commands(0..<5) : []), "\(state)")
            #expect(rig.session.queuedCommands == (state == .active ? 0 : 5), "\(state)")
        }
        var rig = SessionRig()
        for number in 0..<3 as Range<UInt8> { _ = try rig.enqueue([number]) }
        var actions = rig.start() + rig.connected() + rig.hello() + rig.granted().actions
        #expect(actions.sends == [.identify])
        _ = try rig.enqueue([3])
        actions = rig.ready()
        #expect(actions.sends == commands(0..<4))
        // First the state, then what it permits.
        #expect(actions.first == .report(.state(.active, code: 41_250, delay: 0)))
    }

    @Test func keepsCommandsAcrossReconnects() throws {
        var rig = SessionRig.active { $0.sendLimit = 4 }
        // Two of four are kept for heartbeats; IDENTIFY took one.
        #expect(try rig.enqueue([0]).sends == commands(0..<1))
        for number in 1..<4 as Range<UInt8> { #expect(try rig.enqueue([number]) == []) }
        _ = rig.disconnected(1006)
        _ = rig.reconnect()
        _ = rig.connected()
        #expect(rig.hello().sends == [.resume(sessionID: SessionRig.sessionID, sequence: 1)])
        // The window is the connection's: the new one has RESUME in it, and nothing of the old one.
        #expect(rig.dispatch(2, .resumed).actions.sends == commands(1..<2))
        _ = rig.disconnected(4009)
        _ = rig.reconnect()
        _ = rig.connected()
        _ = rig.hello()
        _ = rig.granted()
        #expect(rig.ready("other").sends == commands(2..<3))
        #expect(rig.session.queuedCommands == 1)
    }

    @Test func staysWithinTheWindowWithRoomForHeartbeats() throws {
        var rig = SessionRig.active()
        var times: [UInt64] = []
        // IDENTIFY counts as well.
        times.append(rig.now)
        for number in 0..<400 { times += try rig.enqueue([UInt8(number & 0xFF)]).map { _ in rig.now } }
        // 120 less three for heartbeats, IDENTIFY included.
        #expect(times.count == 117)
        var beats = 0
        for (time, action) in rig.live(300 * second) {
            if action.isHeartbeat { beats += 1 }
            if case .send = action { times.append(time) }
        }
        #expect(rig.session.queuedCommands == 0)
        #expect(beats == 7 || beats == 8)
        #expect(times.count == 401 + beats)
        var first = 0
        for last in times.indices {
            while times[last] - times[first] >= 60 * second { first += 1 }
            #expect(last - first < 120)
        }
    }

    @Test func sendsWhenThePermitComesAndNotBefore() throws {
        var rig = SessionRig.active {
            $0.sendLimit = 2
            $0.sendWindow = 10 * second
        }
        // One for heartbeats, and IDENTIFY took the other.
        #expect(try rig.enqueue([1]) == [])
        let identified = rig.now
        let sent = rig.live(10 * second).filter { !$0.action.isHeartbeat }
        #expect(sent.map(\.action) == [.send(.command([1]))])
        #expect(sent.first?.time == identified + 10 * second)
    }

    @Test func neverMakesAHeartbeatWait() throws {
        var rig = SessionRig.active { $0.sendLimit = 2 }
        for number in 0..<50 as Range<UInt8> { _ = try rig.enqueue([number]) }
        for _ in 0..<200 { #expect(rig.control(.heartbeatRequest).sends == [.heartbeat(sequence: 1)]) }
        let next = rig.session.nextDeadline(now: rig.now) ?? 0
        #expect(rig.live(next - rig.now).map(\.action.isHeartbeat) == [true])
    }

    @Test func countsHeartbeatsAgainstCommands() throws {
        var rig = SessionRig.active { $0.sendLimit = 10 }
        // Room for seven commands, IDENTIFY took one of them; beats beyond the three kept free take from the rest.
        for _ in 0..<5 { _ = rig.control(.heartbeatRequest) }
        let sent = try (0..<10).flatMap { (number: UInt8) in try rig.enqueue([number]) }
        #expect(sent.sends == commands(0..<4))
    }

    @Test func keepsAsMuchRoomAsTheIntervalOfHELLOAsksFor() throws {
        var rig = SessionRig()
        _ = rig.start()
        _ = rig.connected()
        _ = rig.hello(2_000)
        _ = rig.granted()
        _ = rig.ready()
        var sent = 0
        while try !rig.enqueue([1]).isEmpty { sent += 1 }
        // 30 beats a minute and one more, and IDENTIFY.
        #expect(sent == 120 - 31 - 1)
    }

    @Test func hasNoLimitWhenThereIsNone() throws {
        var rig = SessionRig.active { $0.sendLimit = 0 }
        for _ in 0..<1_000 { #expect(try rig.enqueue([1]).count == 1) }
    }

    @Test func refusesWhatTheGatewayWouldClose() throws {
        var rig = SessionRig.active()
        let error = #expect(throws: GatewayError.self) { try rig.enqueue(Array(repeating: 32, count: 4_097)) }
        #expect(error?.status == .payloadTooLarge)
        #expect(error?.message.contains("4097") == true)
        #expect(rig.session.queuedCommands == 0)
        #expect(try rig.enqueue(Array(repeating: 32, count: 4_096)).count == 1)
    }

    @Test func refusesMoreThanTheQueueHolds() throws {
        var rig = SessionRig { $0.commandLimit = 3 }
        for number in 0..<3 as Range<UInt8> { _ = try rig.enqueue([number]) }
        let error = #expect(throws: GatewayError.self) { try rig.enqueue([9]) }
        #expect(error?.status == .queueFull)
        #expect(rig.session.queuedCommands == 3)
        _ = rig.start()
        _ = rig.connected()
        _ = rig.hello()
        _ = rig.granted()
        #expect(rig.ready().sends == commands(0..<3))
        #expect(try rig.enqueue([4]).sends == [.command([4])])
    }

    @Test func countsEachConnectionAfresh() throws {
        var rig = SessionRig.active()
        while try !rig.enqueue([1]).isEmpty {}
        _ = rig.disconnected(1006)
        _ = rig.reconnect()
        _ = rig.connected()
        _ = rig.hello()
        _ = rig.dispatch(2, .resumed)
        #expect(rig.session.sends.window == 60 * second)
        var sends = rig.session.sends
        // RESUME, and the command that had waited.
        #expect(sends.used(now: rig.now) == 2)
    }

    @Test func queuesManyInOrder() {
        var queue = CommandQueue()
        var random = SeededGenerator(seed: 9)
        var written: UInt32 = 0
        var read: UInt32 = 0
        for _ in 0..<20_000 {
            if Bool.random(using: &random), written - read < 300 {
                queue.append(withUnsafeBytes(of: written) { Array($0) })
                written += 1
            } else if written > read {
                #expect(queue.popFirst() == withUnsafeBytes(of: read) { Array($0) })
                read += 1
            } else {
                #expect(queue.popFirst() == nil && queue.isEmpty)
            }
            #expect(queue.count == Int(written - read))
        }
        #expect(read > 5_000)
    }
}
