import Foundation
import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    @Suite("Chaos")
    struct ChaosTests {
        /// Numbers that a printed seed repeats.
        struct Random: RandomNumberGenerator {
            var state: UInt64

            mutating func next() -> UInt64 {
                // SplitMix64.
                state &+= 0x9E37_79B9_7F4A_7C15
                var z = state
                z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
                z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
                return z ^ (z >> 31)
            }
        }

        /// Faults of open connections after which the session can be resumed, or which hurt nobody.
        static let faults: [Fault] = [
            .drop(reset: true), .drop(reset: false), .halfOpen, .stopReading, .acknowledge(false), .reconnect,
            .invalidSession(resumable: true), .close(code: 4000), .close(code: 4001), .close(code: 4002),
            .close(code: 4005), .close(code: 4008), .close(code: 1000), .close(code: 1001), .close(code: 1011),
            .close(code: nil), .requestHeartbeat, .delayAcks(.milliseconds(60)), .delay(.milliseconds(20)),
            .split(bytes: 400), .fragment(bytes: 500), .drip(bytes: 3000, every: .milliseconds(1)),
            .corruptCompression, .corruptJSON, .duplicateDispatch, .unknownOpcode, .unknownEvent, .oddDispatches,
            .reorderedDispatch, .hugeDispatch(bytes: 500_000), .bomb(megabytes: 16), .reservedBits, .reservedOpcode,
            .maskedFrame, .invalidUTF8, .unsolicitedBinary, .plainText, .ping, .unsolicitedPong, .oversizeControl,
            .fragmentedControl, .orphanContinuation, .shortClose, .oversizeFrame(), .raw([0xF7, 0xFF, 0xFF, 0xFF]),
            .rawTCP([0x55, 0x55, 0x55, 0x55, 0x55, 0x55]),
        ]

        /// Faults that meet the next connection.
        static let welcomes: [(Fault, Moment)] = [
            (.drop(), .accept), (.acceptThenHang, .accept), (.certificate(.expired), .accept),
            (.answerUpgrade(HTTPAnswer(status: 503)), .upgrade), (.wrongAcceptKey, .upgrade), (.silence, .upgrade),
            (.silence, .hello), (.drop(), .hello), (.reconnect, .hello), (.close(code: 4000), .hello),
            (.drop(), .resume), (.reconnect, .resume), (.invalidSession(resumable: true), .resume), (.silence, .resume),
            (.close(code: 4008), .resume), (.drop(), .started), (.reconnect, .started), (.halfOpen, .started),
        ]

        /// What led to the identifies beyond the first four, as the sandbox saw it.
        static func story(_ journal: Journal) -> String {
            let identifies = journal.entries.filter { if case .identify = $0.event { true } else { false } }
            return identifies.dropFirst(4).map { extra in
                let before = journal.entries.filter { $0.index <= extra.index && $0.shard == extra.shard }.suffix(60)
                return before.map { "\($0.time) \($0.connection ?? 0) \($0.event)" }.joined(separator: "\n")
            }.joined(separator: "\n\n")
        }

        static var seed: UInt64 {
            ProcessInfo.processInfo.environment["CHAOS_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
        }

        @Test("fifty random faults under load: nothing lost, nothing twice, in order")
        func fifty() async throws {
            let seed = Self.seed
            print("chaos: CHAOS_SEED=\(seed)")
            var random = Random(state: seed)
            let shards = 0..<UInt32(4)
            try await withRig(
                sandbox: {
                    $0.mix = .realistic
                    $0.eventsPerSecond = 250
                    $0.heartbeatInterval = .milliseconds(250)
                    // 4009 would end the session for good.
                    $0.heartbeatTolerance = 0
                    $0.replayLimit = 200_000
                    $0.frameLimit = 0
                    $0.zlibLevel = 1
                    $0.guilds = 8
                },
                client: {
                    try $0.setShards(.range(first: 0, count: 4, total: 4))
                    try $0.setMaxConcurrency(4)
                    try $0.setIOThreads(2)
                    try $0.setMaxMessageSize(4 << 20)
                    try $0.setDelivery(.queued, queueBytes: 256 * 1024)
                    try $0.setConnectTimeout(milliseconds: 400)
                    $0.session.helloTimeout = 400_000_000
                    $0.session.resumeTimeout = 600_000_000
                    $0.session.closeTimeout = 200_000_000
                }, keeps: { _ in false }
            ) { rig in
                try await rig.until("all four") { record in shards.allSatisfy { record.isActive($0) } }
                for number in 1...50 {
                    let shard = shards.randomElement(using: &random) ?? 0
                    let before = rig.record.trace(shard).dispatches
                    let what: String
                    if random.next() % 4 == 0, let (fault, moment) = Self.welcomes.randomElement(using: &random) {
                        what = "\(fault.name) at \(moment.rawValue)"
                        // A RESUME without an answer at the main URL ends the session by rule.
                        let endpoint: Endpoint? = fault == .silence && moment == .resume ? .resume : nil
                        await rig.sandbox.inject(
                            fault, at: moment, endpoint: endpoint, times: Int.random(in: 1...3, using: &random))
                        await rig.sandbox.inject(.drop(), shard: Int(shard))
                    } else {
                        let fault = Self.faults.randomElement(using: &random) ?? .drop()
                        what = fault.name
                        await rig.sandbox.inject(fault, shard: random.next() % 6 == 0 ? nil : Int(shard))
                    }
                    // Every other fault comes on top of the one before.
                    guard random.next() % 2 == 0 else { continue }
                    try await rig.until("fault \(number), \(what): shard \(shard) goes on; seed \(seed)") {
                        $0.trace(shard).dispatches > before + 40
                    }
                }
                await rig.sandbox.clearFaults()
                await rig.sandbox.setEventsPerSecond(0)
                for shard in shards {
                    try await eventually("everything of shard \(shard); seed \(seed)") {
                        guard let session = await rig.sandbox.session(shard: Int(shard)) else { return false }
                        let trace = rig.record.trace(shard)
                        return session.pending == 0 && trace.sequence == session.lastSequence
                            && trace.message == session.messages && trace.state == .active
                    }
                }
                let record = rig.record
                #expect(record.violations == [], "seed \(seed)")
                #expect(shards.allSatisfy { record.trace($0).readies == 1 }, "seed \(seed)")
                #expect(await rig.journal.identifies.count == 4, "seed \(seed)")
                if await rig.journal.identifies.count != 4 { print(await Self.story(rig.journal)) }
                #expect(record.errors.allSatisfy { $0.state != .fatal })
                let totals = shards.map { record.trace($0) }
                let resumes = totals.reduce(0) { $0 + $1.resumes }
                #expect(resumes >= 20)
                print(
                    "chaos: \(totals.reduce(0) { $0 + $1.dispatches }) dispatches, \(resumes) resumes,",
                    "\(await rig.journal.count { if case .fault = $0 { true } else { false } }) faults applied")
            }
        }
    }
}
