import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// The limit of handshakes in flight.
    @Suite("Handshakes in flight")
    struct HandshakeTests {
        /// The most connections that were accepted and not upgraded at the same time, of those from `index` on. The client
        /// counts a handshake from before the one to after the other, so this is never more than it has in flight.
        private static func most(_ journal: Journal, from index: Int) -> Int {
            var open: Set<Int> = []
            var most = 0
            for entry in journal.entries(from: index) {
                guard let connection = entry.connection else { continue }
                switch entry.event {
                case .accepted: open.insert(connection)
                case .upgraded: open.remove(connection)
                default: break
                }
                most = max(most, open.count)
            }
            return most
        }

        private static func accepted(_ journal: Journal) -> Int { journal.count { $0 == .accepted } }

        private static func shards(_ count: UInt32, limit: UInt32?) -> (inout Configuration) throws -> Void {
            return {
                try $0.setShards(.range(first: 0, count: count, total: count))
                try $0.setMaxConcurrency(count)
                try $0.setIOThreads(1)
                try $0.setConnectTimeout(milliseconds: 60_000)
                if let limit { try $0.setHandshakeLimit(limit) }
            }
        }

        @Test("never more than the limit; the others follow when one ends", arguments: [1, 3, nil] as [UInt32?])
        func limited(limit: UInt32?) async throws {
            // The first ones hang until the client gives them up.
            let expected = Int(limit ?? 16)
            let faults = [FaultOrder(.acceptThenHang, times: expected)]
            try await withRig(client: Self.shards(20, limit: limit), faults: faults) { rig in
                try await rig.untilServer("as many as may") { Self.accepted($0) == expected }
                try await Task.sleep(for: .milliseconds(200))
                #expect(Self.accepted(await rig.journal) == expected)
                for shard in 0..<20 as Range<UInt32> { try rig.cluster.restartShard(shard, resuming: true) }
                try await rig.until("all", timeout: .seconds(30)) { record in
                    (0..<20).allSatisfy { record.isActive($0) }
                }
                // A storm: all of them at once again.
                let index = await rig.journal.nextIndex
                await rig.sandbox.inject(.drop())
                try await rig.until("all resumed", timeout: .seconds(30)) { record in
                    (0..<20).allSatisfy { record.trace($0).resumes == 1 }
                }
                #expect(Self.most(await rig.journal, from: index) <= expected)
            }
        }
    }
}
