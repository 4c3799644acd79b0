import Testing

@testable import GatewayProtocol

private let second: UInt64 = 1_000_000_000

/// What holds whatever happens, in whatever order.
@Suite struct SessionRandomizedTests {
    /// What the driver knows of the outside world, kept from the actions alone.
    private struct World {
        enum Link { case none, connecting, open, closing }
        var link = Link.none
        var waitsForPermit = false
        /// The newest sequence delivered in this session.
        var delivered: UInt64 = 0
        var failure: String?

        mutating func check(_ condition: Bool, _ what: String) {
            if !condition, failure == nil { failure = what }
        }

        mutating func carryOut(_ action: SessionAction) {
            switch action {
            case .connect:
                check(link == .none, "connects over a connection")
                check(!waitsForPermit, "connects with a request for a permit left over")
                link = .connecting
            case .send(let outgoing):
                check(link == .open, "sends \(outgoing) without an open connection")
            case .close(let code, _):
                check(link == .open, "closes without an open connection")
                check(code == 1000 || code == 4000, "closes with \(code)")
                link = .closing
            case .drop:
                link = .none
            case .requestIdentify:
                check(link == .open && !waitsForPermit, "asks for a permit out of turn")
                waitsForPermit = true
            case .cancelIdentify:
                check(waitsForPermit, "cancels a request it did not make")
                waitsForPermit = false
            case .report: break
            }
        }
    }

    /// Runs one random life; returns what it broke, if anything, and which states it saw.
    private func live(seed: UInt64) -> (failure: String?, states: Set<ShardState>) {
        var random = SeededGenerator(seed: seed)
        var world = World()
        var states: Set<ShardState> = []
        let resuming = Bool.random(using: &random) ? SessionRig.stored(7) : nil
        world.delivered = resuming?.sequence ?? 0
        var rig = SessionRig(seed: seed, resuming: resuming) {
            $0.zombiePolicy = Bool.random(using: &random) ? .grace : .strict
            $0.sendLimit = [0, 1, 3, 120].randomElement(using: &random) ?? 0
            $0.commandLimit = 20
        }
        var sent: UInt64 = 0
        for _ in 0..<200 {
            let quiet = rig.session.state == .stopped || rig.session.state == .fatal || rig.session.state == .idle
            var actions: [SessionAction] = []
            var owner = false
            switch Int.random(in: 0..<24, using: &random) {
            case 0 where Bool.random(using: &random):
                (actions, owner) = (rig.start(), true)
            case 1 where Int.random(in: 0..<8, using: &random) == 0:
                actions = rig.shutdown(resumable: Bool.random(using: &random))
            case 2 where Int.random(in: 0..<4, using: &random) == 0:
                (actions, owner) = (rig.restart(resuming: Bool.random(using: &random)), true)
            case 3: actions = (try? rig.enqueue([1])) ?? []
            case 4, 5, 6:
                if world.link == .connecting {
                    world.link = .open
                    actions = rig.connected()
                }
            case 7:
                if world.link == .connecting {
                    world.link = .none
                    actions = rig.connectFailed(retryAfter: UInt64.random(in: 0...second, using: &random))
                }
            case 8:
                if world.link != .none {
                    world.link = .none
                    let codes: [UInt16] = [1000, 1005, 1006, 4000, 4002, 4004, 4007, 4009, 4008]
                    actions = rig.disconnected(codes.randomElement(using: &random) ?? 1006)
                }
            case 9, 10, 11:
                if world.link == .open || world.link == .closing {
                    actions = rig.hello(UInt64.random(in: 0...50_000, using: &random))
                }
            case 12:
                if world.waitsForPermit, world.link == .open {
                    let (granted, used) = rig.granted()
                    world.check(used, "wastes a permit it waits for")
                    world.waitsForPermit = false
                    actions = granted
                } else {
                    let (granted, used) = rig.granted()
                    world.check(!used && granted.isEmpty, "takes a permit it does not wait for")
                }
            case 13, 14:
                let known = rig.session.resumableSession != nil
                if world.link == .open || world.link == .closing, known || rig.session.state == .identifying {
                    let (told, delivered) = rig.takeReady()
                    actions = told
                    world.check(!known || !delivered, "delivers the READY of a session twice")
                    if delivered { world.delivered = 1 }
                }
            case 15, 16, 17:
                if world.link == .open || world.link == .closing {
                    let number = UInt64.random(in: 0...(rig.session.sequence + 3), using: &random)
                    let known = rig.session.resumableSession != nil
                    let (told, delivered) = rig.dispatch(number)
                    actions = told
                    if delivered, number != 0, known {
                        world.check(number > world.delivered, "delivers \(number) after \(world.delivered)")
                        world.delivered = number
                    }
                }
            case 18:
                if world.link == .open || world.link == .closing {
                    actions = rig.dispatch(rig.session.sequence + 1, .resumed).actions
                    if rig.session.resumableSession != nil { world.delivered = rig.session.sequence }
                }
            case 19:
                if world.link == .open || world.link == .closing {
                    let payloads: [ControlPayload] = [
                        .reconnect, .invalidSession(resumable: true), .invalidSession(resumable: false),
                    ]
                    actions = rig.control(payloads.randomElement(using: &random) ?? .reconnect)
                }
            case 20:
                if world.link == .open || world.link == .closing {
                    actions = rig.control(Bool.random(using: &random) ? .heartbeatRequest : .heartbeatAck)
                }
            case 21: rig.session.setReadPaused(Bool.random(using: &random))
            case 22:
                if world.link != .none {
                    rig.session.protocolFailed(
                        GatewayError(.protocolViolation, "x"), closeCode: 1002, now: rig.now, &actions)
                }
            default:
                rig.now += UInt64.random(in: 0...(30 * second), using: &random)
                actions = rig.tick()
            }
            if quiet, !owner {
                world.check(actions.allSatisfy { if case .report = $0 { true } else { false } }, "is not quiet")
                world.check(actions.isEmpty || rig.session.state == .stopped, "is not quiet")
            }
            for action in actions { world.carryOut(action) }
            sent += UInt64(actions.filter(\.isHeartbeat).count)
            // Time-driven work is done with the first tick: a second one finds nothing, and the next is ahead.
            for action in rig.tick() {
                world.carryOut(action)
                if action.isHeartbeat { sent += 1 }
            }
            world.check(rig.tick().isEmpty, "a second tick finds work in \(rig.session.state)")
            let deadline = rig.session.nextDeadline(now: rig.now)
            world.check(deadline.map { $0 > rig.now } ?? true, "is due at once again in \(rig.session.state)")
            states.insert(rig.session.state)
            switch rig.session.state {
            case .idle, .stopped, .fatal:
                world.check(deadline == nil, "wants a tick while \(rig.session.state)")
                world.check(world.link == .none, "leaves a connection open")
                world.check(!world.waitsForPermit, "leaves a request for a permit")
            case .backoff:
                world.check(deadline != nil, "waits for ever")
                world.check(world.link == .none, "waits with a connection open")
                world.check(!world.waitsForPermit, "leaves a request for a permit")
            case .connecting: world.check(world.link == .connecting && deadline != nil, "hangs while connecting")
            case .closing: world.check(world.link == .closing && deadline != nil, "hangs while closing")
            case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active:
                world.check(world.link == .open && deadline != nil, "hangs while \(rig.session.state)")
                world.check(
                    world.waitsForPermit == (rig.session.state == .awaitingIdentify), "has the wrong request out")
            }
            if world.failure != nil { break }
        }
        world.check(sent == rig.session.counters.heartbeatsSent, "counts other heartbeats than it sends")
        return (world.failure, states)
    }

    @Test func keepsItsPromisesWhateverComes() {
        var seen: Set<ShardState> = []
        var failures = 0
        for seed in 1...2_000 as ClosedRange<UInt64> where failures < 3 {
            let (failure, states) = live(seed: seed)
            seen.formUnion(states)
            if let failure {
                failures += 1
                Issue.record("seed \(seed): it \(failure)")
            }
        }
        #expect(seen == Set(ShardState.allCases))
    }
}
