@testable import SwiftGateway

extension Rig {
    /// A loop over the cluster's events, in a task, that tells the recorder of each after `before` has returned for it.
    func loop(before: @escaping @Sendable (Event) async -> Void = { _ in }) -> Task<Void, Never> {
        Task { [cluster, recorder] in
            for await (shard, event) in cluster.events {
                precondition(shard.id == event.shardID)
                await before(event)
                recorder.take(event.view())
            }
        }
    }
}
