import GatewayProtocol
import Testing

@testable import GatewaySandbox

/// The rules of `gateway.md` §22 without sockets, in virtual time.
@Suite("Sandbox rules")
struct LogicTests {
    static let second: UInt64 = 1_000_000_000

    /// A gateway and one connection to it.
    final class Bench {
        var state: GatewayState
        var logic: ConnectionLogic
        var now: UInt64 = 1000 * LogicTests.second

        init(_ change: (inout SandboxConfiguration) -> Void = { _ in }) {
            var configuration = SandboxConfiguration()
            change(&configuration)
            state = GatewayState(configuration, now: now)
            logic = ConnectionLogic(configuration: configuration, now: now)
        }

        /// Goes its own way from here.
        func copy() -> Bench {
            let copy = Bench()
            copy.state = state
            copy.logic = logic
            copy.now = now
            return copy
        }

        func reconnect() { logic = ConnectionLogic(configuration: state.configuration, now: now) }

        func send(_ text: String, isText: Bool = true) -> Outcome {
            Outcome(logic.receive(Array(text.utf8), isText: isText, at: now, state: &state))
        }

        func identify(
            token: String = "sandbox-token", intents: String = "1", shard: String = "[0,1]", extra: String = "",
            properties: String = "{\"os\":\"a\",\"browser\":\"b\",\"device\":\"c\"}"
        ) -> Outcome {
            send(
                """
                {"op":2,"d":{"token":"\(token)","intents":\(intents),"shard":\(shard),"properties":\(properties)\
                \(extra)}}
                """
            )
        }

        func resume(_ session: String, seq: String, token: String = "sandbox-token") -> Outcome {
            send("{\"op\":6,\"d\":{\"token\":\"\(token)\",\"session_id\":\"\(session)\",\"seq\":\(seq)}}")
        }

        /// Drops the connection and waits.
        func lose(after nanoseconds: UInt64 = 0) {
            if let id = logic.session {
                state.sessions[id]?.connection = nil
                state.sessions[id]?.detachedAt = now
            }
            now += nanoseconds
            reconnect()
        }

        /// The session's dispatches from a sequence on.
        func events(_ session: String?, from: UInt64 = 1) -> [JSON] {
            guard let session = session.flatMap({ state.sessions[$0] }), from <= session.sequence else { return [] }
            return (from...session.sequence).compactMap { sequence in
                var text: [UInt8] = []
                session.replay[sequence]?.render(sequence: sequence, catalogue: state.catalogue, into: &text)
                return try? JSON(parsing: text)
            }
        }
    }

    /// The answer, without the notes for the journal.
    struct Outcome {
        var closeCode: UInt16?
        var invalidSession: Bool?
        var acknowledged = false
        var attached: String?
        var from: UInt64?
        var revoked = false
        var forgotten: String?

        init(_ actions: [ServerAction]) {
            for action in actions {
                switch action {
                case .acknowledge: acknowledged = true
                case .invalidSession(let resumable, _): invalidSession = resumable
                case .close(let refusal): closeCode = refusal.code.rawValue
                case .attach(let session, let from):
                    attached = session
                    self.from = from
                case .revokeEverything: revoked = true
                case .forget(let session): forgotten = session
                case .pump, .note: break
                }
            }
        }
    }

    @Test("a heartbeat is acknowledged, before and after IDENTIFY")
    func heartbeat() {
        let bench = Bench()
        #expect(bench.send("{\"op\":1,\"d\":null}").acknowledged)
        _ = bench.identify()
        bench.now += 5
        #expect(bench.send("{\"op\":1,\"d\":251}").acknowledged)
        #expect(bench.logic.lastHeartbeat == bench.now)
        #expect(bench.send("{\"op\":1,\"d\":\"251\"}").closeCode == 4001)
    }

    @Test("IDENTIFY opens a session: READY is 1, then a GUILD_CREATE for each guild")
    func identify() {
        let bench = Bench { $0.guilds = 5 }
        let outcome = bench.identify(shard: "[1,2]")
        #expect(outcome.from == 1)
        let events = bench.events(outcome.attached)
        #expect(events.map { $0["s"] } == (1...UInt64(events.count)).map { JSON($0) })
        #expect(events[0]["t"] == "READY")
        #expect(events[0]["d"]?["session_id"]?.string == outcome.attached)
        #expect(events[0]["d"]?["shard"] == [1, 2])
        #expect(events[0]["d"]?["user"]?["bot"] == true)
        let announced = events[0]["d"]?["guilds"]?.array?.compactMap { $0["id"]?.string } ?? []
        #expect((2...3).contains(announced.count))
        for id in announced { #expect((UInt64(id) ?? 0) >> 22 % 2 == 1) }
        #expect(events.dropFirst().map { $0["t"] } == announced.map { _ in "GUILD_CREATE" })
        #expect(events.dropFirst().map { $0["d"]?["id"]?.string } == announced)
    }

    @Test("without the GUILDS intent there is no GUILD_CREATE")
    func noGuildsIntent() {
        let bench = Bench()
        let outcome = bench.identify(intents: "512")
        #expect(bench.events(outcome.attached).count == 1)
    }

    static let refusals: [(String, @Sendable (Bench) -> Outcome, UInt16)] = [
        ("wrong token", { $0.identify(token: "Bot sandbox-token") }, 4004),
        ("no object", { $0.send("{\"op\":2,\"d\":[]}") }, 4001),
        ("properties missing", { $0.identify(properties: "{}") }, 4001),
        ("large_threshold too small", { $0.identify(extra: ",\"large_threshold\":49") }, 4001),
        ("large_threshold too large", { $0.identify(extra: ",\"large_threshold\":251") }, 4001),
        ("compress of the wrong type", { $0.identify(extra: ",\"compress\":1") }, 4001),
        ("presence without its keys", { $0.identify(extra: ",\"presence\":{\"status\":\"online\"}") }, 4001),
        ("shard outside", { $0.identify(shard: "[1,1]") }, 4010),
        ("shard negative", { $0.identify(shard: "[-1,1]") }, 4010),
        ("shard of none", { $0.identify(shard: "[0,0]") }, 4010),
        ("shard no pair", { $0.identify(shard: "[0]") }, 4010),
        ("unknown intent", { $0.identify(intents: "131072") }, 4013),
        ("intents with a fraction", { $0.identify(intents: "1.5") }, 4013),
        ("intents negative", { $0.identify(intents: "-1") }, 4013),
        ("command too early", { $0.send("{\"op\":8,\"d\":{}}") }, 4003),
        ("unknown opcode", { $0.send("{\"op\":5,\"d\":{}}") }, 4001),
        ("server's opcode", { $0.send("{\"op\":10,\"d\":{}}") }, 4001),
        ("no opcode", { $0.send("{\"d\":{}}") }, 4001),
        ("no JSON", { $0.send("{\"op\":1,") }, 4002),
        ("no object at all", { $0.send("[1]") }, 4002),
        ("binary", { $0.send("{\"op\":1,\"d\":null}", isText: false) }, 4002),
        ("4097 bytes", { $0.send("{\"op\":1,\"d\":null}" + String(repeating: " ", count: 4080)) }, 4002),
    ]

    @Test("what a client gets wrong closes with the documented code", arguments: refusals.indices)
    func refusal(_ index: Int) {
        let (name, act, code) = Self.refusals[index]
        let bench = Bench()
        #expect(act(bench).closeCode == code, "\(name)")
        #expect(bench.state.sessions.isEmpty)
    }

    @Test("4096 bytes are allowed")
    func largestPayload() {
        let bench = Bench()
        #expect(bench.send("{\"op\":1,\"d\":null}" + String(repeating: " ", count: 4079)).acknowledged)
    }

    @Test("a privileged intent that was not granted closes with 4014")
    func privileged() {
        let bench = Bench { $0.grantedPrivilegedIntents = [.guildMembers] }
        #expect(bench.identify(intents: "256").closeCode == 4014)
        bench.reconnect()
        #expect(bench.identify(intents: "2").attached != nil)
    }

    @Test("more than 2500 guilds on a shard close with 4011")
    func shardingRequired() {
        let bench = Bench { $0.guilds = 2501 }
        #expect(bench.identify().closeCode == 4011)
        bench.reconnect()
        #expect(bench.identify(shard: "[0,2]").attached != nil)
    }

    @Test("a second IDENTIFY, or RESUME after IDENTIFY, closes with 4005")
    func twice() {
        let bench = Bench()
        let session = bench.identify().attached ?? ""
        #expect(bench.identify().closeCode == 4005)
        #expect(bench.resume(session, seq: "1").closeCode == 4005)
    }

    @Test("the query decides: bad v 4012, unknown encoding and compression 4002")
    func query() {
        func code(_ version: String?, _ encoding: String? = "json", _ compress: String? = nil, zstd: Bool = true)
            -> UInt16?
        {
            ConnectionLogic.refusal(version: version, encoding: encoding, compress: compress, hasZstd: zstd)?.code
                .rawValue
        }
        #expect(code("10") == nil)
        #expect(code("10", "json", "zlib-stream") == nil)
        #expect(code("10", "json", "zstd-stream") == nil)
        #expect(code("10", "json", "zstd-stream", zstd: false) == 4002)
        #expect(code("6") == 4012)
        #expect(code(nil) == 4012)
        #expect(code("10", "etf") == 4002)
        #expect(code("10", "json", "gzip") == 4002)
    }

    @Test("the 121st frame within 60 s closes with 4008; a slower client never meets the limit")
    func rateLimit() {
        let bench = Bench()
        for _ in 0..<120 {
            #expect(bench.send("{\"op\":1,\"d\":null}").closeCode == nil)
            bench.now += Self.second / 4
        }
        #expect(bench.send("{\"op\":1,\"d\":null}").closeCode == 4008)
        // The window slides: the first frame leaves it 60 s after it came.
        bench.now += 30 * Self.second
        #expect(bench.send("{\"op\":1,\"d\":null}").closeCode == nil)
        #expect(bench.send("{\"op\":1,\"d\":null}").closeCode == 4008)
    }

    @Test("one identify per key and 5 s; the later one gets op 9 false and may try again on the same connection")
    func identifyGate() {
        let bench = Bench { $0.maxConcurrency = 2 }
        #expect(bench.identify(shard: "[0,4]").attached != nil)
        bench.reconnect()
        bench.now += 5 * Self.second - 1
        #expect(bench.identify(shard: "[1,4]").attached != nil)
        bench.reconnect()
        #expect(bench.identify(shard: "[2,4]").invalidSession == false)
        bench.now += 1
        #expect(bench.identify(shard: "[2,4]").attached != nil)
        #expect(bench.state.startLimit.remaining == 997)
    }

    @Test("when no identifies are left, the token is reset")
    func startLimit() {
        let bench = Bench {
            $0.sessionStartRemaining = 1
            $0.identifyWindow = .zero
        }
        let first = bench.identify().attached ?? ""
        #expect(!bench.state.isTokenRevoked)
        bench.reconnect()
        let outcome = bench.identify()
        #expect(outcome.closeCode == 4004)
        #expect(outcome.revoked)
        bench.reconnect()
        #expect(bench.identify().closeCode == 4004)
        bench.reconnect()
        #expect(bench.resume(first, seq: "1").invalidSession == false)
    }

    @Test("the identifies come back after their period")
    func startLimitPeriod() {
        var limit = SessionStartLimit(total: 10, remaining: 1, period: 100, now: 0)
        let taken = [50, 99, 100].map { limit.take(at: $0) }
        #expect(taken == [true, false, true])
        #expect(limit.remaining == 9)
        var slow = SessionStartLimit(total: 10, remaining: 10, period: 60 * Self.second, now: 0)
        let untouched = slow.resetAfter(at: 0)
        #expect(untouched == 0)
        _ = slow.take(at: 0)
        let left = slow.resetAfter(at: Self.second)
        #expect(left == 59_000)
    }
}
