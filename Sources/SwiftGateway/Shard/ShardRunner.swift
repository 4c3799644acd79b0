import GatewayProtocol
import GatewayTransport
import Synchronization

/// Drives one shard: feeds its session with what happens on the wire and on the clock, and carries out what it decides.
/// Confined to its loop's thread.
final class ShardRunner: @unchecked Sendable {
    /// Where the shard stands with the loop's limit of handshakes.
    enum Handshake {
        case none
        case waiting(ConnectTarget)
        case running(ConnectTarget)
    }

    let cell: ShardCell
    let engine: EngineContext
    let context: LoopContext
    let loop: EventLoop
    /// Of the context, which holds them: unmanaged to spare retaining them for each message.
    let scratch: Unmanaged<InflateScratch>
    let queue: Unmanaged<DeliveryQueue>?
    var session: ShardSession
    var socket: WebSocketConnection?
    /// Of the current connection; held by this, from `setInflater` on. Unmanaged to spare retaining it for each message.
    var inflater: Unmanaged<Inflater>?
    var actions: [SessionAction] = []
    var performing = false
    var paused = false
    var lastRead: UInt64 = 0
    var epoch: UInt16
    var markPending = false
    var connectHost = ""
    var handshake = Handshake.none
    /// What a resharding makes of this shard's dispatches; nil while there is none.
    var reshard: ReshardEntrance?
    /// What a resharding held back and is to be delivered before everything else.
    var backlog: ArraySlice<HeldEvent> = []
    /// The wish to identify that waits, or is granted and not carried out yet.
    var turn: IdentifyTurn?
    /// The presence of the newest presence command: a new session begins with it (`gateway.md` §12).
    var presence: PresenceUpdate?
    lazy var timer = LoopTimer { [unowned self] now in
        session.tick(now: now, &actions)
        perform()
    }

    /// `presence`: in place of the one that the configuration names.
    init(
        cell: ShardCell, engine: EngineContext, context: LoopContext, resuming: ResumableSession?,
        presence: PresenceUpdate? = nil
    ) {
        self.cell = cell
        self.engine = engine
        self.context = context
        loop = context.loop
        scratch = .passUnretained(context.scratch)
        queue = context.queue.map { .passUnretained($0) }
        self.presence = presence ?? engine.configuration.presence(ofShard: cell.id)
        session = ShardSession(
            settings: engine.configuration.session, random: SessionRandom(seed: UInt64.random(in: 0 ... .max)),
            resuming: resuming)
        epoch = resuming == nil ? 0 : 1
        if let resuming {
            cell.received.store(resuming.sequence, ordering: .relaxed)
            cell.noteDelivered(DeliveredPosition(epoch: 1, sequence: resuming.sequence))
            cell.snapshot.withLock {
                $0.resumable = resuming
                $0.identities = [(1, resuming.id, resuming.resumeURL)]
            }
        }
    }

    deinit { inflater?.release() }

    // MARK: From the cluster, on the loop's thread

    func start() {
        session.start(now: loop.now, &actions)
        perform()
    }

    func shutdown(resumable: Bool) {
        session.shutdown(resumable: resumable, now: loop.now, &actions)
        perform()
    }

    func restart(resuming: Bool) {
        session.restart(resuming: resuming, now: loop.now, &actions)
        perform()
    }

    /// Bytes that wait in the queue of this shard's loop. Any thread.
    var queueDepth: Int { context.queue?.depth ?? 0 }

    /// Runs `body` with this shard on its loop's thread.
    func onLoop(_ body: @escaping @Sendable (ShardRunner) -> Void) {
        loop.post { [self] in body(self) }
    }

    /// Another shard met an error that this one would meet as well; not so while it has a session of its own.
    func failUnlessResumable(_ error: GatewayError) {
        guard session.resumableSession == nil else { return }
        session.fail(error, now: loop.now, &actions)
        perform()
    }

    /// An old shard of a resharding ends. Returns the commands that wait to be sent.
    func endLeft() -> [[UInt8]] {
        let commands = session.takeCommands()
        cell.commands.wrappingSubtract(commands.count, ordering: .relaxed)
        shutdown(resumable: false)
        return commands
    }

    /// Gives up without waiting for anyone. The sessions stay resumable.
    func abandon() {
        leaveSocket(code: 4000)
        session.shutdown(resumable: true, now: loop.now, &actions)
        session.disconnected(code: 1006, reason: "abandoned", now: loop.now, &actions)
        perform()
    }

    func send(_ command: GatewayCommand) {
        if let newPresence = command.presence { presence = newPresence }
        do throws(GatewayError) {
            try session.enqueue(command.payload, now: loop.now, &actions)
        } catch {
            // The shard stopped after the command was accepted.
            cell.commands.wrappingSubtract(1, ordering: .relaxed)
            engine.log.write(.warning, shard: cell.id) { "a command was not sent: \(error.message)" }
        }
        perform()
    }
}
