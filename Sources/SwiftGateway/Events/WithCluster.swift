#if !SWIFTGATEWAY_WITHOUT_CONCURRENCY

    import GatewayProtocol

    /// Starts a cluster, runs `body` with it, and shuts it down whatever happens: when `body` returns, throws, or its task
    /// is cancelled.
    ///
    /// ```swift
    /// try await withCluster(configuration) { cluster in
    ///     for await (shard, event) in cluster.events { … }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - configuration: How to connect and what to deliver.
    ///   - mode: How to end; default `resumable`, so that the next process goes on where this one stopped.
    ///   - deadline: How long the end may take, default 5 s (practice). When it takes longer the connections are dropped,
    ///     which costs no event of a resumable session, and the log says so.
    ///   - isolation: The actor that `body` runs on, default the caller's.
    ///   - body: What to do while the cluster runs.
    /// - Returns: What `body` returned.
    /// - Throws: What `body` threw; otherwise the error of a shard that is fatal; before `body`, what `Cluster.init` and
    ///   `Cluster.start()` throw.
    public func withCluster<Result>(
        _ configuration: Configuration, shutdown mode: ShutdownMode = .resumable, deadline: Duration = .seconds(5),
        isolation: isolated (any Actor)? = #isolation, _ body: (Cluster) async throws -> sending Result
    ) async throws -> sending Result {
        let cluster = try Cluster(configuration)
        try cluster.start()
        let result: Result
        do {
            result = try await body(cluster)
        } catch {
            await end(cluster, mode, deadline)
            throw error
        }
        let failure = cluster.failure
        await end(cluster, mode, deadline)
        if let failure { throw failure }
        return result
    }

    private func end(_ cluster: Cluster, _ mode: ShutdownMode, _ deadline: Duration) async {
        do throws(GatewayError) {
            try await cluster.shutdown(mode, deadline: deadline)
        } catch {
            cluster.log.write(.warning, "cluster") { "the shutdown was not complete: \(error.message)" }
        }
    }

    extension Cluster {
        /// The error of the first shard that is fatal in this run, or of the cluster as a whole; nil while there is none.
        public var failure: GatewayError? { state.withLock { $0.failure } }
    }

#endif
