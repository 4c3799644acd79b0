import Foundation
import Testing

@testable import GatewayProtocol

/// A payload's opcode and body, read by another JSON library.
private func read(_ payload: [UInt8]) throws -> (op: Int?, d: NSDictionary) {
    let object = try JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any]
    #expect(object?.count == 2)
    return (object?["op"] as? Int, object?["d"] as? NSDictionary ?? [:])
}

private func message(_ body: () throws(CommandError) -> Void) -> String? {
    do throws(CommandError) {
        try body()
        return nil
    } catch { return error.message }
}

@Suite struct PayloadTests {
    @Test func buildsHeartbeats() {
        #expect(Payload.heartbeat(sequence: 42).text == #"{"op":1,"d":42}"#)
        #expect(Payload.heartbeat(sequence: .max).text == #"{"op":1,"d":18446744073709551615}"#)
        #expect(Payload.heartbeat(sequence: nil).text == #"{"op":1,"d":null}"#)
        #expect(Payload.heartbeat(sequence: 0).text == #"{"op":1,"d":null}"#)
    }

    @Test func buildsResume() throws {
        let (op, d) = try read(Payload.resume(token: "Bot to\"ken", sessionID: "s\\id", sequence: 1337))
        #expect(op == 6 && d == ["token": "to\"ken", "session_id": "s\\id", "seq": 1337])
    }

    @Test func buildsIdentify() throws {
        var identify = Identify(token: "tok", intents: .all, shardID: 3, shardTotal: 16)
        var (op, d) = try read(Payload.identify(identify))
        #expect(op == 2)
        #expect(
            d == [
                "token": "tok", "intents": 53_608_447, "large_threshold": 50, "shard": [3, 16],
                "properties": ["os": "linux", "browser": "swiftgateway", "device": "swiftgateway"],
            ])

        identify.token = "Bot tok"
        identify.os = "plan9"
        identify.browser = "b\n"
        identify.device = "d"
        identify.largeThreshold = 250
        identify.presence = try PresenceUpdate(json: bytes(#"{"status":"idle"}"#))
        (op, d) = try read(Payload.identify(identify))
        #expect(d["token"] as? String == "tok" && d["large_threshold"] as? Int == 250)
        #expect(d["properties"] as? NSDictionary == ["os": "plan9", "browser": "b\n", "device": "d"])
        #expect(
            d["presence"] as? NSDictionary
                == ["status": "idle", "since": NSNull(), "activities": NSArray(), "afk": false] as NSDictionary)
    }

    @Test func checksIdentify() {
        func message(_ change: (inout Identify) -> Void) -> String? {
            var identify = Identify(token: "t", intents: [], shardID: 0, shardTotal: 1)
            change(&identify)
            do {
                _ = try Payload.identify(identify)
                return nil
            } catch { return error.message }
        }
        #expect(message { _ in } == nil)
        #expect(message { $0.largeThreshold = 49 } == "The large threshold must be 50 to 250 members, not 49.")
        #expect(message { $0.largeThreshold = 251 } == "The large threshold must be 50 to 250 members, not 251.")
        #expect(message { $0.shardID = 1 } == "Shard 1 does not exist with 1 in total.")
        #expect(message { $0.os = String(repeating: "x", count: 4_096) } != nil)
    }
}

@Suite struct PresenceUpdateTests {
    @Test func keepsWhatIsComplete() throws {
        let json = bytes(#" {"since":91879201,"activities":[{"name":"x","type":0}],"status":"dnd","afk":true} "#)
        #expect(try PresenceUpdate(json: json).json == json)
        let (op, d) = try read(PresenceUpdate(json: json).payload())
        #expect(op == 3 && d["since"] as? Int == 91_879_201 && d["afk"] as? Bool == true)
    }

    @Test(arguments: ["{}", " { } ", #"{"status":"online"}"#, #"{"x":1 } "#, #"{"since":null,"afk":false}"#])
    func addsWhatIsMissing(_ json: String) throws {
        let (op, d) = try read(PresenceUpdate(json: bytes(json)).payload())
        #expect(op == 3)
        #expect(d["since"] is NSNull && (d["activities"] as? NSArray)?.count == 0)
        #expect(d["status"] as? String == "online" && d["afk"] as? Bool == false)
    }

    @Test(arguments: [
        ("", "The presence is empty (at byte 0)."),
        ("{", "The presence has something else where a string belongs (at byte 1)."),
        ("[]", "The presence must be a JSON object."),
        ("null", "The presence must be a JSON object."),
        (#"{"since":"now"}"#, "The presence's \"since\" must be null or a number of milliseconds."),
        (#"{"since":-5}"#, "The presence's \"since\" must be null or a number of milliseconds."),
        (#"{"activities":{}}"#, "The presence's \"activities\" must be an array."),
        (#"{"status":"away"}"#, "The presence's \"status\" must be one of online, dnd, idle, invisible, offline."),
        (#"{"status":1}"#, "The presence's \"status\" must be one of online, dnd, idle, invisible, offline."),
        (#"{"afk":0}"#, "The presence's \"afk\" must be true or false."),
    ])
    func refuses(_ json: String, _ expected: String) {
        #expect(message { () throws(CommandError) in _ = try PresenceUpdate(json: bytes(json)) } == expected)
    }

    @Test(arguments: PresenceUpdate.statuses)
    func takesEveryStatus(_ status: String) throws {
        #expect(try PresenceUpdate(json: bytes(#"{"status":"\#(status)"}"#)).json.text.contains(status))
    }

    @Test func boundsTheSize() {
        let json = bytes(#"{"activities":["\#(String(repeating: "x", count: 4_080))"]}"#)
        #expect(
            message { () throws(CommandError) in _ = try PresenceUpdate(json: json).payload() }?
                .hasSuffix("the gateway takes at most 4096.") == true)
    }
}

@Suite struct CommandTests {
    @Test func buildsVoiceStateUpdates() throws {
        var (op, d) = try read(VoiceStateUpdate(guild: .max, channel: 5, selfMute: true).payload())
        #expect(op == 4)
        #expect(
            d == ["guild_id": "18446744073709551615", "channel_id": "5", "self_mute": true, "self_deaf": false])
        (op, d) = try read(VoiceStateUpdate(guild: 7, channel: nil, selfDeaf: true).payload())
        #expect(d == ["guild_id": "7", "channel_id": NSNull(), "self_mute": false, "self_deaf": true])
    }

    @Test func buildsRequestsForMembers() throws {
        var (op, d) = try read(RequestGuildMembers(guild: 7, selection: .query("", limit: 0)).payload())
        #expect(op == 8 && d == ["guild_id": "7", "query": "", "limit": 0, "presences": false])
        (op, d) = try read(
            RequestGuildMembers(guild: 7, selection: .users([1, 2]), presences: true, nonce: "n\"").payload())
        #expect(d == ["guild_id": "7", "user_ids": ["1", "2"], "presences": true, "nonce": "n\""])
        (op, d) = try read(RequestGuildMembers(guild: 7, selection: .query("é", limit: 100), nonce: "").payload())
        #expect(d == ["guild_id": "7", "query": "é", "limit": 100, "presences": false])
    }

    @Test func buildsTheOtherRequests() throws {
        var (op, d) = try read(RequestSoundboardSounds(guilds: [1, .max]).payload())
        #expect(op == 31 && d == ["guild_ids": ["1", "18446744073709551615"]])
        (op, d) = try read(RequestChannelInfo(guild: 3).payload())
        #expect(op == 43 && d == ["guild_id": "3", "fields": ["status", "voice_start_time"]])
    }

    @Test func fitsTheMostIdsThereMayBe() throws {
        let ids = [UInt64](repeating: .max, count: 100)
        let request = RequestGuildMembers(
            guild: .max, selection: .users(ids), presences: true, nonce: String(repeating: "n", count: 32))
        #expect(try request.payload().count <= Payload.maximumSize)
    }

    @Test func checksItsValues() {
        func check(_ request: RequestGuildMembers) -> String? {
            message { () throws(CommandError) in _ = try request.payload() }
        }
        func users(_ ids: [UInt64], guild: UInt64 = 1, nonce: String? = nil) -> String? {
            check(RequestGuildMembers(guild: guild, selection: .users(ids), nonce: nonce))
        }
        #expect(users([1], guild: 0) == "The guild id must not be 0.")
        #expect(users([]) == "The list of user ids must not be empty.")
        #expect(users([UInt64](repeating: 1, count: 101)) == "A request takes at most 100 user ids, not 101.")
        #expect(users([1, 0]) == "A user id must not be 0.")
        #expect(users([1], nonce: String(repeating: "é", count: 16)) == nil)
        #expect(users([1], nonce: String(repeating: "é", count: 16) + "x") == "A nonce has at most 32 bytes, not 33.")
        func query(_ prefix: String, _ limit: UInt32) -> String? {
            check(RequestGuildMembers(guild: 1, selection: .query(prefix, limit: limit)))
        }
        #expect(query("a", 101) == "A request by name yields at most 100 members, not 101.")
        #expect(query("", 101) == nil)
        #expect(
            query(String(repeating: "x", count: 4_096), 1)?.hasSuffix("the gateway takes at most 4096.") == true)

        func other(_ body: () throws(CommandError) -> [UInt8]) -> String? {
            message { () throws(CommandError) in _ = try body() }
        }
        #expect(
            other { () throws(CommandError) in try VoiceStateUpdate(guild: 0, channel: 1).payload() }
                == "The guild id must not be 0.")
        #expect(
            other { () throws(CommandError) in try VoiceStateUpdate(guild: 1, channel: 0).payload() }
                == "The channel id must not be 0.")
        #expect(
            other { () throws(CommandError) in try RequestSoundboardSounds(guilds: []).payload() }
                == "The list of guild ids must not be empty.")
        #expect(
            other { () throws(CommandError) in try RequestSoundboardSounds(guilds: [1, 0]).payload() }
                == "A guild id must not be 0.")
        let many = RequestSoundboardSounds(guilds: [UInt64](repeating: .max, count: 200))
        #expect(other { () throws(CommandError) in try many.payload() }?.hasSuffix("takes at most 4096.") == true)
        #expect(
            other { () throws(CommandError) in try RequestChannelInfo(guild: 0).payload() }
                == "The guild id must not be 0.")
        #expect(
            other { () throws(CommandError) in try RequestChannelInfo(guild: 1, fields: []).payload() }
                == "The list of fields must not be empty.")
        #expect(
            other { () throws(CommandError) in try RequestChannelInfo(guild: 1, fields: ["a", ""]).payload() }
                == "The name of a field must not be empty.")
    }
}

@Suite struct RawCommandTests {
    @Test func tellsTheOpcode() throws {
        #expect(try RawCommand.check(bytes(#"{"d":{"op":2},"op":4}"#)) == 4)
        #expect(try RawCommand.check(bytes(#" {"\u006fp":31} "#)) == 31)
        #expect(try RawCommand.check(bytes(#"{"op":999,"d":null}"#)) == 999)
    }

    @Test(arguments: [
        (#"{"op":1,"d":1}"#, "Opcode 1 is sent by the engine itself and cannot be sent as a command."),
        (#"{"op":3,"op":2}"#, "Opcode 2 is sent by the engine itself and cannot be sent as a command."),
        (#"{"d":{},"o\u0070":6}"#, "Opcode 6 is sent by the engine itself and cannot be sent as a command."),
        (#"{"d":{"op":3}}"#, "The command has no \"op\"."),
        (#"[]"#, "The command is not a JSON object (at byte 0)."),
        (#"{"op":3,"d":{]}"#, "The command has something else where a string belongs (at byte 13)."),
        (#"{"op":"3"}"#, "The command has something else where a non-negative integer belongs (at byte 6)."),
        ("", "The command is empty (at byte 0)."),
    ])
    func refuses(_ json: String, _ expected: String) {
        #expect(message { () throws(CommandError) in _ = try RawCommand.check(bytes(json)) } == expected)
    }

    @Test func boundsTheSize() throws {
        func command(_ size: Int) -> [UInt8] {
            let start = #"{"op":3,"d":""#
            return bytes(start + String(repeating: "x", count: size - start.utf8.count - 2) + "\"}")
        }
        #expect(command(4_096).count == 4_096)
        #expect(try RawCommand.check(command(4_096)) == 3)
        #expect(
            message { () throws(CommandError) in _ = try RawCommand.check(command(4_097)) }
                == "The command has 4097 bytes; the gateway takes at most 4096.")
    }

    @Test func refusesWhatIsNotUTF8() {
        let json = bytes(#"{"op":3,"d":""#) + [0xC3] + bytes("\"}")
        #expect(
            message { () throws(CommandError) in _ = try RawCommand.check(json) }
                == "The command is not UTF-8 (at byte 13).")
    }
}
