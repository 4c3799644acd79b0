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

        /// Of each shard that had not just one session: what the sandbox saw, and what the handler was told.
        static func story(_ journal: Journal, _ record: Record, _ shards: Range<UInt32>) -> String {
            let odd = shards.filter { shard in
                let identifies = journal.entries.count {
                    if case .identify = $0.event { $0.shard == Int(shard) } else { false }
                }
                return identifies != 1 || record.trace(shard).readies != 1
            }
            return odd.map { shard in
                let seen = journal.entries.filter { $0.shard == Int(shard) }
                    .map { "\($0.time) \($0.connection ?? 0) \($0.event)" }
                let told = record.events.filter { $0.shard == shard && $0.kind != .latency }.map(\.description)
                return "\(record.trace(shard))\n" + (seen + told).joined(separator: "\n")
            }.joined(separator: "\n\n")
        }

        static var seed: UInt64 {
            ProcessInfo.processInfo.environment["CHAOS_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
        }

        /// A sandbox that ends no session for what the faults do to it.
        static func prepare(_ sandbox: inout SandboxConfiguration) {
            sandbox.mix = .realistic
            // 4009 would end the session for good.
            sandbox.heartbeatTolerance = 0
            sandbox.replayLimit = 200_000
            sandbox.frameLimit = 0
            sandbox.zlibLevel = 1
        }

        static func prepare(_ client: inout Configuration, shards: UInt32) throws {
            try client.setShards(.range(first: 0, count: shards, total: shards))
            try client.setMaxConcurrency(shards)
            try client.setIOThreads(2)
            try client.setMaxMessageSize(4 << 20)
            try client.setDelivery(.queued, queueBytes: 256 * 1024)
        }

        @Test("fifty random faults under load: nothing lost, nothing twice, in order")
        func fifty() async throws {
            let seed = Self.seed
            print("chaos: CHAOS_SEED=\(seed)")
            var random = Random(state: seed)
            let shards = 0..<UInt32(4)
            try await withRig(
                sandbox: {
                    Self.prepare(&$0)
                    $0.eventsPerSecond = 250
                    $0.heartbeatInterval = .milliseconds(250)
                    $0.guilds = 8
                },
                client: {
                    try Self.prepare(&$0, shards: 4)
                    try $0.setConnectTimeout(milliseconds: 400)
                    $0.session.helloTimeout = 400_000_000
                    $0.session.resumeTimeout = 600_000_000
                    $0.session.closeTimeout = 200_000_000
                }, keeps: { $0.type == .ready }
            ) { rig in
                try await rig.until("all four") { record in shards.allSatisfy { record.isActive($0) } }
                for number in 1...50 {
                    let shard = shards.randomElement(using: &random) ?? 0
                    let before = rig.record.trace(shard).dispatches
                    let what = await Self.torment(shard, of: rig, mayHitAll: true, &random)
                    // Every other fault comes on top of the one before.
                    guard random.next() % 2 == 0 else { continue }
                    try await rig.until("fault \(number), \(what): shard \(shard) goes on; seed \(seed)") {
                        $0.trace(shard).dispatches > before + 40
                    }
                }
                let resumes = try await Self.expectEverything(of: shards, rig, seed: seed)
                #expect(resumes >= 20)
            }
        }

        /// A minute unless the environment's CHAOS_SECONDS says otherwise.
        static var length: Duration {
            .seconds(ProcessInfo.processInfo.environment["CHAOS_SECONDS"].flatMap { Double($0) } ?? 60)
        }

        @Test("sixty-four shards for a minute, five hundred disconnects: nothing lost, nothing twice, in order")
        func sixtyFour() async throws {
            let seed = Self.seed
            print("chaos: CHAOS_SEED=\(seed)")
            let shards = 0..<UInt32(64)
            try await withRig(
                sandbox: {
                    Self.prepare(&$0)
                    $0.eventsPerSecond = 15
                    $0.heartbeatInterval = .seconds(1)
                    $0.journalLimit = 1_000_000
                    $0.guilds = 2
                    $0.maxConcurrency = 64
                },
                client: {
                    try Self.prepare(&$0, shards: 64)
                    // Patient enough for handshakes of a debug build: what is given up too soon costs a session by rule.
                    try $0.setConnectTimeout(milliseconds: 3_000)
                    $0.session.helloTimeout = 3_000_000_000
                    $0.session.resumeTimeout = 10_000_000_000
                    $0.session.closeTimeout = 500_000_000
                }, keeps: { $0.type == .ready }
            ) { rig in
                try await rig.until("all of them", timeout: .seconds(60)) { record in
                    shards.allSatisfy { record.isActive($0) }
                }
                let end = ContinuousClock.now + Self.length
                let latest = end + .seconds(300)
                let wanted = Self.length >= .seconds(60) ? 500 : 0
                // Eight at once, each with eight shards of its own.
                try await withThrowingTaskGroup { group in
                    for part in 0..<UInt32(8) {
                        group.addTask {
                            var random = Random(state: seed &+ UInt64(part) << 32)
                            // As long as that, and on a slow machine until there were enough.
                            while ContinuousClock.now < end || rig.record.closes.count < wanted {
                                try #require(ContinuousClock.now < latest, "seed \(seed)")
                                let shard = part * 8 + UInt32.random(in: 0..<8, using: &random)
                                let before = rig.record.trace(shard).dispatches
                                let what = await Self.torment(shard, of: rig, mayHitAll: false, &random)
                                // Every third fault comes on top of the one before.
                                guard random.next() % 3 > 0 else { continue }
                                try await rig.until(
                                    "\(what): shard \(shard) goes on; seed \(seed)", timeout: .seconds(60)
                                ) { $0.trace(shard).dispatches > before + 3 }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                _ = try await Self.expectEverything(of: shards, rig, seed: seed)
                let disconnects = rig.record.closes.count
                print("chaos: \(disconnects) disconnects")
                #expect(disconnects >= wanted)
            }
        }

        /// Does a random thing to a shard, or sometimes to all, and says what.
        static func torment(_ shard: UInt32, of rig: Rig, mayHitAll: Bool, _ random: inout Random) async -> String {
            guard random.next() % 4 == 0, let (fault, moment) = welcomes.randomElement(using: &random) else {
                let fault = faults.randomElement(using: &random) ?? .drop()
                let hitsAll = mayHitAll && random.next() % 6 == 0
                await rig.sandbox.inject(fault, shard: hitsAll ? nil : Int(shard))
                return fault.name
            }
            // A RESUME without an answer at the main URL ends the session by rule.
            let endpoint: Endpoint? = fault == .silence && moment == .resume ? .resume : nil
            await rig.sandbox.inject(
                fault, at: moment, endpoint: endpoint, times: Int.random(in: 1...3, using: &random))
            await rig.sandbox.inject(.drop(), shard: Int(shard))
            return "\(fault.name) at \(moment.rawValue)"
        }

        /// Ends the faults and the stream, and checks that all shards have got everything of the one session that each of
        /// them has. Returns how often they resumed.
        static func expectEverything(of shards: Range<UInt32>, _ rig: Rig, seed: UInt64) async throws -> Int {
            await rig.sandbox.clearFaults()
            await rig.sandbox.setEventsPerSecond(0)
            for shard in shards {
                try await eventually("everything of shard \(shard); seed \(seed)", timeout: .seconds(60)) {
                    guard let session = await rig.sandbox.session(shard: Int(shard)) else { return false }
                    let trace = rig.record.trace(shard)
                    return session.pending == 0 && trace.sequence == session.lastSequence
                        && trace.message == session.messages && trace.state == .active
                }
            }
            let record = rig.record
            #expect(record.violations == [], "seed \(seed)")
            let journal = await rig.journal
            #expect(journal.identifies.count == shards.count, "seed \(seed)")
            let odd = story(journal, record, shards)
            #expect(odd.isEmpty, "a session of each shard, from beginning to end; seed \(seed)")
            #expect(record.errors.allSatisfy { $0.state != .fatal })
            let totals = shards.map { record.trace($0) }
            let resumes = totals.reduce(0) { $0 + $1.resumes }
            print(
                "chaos: \(totals.reduce(0) { $0 + $1.dispatches }) dispatches, \(resumes) resumes,",
                "\(await rig.journal.count { if case .fault = $0 { true } else { false } }) faults applied")
            return resumes
        }
    }
}
