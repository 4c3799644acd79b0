#if !SWIFTGATEWAY_WITHOUT_CONCURRENCY

    /// The events of all shards of a cluster, as they come; see `Cluster.events`.
    public struct ClusterEvents: AsyncSequence, Sendable {
        /// The shard that the event is of, and the event.
        public typealias Element = (shard: Shard, event: Event)
        /// Errors are events: see `Event.Details.error(_:state:)`.
        public typealias Failure = Never

        let cluster: Cluster

        /// Makes an iterator. It becomes the consumer with its first `next`, and stops being it when it goes away.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(cluster) }

        /// Hands out a cluster's events one by one.
        public struct AsyncIterator: AsyncIteratorProtocol {
            /// Errors are events.
            public typealias Failure = Never

            private let claim: Claim

            init(_ cluster: Cluster) { claim = Claim(cluster) }

            /// The next event. Asking for it says that the one before is finished. Nil when the cluster has stopped, when
            /// all its shards have ended by an error, when the task is cancelled, and at once when there is another
            /// consumer.
            public mutating func next() async -> Element? { await next(isolation: nil) }

            /// The next event, without leaving the caller's actor.
            public mutating func next(isolation actor: isolated (any Actor)?) async -> Element? {
                guard claim.isHeld || claim.take() else { return nil }
                let reader = claim.channel.reader
                reader.finish()
                while !Task.isCancelled {
                    if let event = reader.next(of: claim.channel) {
                        return (Shard(cluster: claim.cluster, id: event.shardID), event)
                    }
                    switch claim.channel.look() {
                    case .ended: return nil
                    case .more: continue
                    case .empty: await sleep(isolation: actor)
                    }
                }
                return nil
            }

            private func sleep(isolation actor: isolated (any Actor)?) async {
                let channel = claim.channel
                // The loop may have gone to another task since.
                channel.note(task: CurrentTask.id)
                await withTaskCancellationHandler {
                    await withUnsafeContinuation { continuation in
                        if !channel.sleep({ continuation.resume() }) { continuation.resume() }
                    }
                } onCancel: {
                    channel.wake()
                }
                channel.awake()
            }
        }

        /// Being the consumer, for as long as this lives.
        private final class Claim {
            let cluster: Cluster
            private(set) var isHeld = false
            /// Somebody else has it, or this one has seen the end.
            private var isRefused = false

            init(_ cluster: Cluster) { self.cluster = cluster }

            var channel: EventChannel { cluster.channel }

            func take() -> Bool {
                guard !isRefused else { return false }
                guard channel.claim() else {
                    isRefused = true
                    cluster.log.write(.error, "cluster") {
                        "a second loop over the events was begun beside the first and ends at once"
                    }
                    return false
                }
                isHeld = true
                channel.note(task: CurrentTask.id)
                return true
            }

            deinit { if isHeld { channel.release() } }
        }
    }

    extension Cluster {
        /// The events of all shards, for one `for await` loop:
        ///
        /// ```swift
        /// for await (shard, event) in cluster.events where event.type == .messageCreate {
        ///     print(shard.id, event.string("/author/username") ?? "", event.string("/content") ?? "")
        /// }
        /// ```
        ///
        /// - **Order**: per shard as the gateway sent them.
        /// - **Delivered** is an event when the loop comes back for the next one, not before: a session that is resumed
        ///   after a crash, a `break` or a shutdown repeats the event that the loop had in hand, and skips none.
        /// - **A slow loop** delays no heartbeat. Events wait in the queues of `Configuration.setDelivery(_:queueBytes:)`
        ///   (8 MiB for each I/O thread); when they are full the cluster stops reading from the gateway. So they do when
        ///   there is no loop.
        /// - **The end** comes after a shutdown, when everything that waited was handed out; when all shards have ended
        ///   by an error that would repeat itself, which is among the last events (see also `Cluster.wait()`); and when
        ///   the task is cancelled.
        /// - **One loop at a time.** A second one beside it ends at once and writes a line to the log. After `break` another
        ///   loop may go on where the first was left, with the event after the one it had in hand.
        /// - In the loop's own task a shutdown does not wait for events that the loop has not taken yet.
        ///
        /// With an event or batch handler, or inline delivery, there are no events here and the loop ends with the cluster.
        public var events: ClusterEvents { ClusterEvents(cluster: self) }
    }

#endif
