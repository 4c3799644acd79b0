import Foundation
import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// Sending (`gateway.md` §12, §13).
    @Suite("Commands")
    struct CommandTests {
        private static func guild(_ record: Record) throws -> UInt64 {
            let ready = try #require(record.dispatches("READY").first)
            let body = try #require(try JSONSerialization.jsonObject(with: Data(ready.data)) as? [String: Any])
            let guilds = try #require(body["guilds"] as? [[String: Any]])
            return try #require(UInt64(guilds.first?["id"] as? String ?? ""))
        }

        static func commands(_ journal: Journal) -> [(opcode: Int, payload: String)] {
            journal.entries.compactMap {
                if case .command(let opcode, let payload) = $0.event { (opcode, payload) } else { nil }
            }
        }

        @Test("op 3 is echoed, and begins every later session")
        func presence() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                let command = try GatewayCommand.presence(json: Array(#"{"status":"dnd"}"#.utf8))
                try rig.cluster.send(command, shard: 0)
                try await rig.untilServer("op 3") { Self.commands($0).map(\.opcode) == [3] }
                await rig.sandbox.inject(.invalidSession(resumable: false))
                try await rig.until("a second session") { $0.trace().readies == 2 }
                #expect(await rig.journal.identifies.last?.contains(#""status":"dnd""#) == true)
                #expect(await rig.journal.identifies.first?.contains("dnd") == false)
            }
        }

        @Test("op 8 is answered in chunks, with its nonce")
        func members() async throws {
            try await withRig(sandbox: { $0.membersPerGuild = 2500 }) { rig in
                try await rig.untilActive()
                let guild = try Self.guild(rig.record)
                try rig.cluster.send(.members(guild: guild, query: "", limit: 0, nonce: "n-1"), shard: 0)
                try await rig.until("three chunks") { $0.dispatches("GUILD_MEMBERS_CHUNK").count == 3 }
                let chunks = rig.record.dispatches("GUILD_MEMBERS_CHUNK")
                #expect(chunks.allSatisfy { $0.text.contains(#""nonce":"n-1""#) && $0.text.contains("\"\(guild)\"") })
                let users: [UInt64] = [1, 2, 3]
                try rig.cluster.send(.members(guild: guild, users: users, nonce: "n-2"), shard: 0)
                try await rig.until("the ids") { $0.dispatches("GUILD_MEMBERS_CHUNK").count == 4 }
                #expect(rig.record.dispatches("GUILD_MEMBERS_CHUNK").last?.text.contains("not_found") == true)
                // The whole list again within 30 s.
                try rig.cluster.send(.members(guild: guild, query: "", limit: 0), shard: 0)
                try await rig.until("the refusal") { $0.has("RATE_LIMITED") }
            }
        }

        @Test("ops 4, 31 and 43 are answered")
        func others() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                let guild = try Self.guild(rig.record)
                let channel: UInt64 = 1_038_269_022_209_310_781
                try rig.cluster.send(
                    .voiceState(guild: guild, channel: channel, selfMute: true, selfDeaf: false), shard: 0)
                try await rig.until("the join") { $0.has("VOICE_STATE_UPDATE") && $0.has("VOICE_SERVER_UPDATE") }
                #expect(rig.record.dispatches("VOICE_STATE_UPDATE").first?.text.contains("\"\(channel)\"") == true)
                try rig.cluster.send(
                    .voiceState(guild: guild, channel: nil, selfMute: false, selfDeaf: false), shard: 0)
                try await rig.until("the leave") { $0.dispatches("VOICE_STATE_UPDATE").count == 2 }
                try rig.cluster.send(.soundboardSounds(guilds: [guild]), shard: 0)
                try rig.cluster.send(.channelInfo(guild: guild, fields: ["status"]), shard: 0)
                try await rig.until("both answers") { $0.has("SOUNDBOARD_SOUNDS") && $0.has("CHANNEL_INFO") }
                #expect(rig.record.closes.isEmpty)
            }
        }

        @Test("commands sent before READY are sent after it, in order")
        func early() async throws {
            try await withRig(
                client: { try $0.setSendLimit(count: 0, windowMilliseconds: 0) },
                faults: [FaultOrder(.drop(), at: .identify, times: 2)]
            ) { rig in
                for number in 0..<10 { try rig.cluster.send(Self.numbered(number), shard: 0) }
                try await rig.untilServer("all ten") { Self.commands($0).count == 10 }
                let journal = await rig.journal
                #expect(Self.commands(journal).map { Self.number($0.payload) } == Array(0..<10))
                let ready = try #require(
                    journal.entries.firstIndex { if case .ready = $0.event { true } else { false } })
                let first = try #require(
                    journal.entries.firstIndex { if case .command = $0.event { true } else { false } })
                #expect(first > ready)
                #expect(!journal.entries.contains { if case .closed(.server, _, _) = $0.event { true } else { false } })
            }
        }

        @Test("commands given while reconnecting are sent after RESUMED")
        func whileAway() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.refuse)
                await rig.sandbox.inject(.drop())
                try await rig.until("away") { !$0.errors(.network).isEmpty }
                for number in 0..<5 { try rig.cluster.send(Self.numbered(number), shard: 0) }
                #expect(try rig.cluster.info(shard: 0).commandsQueued == 5)
                await rig.sandbox.clearFaults()
                try await rig.untilServer("all five") { Self.commands($0).count == 5 }
                let journal = await rig.journal
                #expect(Self.commands(journal).map { Self.number($0.payload) } == Array(0..<5))
                let resumed = try #require(
                    journal.entries.firstIndex { if case .resumed = $0.event { true } else { false } })
                let first = try #require(
                    journal.entries.firstIndex { if case .command = $0.event { true } else { false } })
                #expect(first > resumed)
                #expect(try rig.cluster.info(shard: 0).commandsQueued == 0)
            }
        }

        @Test("more commands than the window takes are held back, and heartbeats are not")
        func window() async throws {
            // The window counts in the sandbox as in the client: one frame more would be met with 4008.
            try await withRig(
                sandbox: {
                    $0.frameLimit = 30
                    $0.frameWindow = .milliseconds(900)
                    $0.heartbeatInterval = .milliseconds(150)
                },
                client: { try $0.setSendLimit(count: 30, windowMilliseconds: 1_000) }
            ) { rig in
                try await rig.untilActive()
                for number in 0..<70 { try rig.cluster.send(Self.numbered(number), shard: 0) }
                try await rig.untilServer("all seventy", timeout: .seconds(15)) { Self.commands($0).count == 70 }
                let journal = await rig.journal
                #expect(Self.commands(journal).map { Self.number($0.payload) } == Array(0..<70))
                #expect(rig.record.closes.isEmpty)
                let times = journal.entries.compactMap { entry -> Duration? in
                    if case .command = entry.event { entry.time } else { nil }
                }
                #expect(times[69] - times[0] >= .milliseconds(1_800))
                let beats = journal.heartbeats.filter { $0.time > times[0] && $0.time < times[69] }
                #expect(beats.count >= 8)
            }
        }

        @Test("130 commands under Discord's own limit: 120 frames at most, no 4008")
        func documentedLimit() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                for number in 0..<130 { try rig.cluster.send(Self.numbered(number), shard: 0) }
                // IDENTIFY and the reserve for heartbeats leave 120 − 1 − (⌈60 / 41.25⌉ + 1) commands, or one more when
                // no heartbeat went out yet.
                try await rig.untilServer("what fits") { Self.commands($0).count >= 116 }
                let info = try rig.cluster.info(shard: 0)
                #expect((11...14).contains(info.commandsQueued))
                #expect(info.sendPermits == 0)
                #expect(info.nextPermit > 30 * Rig.second && info.nextPermit <= 60 * Rig.second)
                #expect(rig.record.closes.isEmpty)
            }
        }

        @Test("the bounded queue refuses what is one too many")
        func queueFull() async throws {
            try await withRig(client: { $0.session.commandLimit = 5 }, faults: [FaultOrder(.acceptThenHang)]) { rig in
                for number in 0..<5 { try rig.cluster.send(Self.numbered(number), shard: 0) }
                #expect { try rig.cluster.send(Self.numbered(5), shard: 0) } throws: {
                    ($0 as? GatewayError)?.status == .queueFull
                }
                #expect { try rig.cluster.send(Self.numbered(5), shard: 7) } throws: {
                    ($0 as? GatewayError)?.status == .notFound
                }
            }
        }

        @Test("over 4096 bytes is refused here, exactly 4096 goes through")
        func size() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                func payload(_ size: Int) -> [UInt8] {
                    let frame =
                        #"{"op":3,"d":{"since":null,"activities":[{"name":"","type":0}],"status":"online","afk":false}}"#
                    let name = String(repeating: "n", count: size - frame.utf8.count)
                    return Array(frame.replacingOccurrences(of: #""name":"""#, with: "\"name\":\"\(name)\"").utf8)
                }
                #expect(payload(4096).count == 4096)
                #expect { try GatewayCommand.raw(payload(4097)) } throws: {
                    ($0 as? GatewayError)?.status == .payloadTooLarge
                }
                try rig.cluster.send(.raw(payload(4096)), shard: 0)
                try await rig.untilServer("it") { Self.commands($0).count == 1 }
                try await rig.exchange()
                #expect(rig.record.closes.isEmpty)
            }
        }

        /// A voice state for a guild of that number, which the bot is not in: nothing comes back.
        static func numbered(_ number: Int) throws -> GatewayCommand {
            try .voiceState(guild: UInt64(1_000_000 + number), channel: nil, selfMute: false, selfDeaf: false)
        }

        static func number(_ payload: String) -> Int? {
            guard let start = payload.range(of: #""guild_id":""#) else { return nil }
            return Int(payload[start.upperBound...].prefix { $0.isNumber }).map { $0 - 1_000_000 }
        }
    }
}
