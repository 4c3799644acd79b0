import Foundation
import GatewaySandbox
import GatewayTransport
import Synchronization
import Testing

@testable import SwiftGateway

extension Integration {
    /// Other shards take the place of those that run: against a sandbox that sends each event to every session of its guild.
    @Suite("Resharding")
    struct ReshardTests {
        /// The number that `Stream` writes into an event, by the order of delivery, for each guild.
        final class Delivered: Sendable {
            private let numbers = Lock<[UInt64: [Int]]>([:])

            func take(_ event: EventView) {
                guard event.type == .messageCreate, let guild = JSONField.uint64(event.data, "/guild_id"),
                    let number = JSONField.uint64(event.data, "/number")
                else { return }
                numbers.withLock { $0[guild, default: []].append(Int(number)) }
            }

            func numbers(of guild: UInt64) -> [Int] { numbers.withLock { $0[guild] ?? [] } }
            var all: [UInt64: [Int]] { numbers.withLock { $0 } }
        }

        /// Sends numbered events to every guild until it is told to stop.
        final class Stream: Sendable {
            private let stopped = Atomic<Bool>(false)
            private let sandbox: Sandbox

            init(_ sandbox: Sandbox) { self.sandbox = sandbox }

            /// Returns how many each guild got.
            func run() async -> Int {
                var number = 0
                while !stopped.load(ordering: .relaxed) {
                    number += 1
                    for guild in sandbox.guilds { await Stream.send(number, to: guild, sandbox) }
                }
                return number
            }

            func stop() { stopped.store(true, ordering: .relaxed) }

            static func send(_ number: Int, to guild: UInt64, _ sandbox: Sandbox) async {
                await sandbox.broadcast(
                    guild: guild, name: "MESSAGE_CREATE",
                    json: #"{"guild_id":"\#(guild)","number":\#(number),"content":"x"}"#)
            }
        }

        private static func withRig(
            sandbox configureSandbox: (inout SandboxConfiguration) -> Void = { _ in },
            client configureClient: (inout Configuration) throws -> Void = { _ in },
            _ body: (Rig, Delivered) async throws -> Void
        ) async throws {
            let delivered = Delivered()
            let recorder = Recorder(keeps: { $0.type != .messageCreate })
            try await IntegrationTests.withRig(
                sandbox: {
                    $0.guilds = 8
                    $0.maxConcurrency = 16
                    configureSandbox(&$0)
                },
                client: {
                    try $0.setShards(.range(first: 0, count: 2, total: 2))
                    try $0.setMaxConcurrency(16)
                    try $0.setReshardWindow(milliseconds: 150)
                    $0.eventHandler = { event in
                        delivered.take(event)
                        recorder.take(event)
                    }
                    try configureClient(&$0)
                }, isStrict: false
            ) { rig in
                let rig = Rig(sandbox: rig.sandbox, cluster: rig.cluster, recorder: recorder)
                try await rig.until("both") {
                    $0.isActive(0) && $0.isActive(1) && $0.dispatches("GUILD_CREATE").count == 8
                }
                try await body(rig, delivered)
            }
        }

        /// From two shards to three: the old ones have left, and a handler that is still at work on their events keeps the
        /// new ones from taking over until `gate` is opened.
        private static func withWaitingSwitch(
            _ body: (Rig, Delivered, Gate, Succession) async throws -> Void
        ) async throws {
            let gate = Gate()
            try await withRig(client: {
                let handler = $0.eventHandler
                $0.eventHandler = { event in
                    if event.type == .messageCreate { gate.pass() }
                    handler?(event)
                }
            }) { rig, delivered in
                for guild in rig.sandbox.guilds { await Stream.send(1, to: guild, rig.sandbox) }
                try await gate.waitForSomeone()
                try rig.cluster.reshard(to: .range(first: 0, count: 3, total: 3))
                let succession = try #require(rig.cluster.currentEngine?.succession)
                try await eventually("the switch", timeout: .seconds(30)) { succession.hasSwitched }
                try await body(rig, delivered, gate, succession)
            }
        }

        private static func expectAll(_ count: Int, _ rig: Rig, _ delivered: Delivered) async throws {
            for guild in rig.sandbox.guilds {
                do {
                    try await eventually("everything of guild \(guild)") { delivered.numbers(of: guild).last == count }
                } catch {
                    // What there is says more.
                    #expect(delivered.numbers(of: guild) == Array(1...count), "guild \(guild)")
                    throw error
                }
                #expect(delivered.numbers(of: guild) == Array(1...count), "guild \(guild)")
            }
        }

        static let ways: [(DeliveryMode, UInt32)] = [(.queued, 1), (.queued, 2), (.inline, 1), (.inline, 2)]

        @Test("under load: every event once, in the order of its guild", arguments: ways)
        func underLoad(mode: DeliveryMode, threads: UInt32) async throws {
            try await Self.withRig(client: {
                try $0.setDelivery(mode, queueBytes: 0)
                try $0.setIOThreads(threads)
            }) { rig, delivered in
                let stream = Stream(rig.sandbox)
                async let sent = stream.run()
                try rig.cluster.reshard(to: .range(first: 0, count: 3, total: 3))
                #expect(rig.cluster.isResharding)
                try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                #expect(!rig.cluster.isResharding)
                stream.stop()
                try await Self.expectAll(await sent, rig, delivered)
                let record = rig.record
                // The new sessions' beginnings are not told.
                #expect(record.dispatches("READY").count == 2)
                #expect(record.dispatches("GUILD_CREATE").count == 8)
                #expect(record.states(0).suffix(2) == [.stopped, .active])
                #expect(record.states(1).suffix(2) == [.stopped, .active])
                #expect(record.states(2) == [.active])
                #expect(record.errors.isEmpty)
                #expect(try rig.cluster.shardIDs() == [0, 1, 2])
                #expect(try rig.cluster.info(shard: 2).total == 3)
                #expect(await rig.journal.identifies.count == 5)
                try await rig.untilServer("the end of the old sessions") { $0.clientCloseCodes == [1000, 1000] }
                // And all goes on as ever.
                await rig.sandbox.inject(.drop(), shard: 2)
                try await rig.until("a resume") { $0.trace(2).resumes == 1 }
            }
        }

        @Test("to fewer shards, as many as the API recommends")
        func recommended() async throws {
            try await Self.withRig(sandbox: { $0.recommendedShards = 1 }) { rig, delivered in
                let stream = Stream(rig.sandbox)
                async let sent = stream.run()
                try rig.cluster.reshard(to: .auto)
                try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                stream.stop()
                try await Self.expectAll(await sent, rig, delivered)
                #expect(try rig.cluster.shardIDs() == [0])
                #expect(rig.record.states(1).last == .stopped)
            }
        }

        @Test("an old shard that is away is waited for, and what it missed comes once", arguments: [true, false])
        func away(isOld: Bool) async throws {
            try await Self.withRig { rig, delivered in
                let stream = Stream(rig.sandbox)
                async let sent = stream.run()
                try rig.cluster.reshard(to: .range(first: 0, count: 3, total: 3))
                try await rig.untilServer("the new ones") { $0.identifies.count == 5 }
                // The newest session of a shard id is the new one's: shard 2 is new, and a drop of 1 hits both.
                for _ in 0..<4 { await rig.sandbox.inject(.drop(), shard: isOld ? 1 : 2) }
                try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                stream.stop()
                try await Self.expectAll(await sent, rig, delivered)
                #expect(await rig.journal.identifies.count == 5)
                #expect(await rig.journal.resumes.count >= 1)
            }
        }

        @Test("a slow consumer gets the old shards' events first, and all of them once", arguments: [1, 2] as [UInt32])
        func slow(threads: UInt32) async throws {
            let gate = Gate()
            let delivered = Delivered()
            try await Self.withRig(client: {
                try $0.setIOThreads(threads)
                try $0.setDelivery(.queued, queueBytes: 64 * 1024)
                let handler = $0.eventHandler
                $0.eventHandler = { event in
                    if event.type == .messageCreate { gate.pass() }
                    delivered.take(event)
                    handler?(event)
                }
            }) { rig, _ in
                for number in 1...20 {
                    for guild in rig.sandbox.guilds { await Stream.send(number, to: guild, rig.sandbox) }
                }
                try await gate.waitForSomeone()
                try rig.cluster.reshard(to: .range(first: 0, count: 3, total: 3))
                // The switch has begun when the old shards have left: their last event is their state.
                try await rig.untilServer("the new ones") { $0.identifies.count == 5 }
                for number in 21...400 {
                    for guild in rig.sandbox.guilds { await Stream.send(number, to: guild, rig.sandbox) }
                }
                #expect(throws: GatewayError.self) { try rig.cluster.waitReshard(timeout: Rig.second) }
                #expect(try rig.cluster.shardIDs() == [0, 1])
                gate.open()
                try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                try await Self.expectAll(400, rig, delivered)
            }
        }

        @Test("a new shard that is fatal leaves the old ones as they are")
        func fatal() async throws {
            try await Self.withRig { rig, delivered in
                await rig.sandbox.inject(.close(code: 4011), at: .identify, times: 3)
                try rig.cluster.reshard(to: .range(first: 0, count: 3, total: 3))
                let error = await #expect(throws: GatewayError.self) {
                    try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                }
                #expect(error?.status == .gatewayClosed)
                try await rig.until("the error") { $0.errors.contains { $0.status == .gatewayClosed } }
                for guild in rig.sandbox.guilds { await Stream.send(1, to: guild, rig.sandbox) }
                try await Self.expectAll(1, rig, delivered)
                #expect(rig.record.isActive(0) && rig.record.isActive(1))
                // Nothing has failed but the resharding.
                try rig.cluster.waitReady(timeout: 0)
                await rig.sandbox.clearFaults()
                try rig.cluster.reshard(to: .range(first: 0, count: 3, total: 3))
                try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
            }
        }

        @Test("cancelled: the new shards end, the old ones go on")
        func cancelled() async throws {
            try await Self.withRig(client: { try $0.setReshardWindow(milliseconds: 60_000) }) { rig, delivered in
                #expect(throws: GatewayError.self) { try rig.cluster.cancelReshard() }
                try rig.cluster.reshard(to: .range(first: 0, count: 3, total: 3))
                let again = #expect(throws: GatewayError.self) { try rig.cluster.reshard(to: .auto) }
                #expect(again?.status == .invalidState)
                #expect(throws: GatewayError.self) { try rig.cluster.removeShard(0, resumable: true) }
                try await rig.untilServer("the new ones") { $0.identifies.count == 5 }
                try rig.cluster.cancelReshard()
                let error = await #expect(throws: GatewayError.self) {
                    try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                }
                #expect(error?.status == .cancelled)
                try await rig.untilServer("three ends") { $0.clientCloseCodes == [1000, 1000, 1000] }
                for guild in rig.sandbox.guilds { await Stream.send(1, to: guild, rig.sandbox) }
                try await Self.expectAll(1, rig, delivered)
                #expect(rig.record.errors.isEmpty)
            }
        }

        @Test("a shutdown in the middle ends both; the old sessions are those that are kept")
        func shutdown() async throws {
            try await Self.withRig(client: { try $0.setReshardWindow(milliseconds: 60_000) }) { rig, delivered in
                try rig.cluster.reshard(to: .range(first: 0, count: 3, total: 3))
                try await rig.untilServer("the new ones") { $0.identifies.count == 5 }
                try await rig.shutdown(resumable: true)
                let codes = await rig.journal.clientCloseCodes.compactMap(\.self)
                #expect(codes.sorted() == [1000, 1000, 1000, 4000, 4000])
                for guild in rig.sandbox.guilds { await Stream.send(1, to: guild, rig.sandbox) }
                try rig.cluster.start()
                try await rig.until("both again") { $0.trace(0).resumes == 1 && $0.trace(1).resumes == 1 }
                try await Self.expectAll(1, rig, delivered)
                #expect(await rig.journal.identifies.count == 5)
            }
        }

        @Test("a shutdown while the switch waits for a slow handler ends both, and the old sessions miss nothing")
        func shutdownInTheSwitch() async throws {
            try await Self.withWaitingSwitch { rig, delivered, gate, _ in
                for guild in rig.sandbox.guilds { await Stream.send(2, to: guild, rig.sandbox) }
                async let ended: Void = rig.shutdown(resumable: true, seconds: 30)
                try await rig.untilServer("five ends") { $0.clientCloseCodes.count == 5 }
                let codes = await rig.journal.clientCloseCodes.compactMap(\.self)
                #expect(codes.sorted() == [1000, 1000, 1000, 4000, 4000])
                gate.open()
                try await ended
                try rig.cluster.start()
                try await Self.expectAll(2, rig, delivered)
                #expect(await rig.journal.identifies.count == 5)
            }
        }

        @Test("a new shard that is fatal while the switch waits fails the cluster, once the new ones have taken over")
        func fatalInTheSwitch() async throws {
            try await Self.withWaitingSwitch { rig, delivered, gate, succession in
                let last = try #require(succession.incoming.first { $0.cell.id == 2 })
                await rig.sandbox.inject(.close(code: 4011), shard: 2)
                try await eventually("its end") { last.cell.hasEnded.load(ordering: .acquiring) }
                gate.open()
                try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                let error = await #expect(throws: GatewayError.self) {
                    try await Rig.blocking { try rig.cluster.wait(timeout: 60 * Rig.second) }
                }
                #expect(error?.status == .gatewayClosed)
                #expect(rig.record.errors.contains { $0.status == .gatewayClosed })
                // The others are what they were.
                #expect(rig.cluster.infos().map(\.state) == [.active, .active, .fatal])
                #expect(rig.sandbox.guilds.allSatisfy { delivered.numbers(of: $0) == [1] })
            }
        }

        @Test("the session file holds the new sessions after the switch, and the next run resumes them")
        func sessions() async throws {
            try await TemporaryFile.with { file in
                try await Self.withRig(client: { try $0.setSessionFile(file.path) }) { rig, delivered in
                    try rig.cluster.reshard(to: .range(first: 0, count: 4, total: 4))
                    try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                    for guild in rig.sandbox.guilds { await Stream.send(1, to: guild, rig.sandbox) }
                    try await Self.expectAll(1, rig, delivered)
                    try await rig.shutdown(resumable: true)
                    for guild in rig.sandbox.guilds { await Stream.send(2, to: guild, rig.sandbox) }
                    // The same cluster knows its new number, another process has to be told.
                    var configuration = try Rig.configuration(for: rig.sandbox)
                    try configuration.setShards(.range(first: 0, count: 4, total: 4))
                    try configuration.setSessionFile(file.path)
                    configuration.eventHandler = { delivered.take($0) }
                    let next = try Cluster(configuration)
                    try next.start()
                    try await Rig.blocking { try next.waitReady(timeout: 30 * Rig.second) }
                    try await Self.expectAll(2, rig, delivered)
                    try await Rig.blocking { try next.shutdown(resumable: true, timeout: 10 * Rig.second) }
                    for guild in rig.sandbox.guilds { await Stream.send(3, to: guild, rig.sandbox) }
                    #expect(await rig.journal.identifies.count == 6)
                    #expect(await rig.journal.resumes.count == 4)
                }
            }
        }

        @Test("all shards of the token identify at one pace")
        func pace() async throws {
            try await Self.withRig(
                sandbox: { $0.maxConcurrency = 1 },
                client: {
                    try $0.setMaxConcurrency(1)
                    $0.setIdentifyInterval(milliseconds: 100)
                }
            ) { rig, _ in
                try rig.cluster.reshard(to: .range(first: 0, count: 4, total: 4))
                try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                let times = await rig.journal.entries.filter { if case .identify = $0.event { true } else { false } }
                    .map(\.time)
                #expect(times.count == 6)
                for (one, next) in zip(times, times.dropFirst()) { #expect(next - one >= .milliseconds(90)) }
            }
        }

        @Test("too few identifies are left: refused before any is spent")
        func budget() async throws {
            try await Self.withRig(sandbox: { $0.recommendedShards = 2 }, client: { try $0.setShards(.auto) }) {
                rig, _ in
                await rig.sandbox.setIdentifiesRemaining(2)
                try rig.cluster.reshard(to: .range(first: 0, count: 999, total: 999))
                let error = await #expect(throws: GatewayError.self) {
                    try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                }
                #expect(error?.status == .sessionLimit)
                #expect(await rig.journal.identifies.count == 2)
            }
        }

        @Test("commands that wait go to the shard of their guild, a new presence to all")
        func commands() async throws {
            try await Self.withRig(client: { try $0.setReshardWindow(milliseconds: 400) }) { rig, _ in
                try rig.cluster.reshard(to: .range(first: 0, count: 3, total: 3))
                try await rig.untilServer("the new ones") { $0.identifies.count == 5 }
                try rig.cluster.updatePresence(json: Array(#"{"status":"dnd"}"#.utf8))
                try await rig.untilServer("five presences") {
                    $0.count { if case .command(opcode: 3, _) = $0 { true } else { false } } == 5
                }
                // No old shard can send it: the limit of this one is used up.
                let guild = rig.sandbox.guilds[0]
                let old = try rig.cluster.shard(ofGuild: guild)
                for _ in 0..<130 {
                    try rig.cluster.send(.soundboardSounds(guilds: [guild]), shard: old)
                }
                try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                try await rig.untilServer("all requests") {
                    $0.count { if case .command(opcode: 31, _) = $0 { true } else { false } } == 130
                }
                #expect(rig.record.closes.allSatisfy { $0.code != 4008 })
            }
        }

        @Test("what can never be is refused, and what waits for handlers is not allowed in one")
        func refused() async throws {
            let inHandler = Lock<GatewayError?>(nil)
            let cluster = Lock<Cluster?>(nil)
            try await Self.withRig(client: {
                let handler = $0.eventHandler
                $0.eventHandler = { event in
                    if event.type == .typingStart, let one = cluster.withLock({ $0 }) {
                        do throws(GatewayError) { try one.waitReshard(timeout: 0) } catch {
                            inHandler.withLock { $0 = error }
                        }
                    }
                    handler?(event)
                }
            }) { rig, _ in
                let none = #expect(throws: GatewayError.self) { try rig.cluster.waitReshard(timeout: 0) }
                #expect(none?.status == .invalidState)
                let bad = #expect(throws: GatewayError.self) {
                    try rig.cluster.reshard(to: .range(first: 3, count: 1, total: 3))
                }
                #expect(bad?.status == .invalidArgument)
                try rig.cluster.reshard(to: .range(first: 0, count: 1, total: 2))
                let same = await #expect(throws: GatewayError.self) {
                    try await Rig.blocking { try rig.cluster.waitReshard(timeout: 60 * Rig.second) }
                }
                #expect(same?.status == .invalidArgument)
                cluster.withLock { $0 = rig.cluster }
                await rig.sandbox.broadcast(guild: rig.sandbox.guilds[0], name: "TYPING_START", json: "{}")
                try await eventually("the handler's answer") { inHandler.withLock { $0 }?.status == .wouldDeadlock }
                cluster.withLock { $0 = nil }
            }
            let idle = try Cluster(Configuration(token: "t", intents: []))
            #expect(throws: GatewayError.self) { try idle.reshard(to: .auto) }
            #expect(throws: GatewayError.self) { try idle.cancelReshard() }
        }
    }
}
