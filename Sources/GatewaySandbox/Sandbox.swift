import Foundation
import NIOCore
import NIOPosix

/// Why a sandbox call failed.
public enum SandboxError: Error, Equatable {
    /// The sandbox has been stopped.
    case stopped
    /// The CA file could not be written.
    case caFile(String)
}

/// What is known of a session.
public struct SessionSnapshot: Sendable, Equatable {
    public let id: String
    public let shard: Int
    public let shardTotal: Int
    /// Sequence of the newest dispatch made, sent or not.
    public let lastSequence: UInt64
    /// Sequence of the newest dispatch written to the connection; nil without connection.
    public let lastSent: UInt64?
    /// Sequence of the oldest dispatch that can be replayed.
    public let oldestReplayable: UInt64
    /// Running number of the newest streamed MESSAGE_CREATE.
    public let messages: UInt64
    /// Streamed dispatches that are due but not made yet, because the peer is slow.
    public let pending: Int
    public let isConnected: Bool
}

/// A local gateway for tests. Start one, point a client at `gatewayURL` or `apiURL`, and make its life hard:
///
/// ```swift
/// let sandbox = try await Sandbox.start()
/// await sandbox.emitBurst(shard: 0, count: 1000)
/// await sandbox.inject(.drop())
/// let resumed = await sandbox.wait { $0.count { if case .resumed = $0 { true } else { false } } == 1 }
/// try await sandbox.stop()
/// ```
///
/// All calls may come from any task.
public final class Sandbox: Sendable {
    public let configuration: SandboxConfiguration
    /// `wss://127.0.0.1:PORT`, or `ws://` without TLS.
    public let gatewayURL: String
    /// What READY gives as `resume_gateway_url`: the same host at another port.
    public let resumeURL: String
    /// `https://127.0.0.1:PORT/api/v10`, or `http://` without TLS.
    public let apiURL: String
    /// Base of the control endpoint; nil without one.
    public let controlURL: String?
    /// PEM file with the CA of the server certificate; nil without TLS. It is removed when the sandbox stops.
    public let caFile: String?
    public let token: String
    let server: GatewayServer
    private let group: MultiThreadedEventLoopGroup
    private let directory: String?

    private init(
        server: GatewayServer, group: MultiThreadedEventLoopGroup, ports: [Endpoint: Int], controlPort: Int?,
        caFile: String?, directory: String?
    ) {
        configuration = server.configuration
        self.server = server
        self.group = group
        self.directory = directory
        self.caFile = caFile
        token = configuration.token
        gatewayURL = configuration.url("ws", port: ports[.main])
        resumeURL = configuration.url("ws", port: ports[.resume])
        apiURL = configuration.url("http", port: ports[.main]) + "/api/v10"
        controlURL = controlPort.map { "http://\(server.configuration.urlHost):\($0)" }
    }

    /// Starts a sandbox; it listens when this returns.
    public static func start(_ configuration: SandboxConfiguration = SandboxConfiguration()) async throws -> Sandbox {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let loop = group.next()
            let server = try GatewayServer(configuration: configuration, loop: loop)
            let listeners = Listeners(server: server)
            try await loop.flatSubmit { listeners.reopen() }.get()
            let controlPort = try await ControlListener.open(server)
            var caFile: String?
            var directory: String?
            if let pem = server.identities?.caPEM {
                let path = try temporaryDirectory()
                directory = path
                caFile = path + "/ca.pem"
                try write(pem, to: path + "/ca.pem")
            }
            let ports = try await loop.submit {
                server.listeners = listeners
                server.gatewayURL = configuration.url("ws", port: listeners.ports[.main])
                server.state.resumeURL = configuration.url("ws", port: listeners.ports[.resume])
                server.startStream()
                server.startChaos()
                for order in configuration.faults { server.place(order) }
                return listeners.ports
            }.get()
            return Sandbox(
                server: server, group: group, ports: ports, controlPort: controlPort, caFile: caFile,
                directory: directory
            )
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    /// Ends all connections and stops listening.
    public func stop() async {
        _ = try? await server.loop.submit { self.server.shutDown() }.get()
        try? await group.shutdownGracefully()
        if let directory { try? FileManager.default.removeItem(atPath: directory) }
    }

    // MARK: Watching

    /// What the sandbox has seen so far.
    public var journal: Journal {
        get async { await run { $0.journal } ?? Journal(limit: 0) }
    }

    /// Waits until `predicate` holds for the journal; false when it does not in time. It is asked at every new entry.
    public func wait(
        timeout: Duration = .seconds(10), for predicate: @escaping @Sendable (Journal) -> Bool
    ) async -> Bool {
        let server = server
        let future = server.loop.flatSubmit { server.wait(timeout: timeout, for: predicate) }
        return (try? await future.get()) ?? false
    }

    /// The first entry from `index` on that matches; nil when none comes in time.
    public func entry(
        from index: Int = 0, timeout: Duration = .seconds(10), where matches: @escaping @Sendable (JournalEntry) -> Bool
    ) async -> JournalEntry? {
        guard await wait(timeout: timeout, for: { $0.entries(from: index).contains(where: matches) }) else {
            return nil
        }
        return await journal.entries(from: index).first(where: matches)
    }

    /// All sessions that can be resumed, by order of creation.
    public var sessions: [SessionSnapshot] {
        get async { await run { $0.snapshots() } ?? [] }
    }

    /// The newest session of a shard.
    public func session(shard: Int) async -> SessionSnapshot? { await sessions.last { $0.shard == shard } }

    // MARK: Acting

    /// Makes a fault happen. Faults of open connections happen at once unless `moment` says otherwise; faults of new
    /// connections and of HTTP answers wait for them, `times` times or until `clearFaults()`.
    /// - Returns: the number of connections hit at once.
    @discardableResult
    public func inject(
        _ fault: Fault, at moment: Moment? = nil, shard: Int? = nil, endpoint: Endpoint? = nil, times: Int? = nil
    ) async -> Int {
        await inject(FaultOrder(fault, at: moment, shard: shard, endpoint: endpoint, times: times))
    }

    @discardableResult
    public func inject(_ order: FaultOrder) async -> Int { await run { $0.place(order) } ?? 0 }

    /// Ends all faults that wait or last, and listens again where connections were refused.
    public func clearFaults() async {
        let server = server
        _ = try? await server.loop.flatSubmit { () -> EventLoopFuture<Void> in
            server.clearFaults()
            return server.listeners?.reopen() ?? server.loop.makeSucceededVoidFuture()
        }.get()
    }

    /// Adds a dispatch to the shard's session, whatever its intents.
    /// - Parameter json: the text of `d`.
    /// - Returns: its sequence; nil when the shard has no session.
    @discardableResult
    public func emit(shard: Int = 0, name: String, json: String) async -> UInt64? {
        await run { $0.emit(shard: shard, name: name, json: json) } ?? nil
    }

    /// Adds a dispatch of a guild to every session that serves it, whatever its intents: one for each total that the
    /// bot's shards were numbered with.
    /// - Parameter json: the text of `d`.
    /// - Returns: the number of sessions.
    @discardableResult
    public func broadcast(guild: UInt64, name: String, json: String) async -> Int {
        await run { $0.broadcast(guild: guild, name: name, json: json) } ?? 0
    }

    /// The ids of the bot's guilds.
    public var guilds: [UInt64] { (0..<configuration.guilds).map(GuildScheme(count: configuration.guilds).id) }

    /// Adds so many dispatches of the stream to the sessions of a shard, or of all, as fast as their peers read. For a
    /// session without connection they are at once among those it missed; what a connection leaves unsent when it ends
    /// waits for the next one.
    public func emitBurst(shard: Int? = nil, count: Int) async {
        await run { $0.burst(shard: shard, count: count) }
    }

    /// Changes the rate of the stream; 0 stops it.
    public func setEventsPerSecond(_ rate: Double) async {
        await run {
            $0.eventsPerSecond = rate
            $0.startStream()
        }
    }

    /// Sets `session_start_limit.remaining`.
    public func setIdentifiesRemaining(_ remaining: Int) async {
        await run { $0.state.startLimit.set(remaining: remaining) }
    }

    /// Makes the token valid again after it was revoked.
    public func restoreToken() async { await run { $0.state.isTokenRevoked = false } }

    /// Runs on the event loop; nil when the sandbox has stopped.
    @discardableResult
    private func run<Result: Sendable>(_ body: @escaping @Sendable (GatewayServer) -> Result) async -> Result? {
        let server = server
        return try? await server.loop.submit { body(server) }.get()
    }

    // MARK: Files

    private static func temporaryDirectory() throws -> String {
        let path = FileManager.default.temporaryDirectory.path + "/gateway-sandbox-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    static func write(_ text: String, to path: String) throws {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw SandboxError.caFile("\(path): \(error.localizedDescription)")
        }
    }
}

extension SandboxConfiguration {
    /// A base URL; `scheme` is the one without TLS.
    func url(_ scheme: String, port: Int?) -> String {
        "\(scheme)\(tls ? "s" : "")://\(urlHost):\(port ?? 0)"
    }

    /// IPv6 addresses stand in brackets.
    var urlHost: String { host.contains(":") ? "[\(host)]" : host }
}

extension GatewayServer {
    func snapshots() -> [SessionSnapshot] {
        state.sessions.values.sorted { $0.serial < $1.serial }.map { session in
            let connection = session.connection.flatMap { connections[$0] }
            return SessionSnapshot(
                id: session.id, shard: Int(session.shard), shardTotal: Int(session.total),
                lastSequence: session.sequence, lastSent: connection.map { $0.cursor - 1 },
                oldestReplayable: session.replay.first, messages: session.messages, pending: session.pending,
                isConnected: connection != nil
            )
        }
    }

    func emit(shard: Int, name: String, json: String) -> UInt64? {
        guard let session = currentSessions(shard: shard).first else { return nil }
        state.sessions[session.id]?.replay.append(.event(name, json))
        pump(session.id)
        return session.sequence + 1
    }

    func broadcast(guild: UInt64, name: String, json: String) -> Int {
        var newest: [UInt64: Session] = [:]
        for session in state.sessions.values where session.guilds.contains(guild) {
            if let other = newest[session.total], other.serial > session.serial { continue }
            newest[session.total] = session
        }
        for session in newest.values {
            state.sessions[session.id]?.replay.append(.event(name, json))
            pump(session.id)
        }
        return newest.count
    }

    func burst(shard: Int?, count: Int) {
        for session in currentSessions(shard: shard) {
            guard session.connection == nil else {
                state.sessions[session.id]?.pending += max(0, count)
                pump(session.id)
                continue
            }
            for _ in 0..<max(0, count) { state.sessions[session.id]?.advanceStream(catalogue: catalogue) }
        }
    }
}
