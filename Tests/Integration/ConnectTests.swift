import Foundation
import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    @Suite("Connecting")
    struct ConnectTests {
        @Test("a session begins, streams and ends over TLS with each compression", arguments: Compression.allCases)
        func compressions(compression: Compression) async throws {
            try await withRig(client: { try $0.setCompression(compression) }) { rig in
                try await rig.untilActive()
                try await rig.exchange(20)
                let uri = await rig.journal.entries.compactMap {
                    if case .upgraded(let uri, _) = $0.event { uri } else { nil }
                }.first
                let query =
                    switch compression {
                    case .none: "/?v=10&encoding=json"
                    case .zlib: "/?v=10&encoding=json&compress=zlib-stream"
                    case .zstd: "/?v=10&encoding=json&compress=zstd-stream"
                    }
                #expect(uri == query)
                #expect(
                    rig.record.states() == [
                        .connecting, .awaitingHello, .awaitingIdentify, .identifying, .active,
                    ])
                #expect(rig.record.errors.isEmpty)
                let info = try rig.cluster.info(shard: 0)
                #expect(info.events == 24)
                #expect(info.sequence == 24)
                #expect((info.bytesInflated == info.bytesWire) == false)
                #expect(info.connects == 1 && info.identifies == 1 && info.reconnects == 0)
            }
        }

        @Test("ws:// works without TLS")
        func plain() async throws {
            try await withRig(sandbox: { $0.tls = false }) { rig in
                #expect(rig.sandbox.gatewayURL.hasPrefix("ws://"))
                try await rig.untilActive()
                try await rig.exchange()
            }
        }

        @Test("IDENTIFY carries every field")
        func identify() async throws {
            try await withRig(client: {
                try $0.setShards(.range(first: 1, count: 1, total: 2))
                try $0.setIdentifyProperties(os: "plan9", browser: "harbor", device: "buoy")
                try $0.setLargeThreshold(77)
                try $0.setPresence(
                    #"{"status":"idle","activities":[{"name":"chess","type":0}],"since":5,"afk":true}"#)
            }) { rig in
                try await rig.until("active") { $0.isActive(1) }
                let frame = try #require(await rig.journal.identifies.first)
                let root = try #require(
                    try JSONSerialization.jsonObject(with: Data(frame.utf8)) as? [String: Any])
                let body = try #require(root["d"] as? [String: Any])
                #expect(root["op"] as? Int == 2)
                #expect(body["token"] as? String == rig.sandbox.token)
                #expect(body["intents"] as? UInt64 == Rig.intents.rawValue)
                #expect(body["shard"] as? [Int] == [1, 2])
                #expect(body["large_threshold"] as? Int == 77)
                #expect(
                    body["properties"] as? [String: String] == ["os": "plan9", "browser": "harbor", "device": "buoy"])
                let presence = try #require(body["presence"] as? [String: Any])
                #expect(presence["status"] as? String == "idle")
                #expect(presence["since"] as? Int == 5)
                #expect(presence["afk"] as? Bool == true)
                #expect((presence["activities"] as? [[String: Any]])?.first?["name"] as? String == "chess")
            }
        }

        @Test("READY of 8 MB arrives whole", arguments: [Compression.none, .zlib])
        func hugeReady(compression: Compression) async throws {
            try await withRig(
                sandbox: { $0.readyPadding = 8 << 20 }, client: { try $0.setCompression(compression) }
            ) { rig in
                try await rig.untilActive()
                let ready = try #require(rig.record.dispatches("READY").first)
                #expect(ready.data.count >= 8 << 20)
                #expect(ready.data.last == UInt8(ascii: "}"))
                try await rig.exchange()
            }
        }

        @Test("large guilds come whole and in order over every compression", arguments: Compression.allCases)
        func largeGuilds(compression: Compression) async throws {
            try await withRig(
                sandbox: {
                    $0.largeGuilds = true
                    $0.guilds = 20
                }, client: { try $0.setCompression(compression) }
            ) { rig in
                try await rig.untilActive()
                let guilds = rig.record.dispatches("GUILD_CREATE")
                #expect(guilds.count == 20)
                #expect(guilds.allSatisfy { $0.data.count > 30_000 && $0.type == .guildCreate })
            }
        }

        @Test("heartbeats carry the newest sequence and are measured")
        func heartbeats() async throws {
            try await withRig(sandbox: { $0.heartbeatInterval = .milliseconds(80) }) { rig in
                try await rig.untilActive()
                try await rig.exchange(3)
                try await rig.until("two round trips after the exchange") { $0.latencies.count >= 6 }
                let journal = await rig.journal
                #expect(journal.heartbeats.last?.sequence == 7)
                // Never more often than the interval says (`gateway.md` §6), but for one late timer at the beginning.
                let times = journal.heartbeats.map(\.time)
                let span = (times.last ?? .zero) - (times.first ?? .zero)
                #expect(span >= .milliseconds(80 * (times.count - 1) - 100))
                let info = try rig.cluster.info(shard: 0)
                #expect(info.latencyLast > 0 && info.latencyAverage > 0)
                #expect(info.heartbeatsAcknowledged >= 6)
                #expect(info.heartbeatIntervalMilliseconds == 80)
                #expect(info.zombies == 0)
            }
        }
    }
}
