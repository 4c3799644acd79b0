import Foundation
import GatewayProtocol
import Testing

@testable import SwiftGateway

private let guild: UInt64 = 81_384_788_765_712_384

/// What a caller may send (`gateway.md` §13).
@Suite struct GatewayCommandTests {
    private func body(_ command: GatewayCommand, op: Int) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(command.payload)) as? [String: Any]
        #expect(object?["op"] as? Int == op)
        return try #require(object?["d"] as? [String: Any])
    }

    @Test func raw() throws {
        let text = bytes(#"{"op":4,"d":{"guild_id":"81384788765712384","channel_id":null}}"#)
        let command = try GatewayCommand.raw(text)
        #expect(command.payload == text && command.presence == nil)
        for bad in ["", "{}", "[]", "x", #"{"op":4}"#, #"{"op":"4","d":{}}"#, #"{"op":4,"d":{}"#, #"{"op":-1,"d":{}}"#]
        {
            expectError(.invalidArgument, "\(bad)") { _ = try GatewayCommand.raw(bytes(bad)) }
        }
        // The library's own.
        for op in [1, 2, 6] {
            expectError(.invalidArgument, "op \(op)") { _ = try GatewayCommand.raw(bytes("{\"op\":\(op),\"d\":{}}")) }
        }
    }

    @Test func rawOfAnySizeTheGatewayTakes() throws {
        func text(_ size: Int) -> [UInt8] {
            let frame = #"{"op":31,"d":""}"#
            return bytes(frame.dropLast(2) + String(repeating: "x", count: size - frame.utf8.count) + "\"}")
        }
        #expect(try GatewayCommand.raw(text(4_096)).payload.count == 4_096)
        expectError(.payloadTooLarge) { _ = try GatewayCommand.raw(text(4_097)) }
    }

    @Test func rawPresenceIsRemembered() throws {
        // A new session has to begin with it, whichever way it was sent.
        let presence = try PresenceUpdate(json: bytes(#"{"status":"idle"}"#))
        #expect(try GatewayCommand.raw(bytes(#"{"d":{"status":"idle"},"op":3}"#)).presence == presence)
        #expect(try GatewayCommand.presence(json: bytes(#"{"status":"idle"}"#)).presence == presence)
    }

    @Test func presence() throws {
        let body = try body(.presence(json: bytes(#"{"status":"idle"}"#)), op: 3)
        #expect(Set(body.keys) == ["since", "activities", "status", "afk"])
        #expect(body["status"] as? String == "idle")
        expectError(.invalidArgument) { _ = try GatewayCommand.presence(json: bytes("[]")) }
        expectError(.invalidArgument) { _ = try GatewayCommand.presence(json: []) }
    }

    @Test func voiceState() throws {
        var body = try body(.voiceState(guild: guild, channel: 5, selfMute: true, selfDeaf: false), op: 4)
        #expect(body["guild_id"] as? String == "\(guild)" && body["channel_id"] as? String == "5")
        #expect(body["self_mute"] as? Bool == true && body["self_deaf"] as? Bool == false)
        body = try self.body(.voiceState(guild: .max, channel: nil, selfMute: false, selfDeaf: true), op: 4)
        #expect(body["guild_id"] as? String == "18446744073709551615" && body["channel_id"] is NSNull)
        expectError(.invalidArgument) {
            _ = try GatewayCommand.voiceState(guild: 0, channel: nil, selfMute: false, selfDeaf: false)
        }
    }

    @Test func members() throws {
        var body = try body(.members(guild: guild, query: "", limit: 0), op: 8)
        #expect(body["query"] as? String == "" && body["limit"] as? Int == 0 && body["user_ids"] == nil)
        body = try self.body(
            .members(guild: guild, users: [1 << 60, 2 << 60], presences: true, nonce: "n"), op: 8)
        #expect(body["user_ids"] as? [String] == ["\(1 << 60)", "\(2 << 60)"] && body["query"] == nil)
        #expect(body["presences"] as? Bool == true && body["nonce"] as? String == "n")
        expectError(.invalidArgument) {
            _ = try GatewayCommand.members(guild: guild, query: "a", limit: 1, nonce: String(repeating: "n", count: 33))
        }
        expectError(.invalidArgument) { _ = try GatewayCommand.members(guild: guild, users: []) }
        expectError(.invalidArgument) {
            _ = try GatewayCommand.members(guild: guild, users: Array(repeating: guild, count: 101))
        }
        expectError(.invalidArgument) { _ = try GatewayCommand.members(guild: 0, query: "", limit: 0) }
    }

    @Test func sounds() throws {
        let body = try body(.soundboardSounds(guilds: [guild, guild + 1]), op: 31)
        #expect(body["guild_ids"] as? [String] == ["\(guild)", "\(guild + 1)"])
        expectError(.invalidArgument) { _ = try GatewayCommand.soundboardSounds(guilds: []) }
        expectError(.payloadTooLarge) {
            _ = try GatewayCommand.soundboardSounds(guilds: Array(repeating: guild, count: 300))
        }
    }

    @Test func channelInfo() throws {
        let body = try body(.channelInfo(guild: guild, fields: ["status", "voice_start_time"]), op: 43)
        #expect(body["fields"] as? [String] == ["status", "voice_start_time"])
        #expect(body["guild_id"] as? String == "\(guild)")
        expectError(.invalidArgument) { _ = try GatewayCommand.channelInfo(guild: guild, fields: []) }
    }
}

/// Which shards a process runs (`gateway.md` §16).
@Suite struct ShardChoiceTests {
    @Test func choosesTheShards() throws {
        func ids(_ choice: ShardChoice, recommended: UInt32 = 6) throws -> [UInt32] {
            Array(try choice.scheme().resolved(recommended: recommended).ids)
        }
        #expect(try ids(.auto) == [0, 1, 2, 3, 4, 5])
        #expect(try ids(.range(first: 2, count: 3, total: 8)) == [2, 3, 4])
        #expect(try ids(.range(first: 0, count: 1, total: 1)) == [0])
        // The processes together run every shard once, and about as many each.
        for (total, recommended) in [(8, 99), (0, 7)] as [(UInt32, UInt32)] {
            let parts = try (0..<3).map {
                try ids(.bucket(bucket: $0, buckets: 3, total: total), recommended: recommended)
            }
            #expect(parts.joined().sorted() == Array(0..<(total == 0 ? recommended : total)))
            #expect(parts.allSatisfy { $0.count == 2 || $0.count == 3 })
        }
    }

    @Test func refusesTheImpossible() {
        for choice in [
            .range(first: 0, count: 0, total: 4), .range(first: 4, count: 1, total: 4),
            .range(first: 3, count: 2, total: 4),
            .range(first: 0, count: 1, total: 0), .range(first: .max, count: .max, total: .max),
            .bucket(bucket: 0, buckets: 0, total: 4), .bucket(bucket: 2, buckets: 2, total: 4),
        ] as [ShardChoice] {
            expectError(.invalidArgument, "\(choice)") { _ = try choice.scheme() }
        }
    }

    @Test func knowsItsFirstShardWithoutTheAPI() throws {
        #expect(try ShardChoice.auto.scheme().firstID == 0)
        #expect(try ShardChoice.range(first: 5, count: 1, total: 8).scheme().firstID == 5)
    }
}
