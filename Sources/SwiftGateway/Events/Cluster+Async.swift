#if !SWIFTGATEWAY_WITHOUT_CONCURRENCY

    import GatewayProtocol
    import GatewayTransport
    import Synchronization

    /// How a cluster ends.
    public enum ShutdownMode: Sendable, Hashable {
        /// Close code 4000: the gateway keeps the sessions for some minutes, for a later start to resume.
        case resumable
        /// Close code 1000: the sessions end and the bot goes offline.
        case final
    }

    /// Waiting without blocking a thread of the cooperative pool.
    extension Cluster {
        /// Waits until all shards have been active at least once. Throws the error of a shard that is fatal, `timeout`,
        /// `cancelled` when the task is cancelled or the cluster is shut down meanwhile, `invalidState` before start.
        public func waitReady(timeout: Duration? = nil) async throws(GatewayError) {
            try await cancellable { (cluster, cancelled) throws(GatewayError) in
                try cluster.waitReady(timeout: timeout?.wholeNanoseconds, cancelled: cancelled)
            }
        }

        /// Waits until the cluster is shut down. Throws the error of a shard that is fatal, as soon as there is one,
        /// `timeout`, `cancelled` when the task is cancelled, `invalidState` before start.
        public func wait(timeout: Duration? = nil) async throws(GatewayError) {
            try await cancellable { (cluster, cancelled) throws(GatewayError) in
                try cluster.wait(timeout: timeout?.wholeNanoseconds, cancelled: cancelled)
            }
        }

        /// Waits until the shards of a `reshard` have taken over and no copy of an event can come any more; at once when that is
        /// past. Throws `timeout`, `cancelled` when the task or the resharding is cancelled or the cluster is shut down, what
        /// made it fail, `invalidState` when there was none.
        public func waitReshard(timeout: Duration? = nil) async throws(GatewayError) {
            try await cancellable { (cluster, cancelled) throws(GatewayError) in
                try cluster.waitReshard(timeout: timeout?.wholeNanoseconds, cancelled: cancelled)
            }
        }

        /// Closes all connections, waits until the loop over `events` has taken and finished what is queued, and stores
        /// the sessions. Cancelling the task does not cut it short.
        ///
        /// Throws `timeout` when it was not done by `deadline` (default 5 s; practice): connections are dropped then, and
        /// what was not delivered is repeated to a session that is resumed. Events are not waited for when nobody
        /// takes them: without a loop, or when it is the loop's own task that calls this.
        public func shutdown(
            _ mode: ShutdownMode, deadline: Duration = .seconds(5)
        ) async throws(GatewayError) {
            let task = CurrentTask.id
            let result = await onThread { [self] () throws(GatewayError) in
                channel.leaves(task: task)
                try shutdown(resumable: mode == .resumable, timeout: deadline.wholeNanoseconds)
            }
            try result.get()
        }

        private func cancellable(
            _ body: @escaping @Sendable (Cluster, @escaping () -> Bool) throws(GatewayError) -> Void
        ) async throws(GatewayError) {
            let flag = CancelFlag()
            let result = await withTaskCancellationHandler {
                await onThread { [self] () throws(GatewayError) in try body(self) { flag.isSet } }
            } onCancel: {
                flag.set()
                state.update { _ in }
            }
            try result.get()
        }
    }

    private final class CancelFlag: Sendable {
        private let value = Atomic<Bool>(false)

        var isSet: Bool { value.load(ordering: .acquiring) }
        func set() { value.store(true, ordering: .releasing) }
    }

    /// Runs something that blocks on a thread of its own: the cooperative pool has one per core and must not block.
    private func onThread(
        _ body: @escaping @Sendable () throws(GatewayError) -> Void
    ) async -> Result<Void, GatewayError> {
        await withUnsafeContinuation { continuation in
            do throws(GatewayError) {
                let thread = try EngineThread(name: "sg-wait") {
                    continuation.resume(returning: Result { () throws(GatewayError) in try body() })
                }
                thread.detach()
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }

    extension Duration {
        /// Nanoseconds, 0 for what is negative, at most 292 years.
        var wholeNanoseconds: UInt64 {
            let (seconds, attoseconds) = components
            guard seconds >= 0, attoseconds >= 0 else { return 0 }
            guard seconds < Int64.max / 1_000_000_000 else { return UInt64(Int64.max) }
            return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        }
    }

#endif
