import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// What concerns all shards, or the one of a guild.
    @Suite("Cluster commands")
    struct ClusterCommandTests {
        @Test("a presence for all reaches every shard, and begins every later session")
        func presence() async throws {
            try await withRig(client: {
                try $0.setShards(.range(first: 0, count: 3, total: 4))
                try $0.setMaxConcurrency(4)
                try $0.setPresence(#"{"status":"online"}"#)
                try $0.setPresence(#"{"status":"idle"}"#, shard: 3)
            }) { rig in
                #expect(throws: GatewayError.self) { try rig.cluster.updatePresence(json: Array("[]".utf8)) }
                try await rig.until("all") { record in (0..<3).allSatisfy { record.isActive($0) } }
                try rig.cluster.updatePresence(json: Array(#"{"status":"dnd"}"#.utf8))
                try await rig.untilServer("op 3 of each") { journal in
                    let shards = journal.entries.compactMap { entry -> Int? in
                        if case .command(3, let payload) = entry.event, payload.contains("dnd") {
                            entry.shard
                        } else {
                            nil
                        }
                    }
                    return shards.sorted() == [0, 1, 2]
                }
                // A shard that comes later, also one with a presence of its own in the configuration.
                try rig.cluster.addShard(3)
                try rig.cluster.restartShard(1, resuming: false)
                try await rig.until("both") { $0.isActive(3) && $0.trace(1).readies == 2 }
                let identifies = await rig.journal.identifies
                #expect(identifies.count == 5 && identifies.suffix(2).allSatisfy { $0.contains(#""status":"dnd""#) })
                #expect(identifies.prefix(3).allSatisfy { $0.contains(#""status":"online""#) })
                try await rig.shutdown()
                #expect {
                    try rig.cluster.updatePresence(json: Array(#"{"status":"dnd"}"#.utf8))
                } throws: {
                    ($0 as? GatewayError)?.status == .invalidState
                }
            }
        }

        @Test("a guild's commands go to its shard")
        func guild() async throws {
            try await withRig(client: {
                try $0.setShards(.range(first: 0, count: 2, total: 3))
                try $0.setMaxConcurrency(2)
            }) { rig in
                try await rig.until("both, with their guilds") {
                    $0.isActive(0) && $0.isActive(1) && $0.has("GUILD_CREATE", shard: 0)
                        && $0.has("GUILD_CREATE", shard: 1)
                }
                for shard in 0..<2 as Range<UInt32> {
                    let event = try #require(rig.record.dispatches("GUILD_CREATE", shard: shard).first)
                    let id = try #require(event.text.firstMatch(of: #/"id":"(\d+)"/#).flatMap { UInt64($0.1) })
                    #expect(try rig.cluster.shard(ofGuild: id) == shard)
                }
                #expect {
                    _ = try rig.cluster.shard(ofGuild: 2 << 22)
                } throws: {
                    let error = $0 as? GatewayError
                    return error?.status == .notFound && error?.message.contains("shard 2 of 3") == true
                }
                try rig.cluster.removeShard(0, resumable: false)
                #expect(throws: GatewayError.self) { try rig.cluster.shard(ofGuild: 0) }
            }
        }

        @Test("before the API has said how many shards there are, a guild has none")
        func unknown() throws {
            let cluster = try Cluster(try Configuration(token: "x", intents: []))
            #expect {
                _ = try cluster.shard(ofGuild: 1)
            } throws: {
                ($0 as? GatewayError)?.status == .invalidState
            }
        }
    }
}
