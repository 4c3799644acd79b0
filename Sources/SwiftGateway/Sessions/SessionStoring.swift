/// Where a cluster keeps its sessions, so that they survive the process: what `Configuration.setSessionStore` takes. The
/// session file is one.
///
/// The text is JSON, some 200 bytes for each shard; what is in it belongs to the library, and a session id in it lets its
/// holder listen in: keep it from others. It is small enough for any database, and one key holds all of it.
///
/// What either of them throws becomes an error event with `Status.file`; the cluster goes on without.
public protocol SessionStoring: Sendable {
    /// The text that was saved last; nil when there is none yet. Called on the thread that starts the cluster, while it
    /// does, unless the cluster still has the sessions of its last run.
    func load() throws(GatewayError) -> [UInt8]?

    /// Keeps the text in place of the one before. Called on a thread of its own, one call at a time: at most four times a
    /// second while sessions go on, and once at shutdown (`isLast`), which waits for it. Blocking harms nobody else. A
    /// text that could not be saved is tried again with what is then current. A final shutdown that comes before the
    /// shards are known takes the sessions out on its own thread.
    func save(_ json: [UInt8], isLast: Bool) throws(GatewayError)
}
