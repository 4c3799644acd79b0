import Foundation
import NIOCore
import NIOPosix

/// Everything the sandbox is, on one event loop: no state of it is touched elsewhere, so nothing needs a lock.
final class GatewayServer: @unchecked Sendable {
    let configuration: SandboxConfiguration
    let loop: any EventLoop
    let identities: ServerIdentities?
    let catalogue = Catalogue.shared
    var state: GatewayState
    private(set) var journal: Journal
    private(set) var connections: [Int: GatewayConnection] = [:]
    /// Faults that wait for their moment, oldest first.
    var armed: [(id: Int, order: FaultOrder)] = []
    var nextFault = 1
    var eventsPerSecond: Double
    var listeners: Listeners?
    var gatewayURL = ""
    /// Shared by all connections: only one of them is ever at work.
    var scratch: [UInt8] = []
    var message: [UInt8] = []

    private let started: NIODeadline
    private var nextConnection = 1
    private var waiters: [Int: (predicate: @Sendable (Journal) -> Bool, promise: EventLoopPromise<Bool>)] = [:]
    private var nextWaiter = 1
    private var streamTimer: RepeatedTask?
    private var chaosTimer: RepeatedTask?
    private var streamedUntil: NIODeadline

    init(configuration: SandboxConfiguration, loop: any EventLoop) throws {
        self.configuration = configuration
        self.loop = loop
        identities = configuration.tls ? try ServerIdentities() : nil
        started = .now()
        streamedUntil = started
        state = GatewayState(configuration, now: started.uptimeNanoseconds)
        journal = Journal(limit: configuration.journalLimit)
        eventsPerSecond = configuration.eventsPerSecond
    }

    var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    // MARK: Journal

    func note(_ event: JournalEvent, connection: GatewayConnection? = nil) {
        let shard = connection?.logic?.session.flatMap { state.sessions[$0] }.map { Int($0.shard) }
        journal.append(
            event, time: .nanoseconds(Int64(clamping: now - started.uptimeNanoseconds)), connection: connection?.id,
            endpoint: connection?.endpoint, shard: shard ?? connection?.lastShard
        )
        guard !waiters.isEmpty else { return }
        for (id, waiter) in waiters where waiter.predicate(journal) {
            waiters[id] = nil
            waiter.promise.succeed(true)
        }
    }

    /// Succeeds with true once `predicate` holds, with false when the time is up.
    func wait(timeout: Duration, for predicate: @escaping @Sendable (Journal) -> Bool) -> EventLoopFuture<Bool> {
        if predicate(journal) { return loop.makeSucceededFuture(true) }
        let promise = loop.makePromise(of: Bool.self)
        let id = nextWaiter
        nextWaiter += 1
        waiters[id] = (predicate, promise)
        let timer = loop.scheduleTask(in: .nanoseconds(Int64(clamping: timeout.nanoseconds))) {
            self.waiters.removeValue(forKey: id)?.promise.succeed(false)
        }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }

    // MARK: Connections

    func register(_ channel: any Channel, endpoint: Endpoint) -> GatewayConnection {
        let connection = GatewayConnection(id: nextConnection, endpoint: endpoint, channel: channel, server: self)
        nextConnection += 1
        connections[connection.id] = connection
        channel.closeFuture.whenComplete { _ in connection.ended() }
        note(.accepted, connection: connection)
        return connection
    }

    func unregister(_ connection: GatewayConnection) {
        guard connections.removeValue(forKey: connection.id) != nil else { return }
        detach(connection)
        note(.disconnected, connection: connection)
    }

    /// The session goes on without its connection.
    func detach(_ connection: GatewayConnection) {
        guard let id = connection.logic?.session, state.sessions[id]?.connection == connection.id else { return }
        state.sessions[id]?.connection = nil
        state.sessions[id]?.detachedAt = now
        let lifetime = configuration.sessionLifetime.nanoseconds
        loop.scheduleTask(in: .nanoseconds(Int64(clamping: lifetime &+ 1_000_000))) {
            guard let session = self.state.sessions[id], session.connection == nil,
                self.now &- session.detachedAt > lifetime
            else { return }
            self.endSession(id)
        }
    }

    /// The session cannot be resumed any more.
    func endSession(_ id: String) {
        guard let session = state.sessions.removeValue(forKey: id) else { return }
        note(.sessionEnded(session: id))
        if let connection = session.connection.flatMap({ connections[$0] }) { connection.sessionEnded() }
    }

    /// Gives a session to a connection, and takes it from the one that had it.
    func attach(_ id: String, to connection: GatewayConnection) {
        guard let session = state.sessions[id] else { return }
        if let old = session.connection.flatMap({ connections[$0] }), old !== connection { old.lostSession() }
        state.sessions[id]?.connection = connection.id
    }

    /// The token was reset: every session ends with 4004 (`gateway.md` §22).
    func revokeEverything() {
        for connection in connections.values where connection.logic?.session != nil {
            connection.close(code: 4004, reason: "Authentication failed.")
        }
        for id in state.sessions.keys { endSession(id) }
    }

    // MARK: The stream of events

    func startStream() {
        streamTimer?.cancel()
        streamTimer = nil
        guard eventsPerSecond > 0 else { return }
        // Fine enough that slow sessions get their events one by one, coarse enough to cost little.
        let period = min(20_000_000, max(1_000_000, Int64(1e9 / eventsPerSecond)))
        streamedUntil = .now()
        streamTimer = loop.scheduleRepeatedTask(initialDelay: .nanoseconds(period), delay: .nanoseconds(period)) { _ in
            self.streamTick()
        }
    }

    private func streamTick() {
        let now = NIODeadline.now()
        let due = Double((now - streamedUntil).nanoseconds) / 1e9 * eventsPerSecond
        streamedUntil = now
        // A session that cannot keep up owes at most a second's worth.
        let debtLimit = max(1, Int(eventsPerSecond))
        for id in state.sessions.keys {
            guard var session = state.sessions.removeValue(forKey: id) else { continue }
            session.due += due
            let whole = Int(session.due)
            session.due -= Double(whole)
            if session.connection == nil {
                // Nobody there: remembered, for as long as the buffer reaches.
                for _ in 0..<min(whole, session.replay.limit) { session.advanceStream(catalogue: catalogue) }
            } else if session.pending < debtLimit {
                // A burst may be more than the debt limit; it is not the stream's business.
                session.pending = min(debtLimit, session.pending + whole)
            }
            state.sessions[id] = session
            pump(id)
        }
    }

    /// Sends what is new, if somebody is connected.
    func pump(_ id: String) {
        if let connection = state.sessions[id]?.connection.flatMap({ connections[$0] }) { connection.pump() }
    }

    /// The newest session of each shard, or of one.
    func currentSessions(shard: Int?) -> [Session] {
        var newest: [UInt64: Session] = [:]
        for session in state.sessions.values where shard.map({ UInt64($0) == session.shard }) ?? true {
            if let other = newest[session.shard], other.serial > session.serial { continue }
            newest[session.shard] = session
        }
        return newest.values.sorted { $0.shard < $1.shard }
    }

    // MARK: Chaos

    func startChaos() {
        guard let pause = configuration.chaos, pause > .zero else { return }
        let period = TimeAmount.nanoseconds(Int64(clamping: pause.nanoseconds))
        chaosTimer = loop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in self.strikeRandomly() }
    }

    private func strikeRandomly() {
        let victims = connections.values.filter { $0.logic?.session != nil && !$0.isClosing }.sorted { $0.id < $1.id }
        guard let victim = victims.randomElement(using: &state.random),
            let fault = configuration.chaosFaults.randomElement(using: &state.random)
        else { return }
        victim.apply(fault)
    }

    func shutDown() {
        streamTimer?.cancel()
        chaosTimer?.cancel()
        for (_, waiter) in waiters { waiter.promise.succeed(false) }
        waiters = [:]
        for connection in connections.values { connection.channel.close(promise: nil) }
    }
}
