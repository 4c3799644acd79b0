import GatewayProtocol
import GatewayTransport

/// The sessions that outlive the run.
extension Engine {
    /// Asks the store for what it keeps, on the thread that starts the cluster; not when the last run left sessions.
    func loadSessions() {
        guard let store = configuration.sessionStore, cluster.state.withLock({ $0.sessions.isEmpty }) else { return }
        do throws(GatewayError) {
            guard let bytes = try store.load() else { return }
            do throws(GatewayError) {
                stored = try SessionDocument.parse(
                    bytes, fingerprint: SessionDocument.fingerprint(of: configuration.bareToken))
            } catch {
                guard let file = store as? SessionFile else { throw error }
                throw GatewayError(.file, "\(file.path): \(error.message)")
            }
        } catch {
            let error = GatewayError(.file, error.message)
            log.write(.warning, "cluster") { error.message }
            tell(error, state: .connecting)
        }
    }

    /// Sessions from the last run, the import, or the store, in this order; none when they are for another total.
    func storedSessions(total: UInt32) -> [UInt32: ResumableSession] {
        var (sessions, sessionsTotal) = cluster.state.withLock { ($0.sessions, $0.sessionsTotal) }
        if sessions.isEmpty, let stored { (sessions, sessionsTotal) = (stored.sessions, stored.total) }
        stored = nil
        guard !sessions.isEmpty, sessionsTotal != total else { return sessions }
        tell(
            GatewayError(
                .file, "the stored sessions are for \(sessionsTotal) shards in all, this cluster has \(total): not used"
            ),
            state: .connecting)
        return [:]
    }

    func document() -> SessionDocument {
        let (cells, total) = shards.withLock { (Array($0.cells.values), $0.total) }
        var sessions: [UInt32: ResumableSession] = [:]
        if !forgets.load(ordering: .acquiring) {
            for cell in cells { sessions[cell.id] = cell.deliveredSession }
        }
        return SessionDocument(
            fingerprint: SessionDocument.fingerprint(of: configuration.bareToken), total: total, sessions: sessions)
    }

    /// After a final end that came before the shards were made: nobody else takes their sessions out of the store.
    func forgetStoredSessions() {
        guard let store = configuration.sessionStore else { return }
        let total = cluster.state.withLock { $0.sessions.isEmpty ? nil : $0.sessionsTotal }
        guard let total = total ?? stored.flatMap({ $0.sessions.isEmpty ? nil : $0.total }) else { return }
        let empty = SessionDocument(
            fingerprint: SessionDocument.fingerprint(of: configuration.bareToken), total: total, sessions: [:])
        do throws(GatewayError) {
            try store.save(empty.json(), isLast: true)
        } catch {
            saveFailure = error
        }
    }

    /// Begins to write them where they are kept.
    func startWriter(on loop: EventLoop) throws(GatewayError) {
        guard let store = configuration.sessionStore else { return }
        let writer = SessionWriter(
            store: store, document: { [unowned self] in document() },
            onError: { [unowned self] error in
                let error = GatewayError(.file, error.message)
                loop.post { [self] in tell(error, state: .active) }
            })
        try writer.start()
        self.writer = writer
    }
}
