import GatewayProtocol
import Testing

@testable import GatewaySandbox

/// Opcodes 3, 4, 8, 31 and 43 (`gateway.md` §13), in virtual time.
@Suite("Sandbox commands")
struct CommandTests {
    typealias Bench = LogicTests.Bench

    /// A bench with a session, and the id of a guild it is in.
    static func identified(
        intents: Intents = .all, _ change: (inout SandboxConfiguration) -> Void = { _ in }
    ) throws -> (bench: Bench, session: String, guild: UInt64) {
        let bench = Bench(change)
        let session = try #require(bench.identify(intents: "\(intents.rawValue)").attached)
        let guild = try #require(bench.state.sessions[session]?.guilds.first)
        return (bench, session, guild)
    }

    /// Sends a command; what it adds to the session.
    static func answers(_ bench: Bench, _ session: String, _ opcode: Int, _ body: String) -> [JSON] {
        let before = bench.state.sessions[session]?.sequence ?? 0
        let outcome = bench.send("{\"op\":\(opcode),\"d\":\(body)}")
        #expect(outcome.closeCode == nil)
        return bench.events(session, from: before + 1)
    }

    @Test("op 8 for everyone: chunks of 1000 with the nonce in each")
    func everyone() throws {
        let (bench, session, guild) = try Self.identified { $0.membersPerGuild = 2001 }
        let body = "{\"guild_id\":\"\(guild)\",\"query\":\"\",\"limit\":0,\"nonce\":\"n\"}"
        let chunks = Self.answers(bench, session, 8, body)
        #expect(chunks.map { $0["t"] } == Array(repeating: "GUILD_MEMBERS_CHUNK", count: 3))
        #expect(chunks.map { $0["d"]?["members"]?.array?.count } == [1000, 1000, 1])
        #expect(chunks.map { $0["d"]?["chunk_index"] } == [0, 1, 2])
        #expect(chunks.allSatisfy { $0["d"]?["chunk_count"] == 3 && $0["d"]?["nonce"] == "n" })
        #expect(chunks.allSatisfy { $0["d"]?["presences"] == nil })
    }

    @Test("the whole list twice in 30 s is RATE_LIMITED; prefixes and ids are not")
    func wholeListLimit() throws {
        let (bench, session, guild) = try Self.identified()
        let everyone = "{\"guild_id\":\"\(guild)\",\"query\":\"\",\"limit\":0,\"nonce\":\"n\"}"
        #expect(Self.answers(bench, session, 8, everyone).first?["t"] == "GUILD_MEMBERS_CHUNK")
        bench.now += 10 * LogicTests.second
        let limited = Self.answers(bench, session, 8, everyone)
        #expect(limited.map { $0["t"] } == ["RATE_LIMITED"])
        #expect(limited.first?["d"]?["opcode"] == 8)
        #expect(limited.first?["d"]?["retry_after"]?.number == 20)
        #expect(limited.first?["d"]?["meta"] == ["guild_id": .string(String(guild)), "nonce": "n"])
        let prefix = "{\"guild_id\":\"\(guild)\",\"query\":\"member1\",\"limit\":5}"
        let found = Self.answers(bench, session, 8, prefix)
        #expect(found.first?["d"]?["members"]?.array?.count == 5)
        bench.now += 20 * LogicTests.second
        #expect(Self.answers(bench, session, 8, everyone).first?["t"] == "GUILD_MEMBERS_CHUNK")
    }

    @Test("the whole list needs GUILD_MEMBERS; a prefix finds at most 100")
    func membersIntent() throws {
        let (bench, session, guild) = try Self.identified(intents: .unprivileged) { $0.membersPerGuild = 300 }
        #expect(Self.answers(bench, session, 8, "{\"guild_id\":\"\(guild)\",\"query\":\"\",\"limit\":0}").isEmpty)
        let many = Self.answers(bench, session, 8, "{\"guild_id\":\"\(guild)\",\"query\":\"m\",\"limit\":0}")
        #expect(many.first?["d"]?["members"]?.array?.count == 100)
    }

    @Test("op 8 by ids: found, not found, short numbers as numbers, long nonce ignored")
    func byID() throws {
        let (bench, session, guild) = try Self.identified()
        let known = MemberDirectory.userID(3)
        let nonce = String(repeating: "n", count: 33)
        let chunks = Self.answers(
            bench, session, 8,
            """
            {"guild_id":"\(guild)","user_ids":["\(known)","1487321648074834160","42"],"presences":true,\
            "nonce":"\(nonce)"}
            """
        )
        #expect(chunks.count == 1)
        let body = chunks.first?["d"]
        #expect(body?["members"]?.array?.map { $0["user"]?["id"] } == [.string(String(known))])
        #expect(body?["not_found"] == ["1487321648074834160", 42])
        #expect(body?["presences"]?.array?.count == 1)
        #expect(body?["nonce"] == nil)
    }

    @Test("nobody matches: one empty chunk")
    func nobody() throws {
        let (bench, session, guild) = try Self.identified()
        let chunks = Self.answers(bench, session, 8, "{\"guild_id\":\"\(guild)\",\"query\":\"zzz\",\"limit\":1}")
        #expect(chunks.map { $0["d"]?["members"] } == [[]])
        #expect(chunks.first?["d"]?["chunk_count"] == 1)
    }

    @Test("an id that is no number ends the session")
    func poison() throws {
        let (bench, session, guild) = try Self.identified()
        let outcome = bench.send("{\"op\":8,\"d\":{\"guild_id\":\"\(guild)\",\"user_ids\":[\"abc\"]}}")
        #expect(outcome.invalidSession == false)
        #expect(outcome.forgotten == session)
    }

    @Test("op 4: joining answers with both voice events, leaving with one, without the intent neither state")
    func voice() throws {
        let (bench, session, guild) = try Self.identified()
        let join = "{\"guild_id\":\"\(guild)\",\"channel_id\":\"5\",\"self_mute\":true,\"self_deaf\":false}"
        let joined = Self.answers(bench, session, 4, join)
        #expect(joined.map { $0["t"] } == ["VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE"])
        #expect(joined.first?["d"]?["channel_id"] == "5")
        #expect(joined.first?["d"]?["self_mute"] == true)
        let leave = "{\"guild_id\":\"\(guild)\",\"channel_id\":null,\"self_mute\":false,\"self_deaf\":false}"
        #expect(Self.answers(bench, session, 4, leave).map { $0["t"] } == ["VOICE_STATE_UPDATE"])
        let (other, otherSession, otherGuild) = try Self.identified(intents: .guilds)
        let quiet = "{\"guild_id\":\"\(otherGuild)\",\"channel_id\":\"5\",\"self_mute\":true,\"self_deaf\":false}"
        #expect(Self.answers(other, otherSession, 4, quiet).map { $0["t"] } == ["VOICE_SERVER_UPDATE"])
    }

    @Test("op 3 is echoed where GUILD_PRESENCES was asked for")
    func presence() throws {
        let body =
            "{\"since\":null,\"activities\":[{\"name\":\"x\",\"type\":0}],\"status\":\"invisible\",\"afk\":false}"
        let (bench, session, _) = try Self.identified()
        let echo = Self.answers(bench, session, 3, body)
        #expect(echo.map { $0["t"] } == ["PRESENCE_UPDATE"])
        #expect(echo.first?["d"]?["status"] == "offline")
        #expect(echo.first?["d"]?["activities"]?.array?.first?["name"] == "x")
        let (other, otherSession, _) = try Self.identified(intents: .unprivileged)
        #expect(Self.answers(other, otherSession, 3, body).isEmpty)
    }

    @Test("op 31 and op 43")
    func soundboardAndChannels() throws {
        let (bench, session, guild) = try Self.identified()
        let sounds = Self.answers(bench, session, 31, "{\"guild_ids\":[\"\(guild)\",\"1\"]}")
        #expect(sounds.map { $0["t"] } == ["SOUNDBOARD_SOUNDS"])
        #expect(sounds.first?["d"]?["guild_id"] == .string(String(guild)))
        let info = Self.answers(bench, session, 43, "{\"guild_id\":\"\(guild)\",\"fields\":[\"status\"]}")
        #expect(info.map { $0["t"] } == ["CHANNEL_INFO"])
        let channel = info.first?["d"]?["channels"]?.array?.first
        #expect(channel?["status"] != nil)
        #expect(channel?["voice_start_time"] == nil)
    }

    static let wrongBodies = [
        (3, "{\"status\":\"online\"}"), (3, "{\"since\":null,\"activities\":[],\"status\":\"busy\",\"afk\":false}"),
        (4, "{\"guild_id\":\"1\",\"channel_id\":null}"),
        (4, "{\"guild_id\":\"x\",\"self_mute\":true,\"self_deaf\":true}"),
        (8, "{\"guild_id\":\"1\"}"), (8, "{\"guild_id\":\"1\",\"query\":\"\"}"),
        (8, "{\"guild_id\":\"1\",\"query\":\"\",\"limit\":0,\"user_ids\":[\"1\"]}"), (31, "{\"guild_ids\":\"1\"}"),
        (43, "{\"guild_id\":\"1\"}"), (8, "[]"),
    ]

    @Test("wrong bodies close with 4001", arguments: wrongBodies.indices)
    func wrongBody(_ index: Int) throws {
        let (opcode, body) = Self.wrongBodies[index]
        let (bench, _, _) = try Self.identified()
        #expect(bench.send("{\"op\":\(opcode),\"d\":\(body)}").closeCode == 4001)
    }
}
