import GatewayProtocol
import GatewayTransport
import Synchronization

/// Drives one shard: feeds its session with what happens on the wire and on the clock, and carries out what it decides.
/// Confined to its loop's thread.
final class ShardRunner: WebSocketOwner, @unchecked Sendable {
    let cell: ShardCell
    private let engine: EngineContext
    let context: LoopContext
    let loop: EventLoop
    /// Of the context, which holds them: unmanaged to spare retaining them for each message.
    private let scratch: Unmanaged<InflateScratch>
    private let queue: Unmanaged<DeliveryQueue>?
    private(set) var session: ShardSession
    private var socket: WebSocketConnection?
    /// Of the current connection; held by this, from `setInflater` on. Unmanaged to spare retaining it for each message.
    private var inflater: Unmanaged<Inflater>?
    private var actions: [SessionAction] = []
    private var performing = false
    private(set) var paused = false
    private var lastRead: UInt64 = 0
    private var epoch: UInt16
    private var markPending = false
    private var connectHost = ""
    private var handshake = Handshake.none
    /// What a resharding makes of this shard's dispatches; nil while there is none.
    var reshard: ReshardEntrance?
    /// What a resharding held back and is to be delivered before everything else.
    var backlog: ArraySlice<HeldEvent> = []
    /// The wish to identify that waits, or is granted and not carried out yet.
    private var turn: IdentifyTurn?

    /// Where the shard stands with the loop's limit of handshakes.
    private enum Handshake {
        case none
        case waiting(ConnectTarget)
        case running
    }
    /// The presence of the newest presence command: a new session begins with it (`gateway.md` §12).
    private var presence: PresenceUpdate?
    private lazy var timer = LoopTimer { [unowned self] now in
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

    private func requestIdentify() {
        giveUpTurn()
        turn = engine.identifies.request(shard: cell.id, total: cell.total, loop: loop) { [weak self] in
            self?.identifyGranted()
        }
    }

    /// The turn is over without an IDENTIFY.
    private func giveUpTurn() {
        turn?.cancel()
        turn = nil
    }

    private func identifyGranted() {
        if !session.identifyGranted(now: loop.now, &actions) { giveUpTurn() }
        perform()
    }

    /// The delivery queue has room again.
    func roomAgain() {
        guard paused else { return }
        guard flushBacklog() else { return context.pause(self) }
        paused = false
        reshard?.reading(isPaused: false)
        session.setReadPaused(false)
        socket?.resumeReading()
        perform()
    }

    // MARK: From the websocket

    func webSocketOpened() {
        engine.log.write(.debug, shard: cell.id) { [connectHost] in "connected to \(connectHost)" }
        endHandshake()
        session.connected(now: loop.now, &actions)
        perform()
    }

    func webSocketFailedToOpen(_ error: GatewayError, retryAfter: UInt64) {
        endHandshake()
        socket = nil
        session.connectFailed(error, retryAfter: retryAfter, now: loop.now, &actions)
        perform()
    }

    func webSocketRead(_ count: Int, at time: UInt64) {
        lastRead = time
        cell.bytesWire.addByOnlyWriter(UInt64(count))
        session.noteRead()
    }

    func webSocketBroken(_ error: WebSocketError) {
        session.protocolFailed(
            GatewayError(.protocolViolation, "the gateway broke the websocket protocol: \(error.reason)"),
            closeCode: error.closeCode, now: loop.now, &actions)
        perform()
    }

    func webSocketClosed(code: UInt16, reason: String) {
        socket = nil
        session.disconnected(code: code, reason: reason, now: loop.now, &actions)
        perform()
    }

    var mayReceive: Bool { hasRoom }

    @inline(__always)
    private var hasRoom: Bool {
        guard let queue, paused || !queue._withUnsafeGuaranteedRef({ $0.hasRoom }) else { return true }
        return makesRoom()
    }

    @inline(never)
    private func makesRoom() -> Bool {
        if flushBacklog(), context.queue?.hasRoom ?? true { return true }
        pauseReading()
        return false
    }

    /// Until the delivery queue has room.
    func pauseReading() {
        guard !paused else { return }
        paused = true
        reshard?.reading(isPaused: true)
        session.setReadPaused(true)
        context.pause(self)
    }

    func webSocketMessage(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer) -> Bool {
        if case .binary = kind, let inflater {
            receive(payload, inflating: inflater)
        } else if case .uncheckedText = kind {
            receive(payload, isChecked: false)
        } else {
            receive(payload, isChecked: true)
        }
        return hasRoom
    }

    // MARK: Payloads

    private func receive(_ payload: UnsafeRawBufferPointer, inflating inflater: Unmanaged<Inflater>) {
        let result = inflater._withUnsafeGuaranteedRef { inflater in
            scratch._withUnsafeGuaranteedRef { scratch in
                Result { () throws(InflateError) in try inflater.decompress(payload, into: scratch) }
            }
        }
        switch result {
        // What is compressed is no text to the websocket, and its UTF-8 the business of whoever reads it.
        case .success(let inflated?): receive(inflated, isChecked: true)
        case .success(nil): break
        case .failure(let error): protocolFailed("the compressed stream is broken: \(error.reason)")
        }
    }

    /// `isChecked`: not text, or text whose UTF-8 the websocket has checked.
    @inline(__always)
    private func receive(_ bytes: UnsafeRawBufferPointer, isChecked: Bool) {
        cell.bytesInflated.addByOnlyWriter(UInt64(bytes.count))
        guard !engine.kinds.has(.payload), let usual = UsualDispatch(bytes, names: engine.names) else {
            return receiveUnusual(bytes, isChecked: isChecked)
        }
        if !isChecked, !usual.wide.isEmpty { guard isUTF8(usual.wide) else { return } }
        dispatch(usual.type, name: usual.name, sequence: usual.sequence, data: usual.data)
    }

    /// A payload of any kind.
    @inline(never)
    private func receiveUnusual(_ bytes: UnsafeRawBufferPointer, isChecked: Bool) {
        guard isChecked || isUTF8(bytes) else { return }
        if engine.kinds.has(.payload), reshard?.isSilent != true {
            var event = EventView(kind: .payload, shardID: cell.id)
            event.data = bytes
            event.received = lastRead
            deliver(event, position: .none)
        }
        let envelope: Envelope
        do throws(EnvelopeError) {
            envelope = try Envelope.scan(bytes)
        } catch {
            protocolFailed("a payload is not a gateway payload: \(error.reason) at byte \(error.offset)")
            return
        }
        guard envelope.op == Opcode.dispatch.rawValue else { return control(envelope, bytes) }
        let data = UnsafeRawBufferPointer(rebasing: bytes[envelope.data])
        if envelope.nameHasEscapes {
            // The gateway writes no name with escapes, but may.
            envelope.decodedName(in: bytes).withUnsafeBytes {
                let type = EventType(wireName: $0)
                dispatch(type, name: type?.wireName ?? $0, sequence: envelope.sequence, data: data)
            }
        } else {
            let name = UnsafeRawBufferPointer(rebasing: bytes[envelope.name])
            let type = EventType(wireName: name)
            dispatch(type, name: type?.wireName ?? name, sequence: envelope.sequence, data: data)
        }
    }

    /// Text that the websocket left unchecked. When it is not UTF-8, the connection has failed (RFC 6455 §8.1).
    @inline(never)
    private func isUTF8(_ text: UnsafeRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        if validator.consume(text), validator.isComplete { return true }
        webSocketBroken(WebSocketError(closeCode: 1007, reason: "text message is not UTF-8"))
        return false
    }

    /// `name` is static storage for a type that is known.
    @inline(__always)
    private func dispatch(
        _ type: EventType?, name: UnsafeRawBufferPointer, sequence number: UInt64, data: UnsafeRawBufferPointer
    ) {
        guard session.dispatch(sequence: number, type: type, now: loop.now, &actions) else {
            // Rare, and counted: the count is published with the rest.
            perform()
            return
        }
        if type == .ready { guard beginSession(data) else { return } }
        let sequence = session.sequence
        cell.received.store(sequence, ordering: .relaxed)
        cell.events.addByOnlyWriter(1)
        context.metrics.events.add(at: Int(type?.rawValue ?? 0))
        let position = DeliveredPosition(epoch: epoch, sequence: sequence)
        if engine.passes(type, name: name) {
            var event = EventView(kind: .dispatch, shardID: cell.id)
            event.type = type
            event.sequence = number
            event.data = data
            event.received = lastRead
            event.name = name
            if let reshard, !mayDeliver(event, position: position, through: reshard) {
                // Another shard's to deliver, or nobody's.
            } else if type != nil {
                deliver(event, position: position)
            } else {
                deliverUnknown(&event, name: name, position: position)
            }
        } else {
            skip(to: position)
        }
        if !actions.isEmpty { perform() }
    }

    /// READY: what the session is to be resumed with. Returns false when it says nothing of the kind.
    private func beginSession(_ data: UnsafeRawBufferPointer) -> Bool {
        guard let id = JSONField.string(data, "/session_id"), !id.isEmpty,
            let url = JSONField.string(data, "/resume_gateway_url")
        else {
            protocolFailed("READY came without session_id or resume_gateway_url")
            return false
        }
        epoch = epoch == .max ? 1 : epoch + 1
        session.ready(sessionID: id, resumeURL: url, now: loop.now, &actions)
        cell.snapshot.withLock {
            $0.identities.append((epoch, id, url))
            if $0.identities.count > 4 { $0.identities.removeFirst() }
        }
        return true
    }

    private func control(_ envelope: Envelope, _ bytes: UnsafeRawBufferPointer) {
        let data = UnsafeRawBufferPointer(rebasing: bytes[envelope.data])
        let payload: ControlPayload
        switch Opcode(rawValue: envelope.op) {
        case .heartbeat: payload = .heartbeatRequest
        case .heartbeatAck: payload = .heartbeatAck
        case .reconnect: payload = .reconnect
        case .invalidSession: payload = .invalidSession(resumable: JSONField.bool(data, "") ?? false)
        case .hello:
            guard let interval = JSONField.uint64(data, "/heartbeat_interval") else {
                protocolFailed("HELLO came without a heartbeat interval")
                return
            }
            payload = .hello(milliseconds: interval)
        default:
            engine.log.write(.debug, shard: cell.id) { "ignored a payload with opcode \(envelope.op)" }
            return
        }
        session.control(payload, now: loop.now, &actions)
        perform()
    }

    private func protocolFailed(_ reason: String) {
        session.protocolFailed(GatewayError(.protocolViolation, reason), closeCode: 4000, now: loop.now, &actions)
        perform()
    }

    // MARK: Delivery

    @inline(__always)
    func deliver(_ event: EventView, position: DeliveredPosition) {
        if let queue {
            queue._withUnsafeGuaranteedRef { $0.push(event, position: position, cell: cell) }
        } else {
            engine.receiver._withUnsafeGuaranteedRef { $0.receive(event) }
            context.noteInline(event.received)
            if position != .none {
                cell.noteDelivered(position)
                cell.eventsDelivered.addByOnlyWriter(1)
            }
        }
    }

    /// A name that is not in the table is delivered as it stands, with a NUL behind it.
    private func deliverUnknown(
        _ event: inout EventView, name: UnsafeRawBufferPointer, position: DeliveredPosition
    ) {
        withUnsafeTemporaryAllocation(byteCount: name.count + 1, alignment: 1) { copy in
            copy.copyMemory(from: name)
            copy[name.count] = 0
            event.name = UnsafeRawBufferPointer(rebasing: copy[..<name.count])
            deliver(event, position: position)
        }
    }

    /// An event that the filter leaves out counts as delivered once everything before it is.
    @inline(__always)
    func skip(to position: DeliveredPosition) {
        if context.queue == nil {
            cell.noteDelivered(position)
        } else if !markPending {
            markPending = true
            context.mark(self)
        }
    }

    /// Returns whether the queue took it.
    func pushMark() -> Bool {
        guard let queue = context.queue, markPending else { return true }
        let position = DeliveredPosition(epoch: epoch, sequence: session.sequence)
        guard queue.pushPosition(position, cell: cell) else { return false }
        markPending = false
        if session.state == .stopped || session.state == .fatal { settle() }
        return true
    }

    /// The shard has ended: everything of it that is to be delivered is in the queue, or will be with its last mark.
    private func settle() {
        guard let queue = context.queue else { return cell.settledAt.store(0, ordering: .releasing) }
        if markPending, !pushMark() { return }
        cell.settledAt.store(queue.end, ordering: .releasing)
    }

    /// Whether the shard has ended and everything of it is delivered. Any thread.
    var isSettled: Bool {
        let position = cell.settledAt.load(ordering: .acquiring)
        return position >= 0 && (context.queue?.hasDelivered(position) ?? true)
    }

    // MARK: What the session decides

    private func perform() {
        guard !performing else { return }
        performing = true
        while !actions.isEmpty {
            var batch: [SessionAction] = []
            swap(&batch, &actions)
            for action in batch { carryOut(action) }
        }
        performing = false
        if let deadline = session.nextDeadline(now: loop.now) {
            loop.set(timer, at: deadline)
        } else {
            loop.clear(timer)
        }
        publish()
    }

    private func carryOut(_ action: SessionAction) {
        switch action {
        case .connect(let target): connect(target)
        case .send(let outgoing):
            do throws(GatewayError) {
                let bytes = try payload(of: outgoing)
                cell.snapshot.withLock { $0.bytesSent += UInt64(bytes.count) }
                socket?.sendText(bytes)
                if outgoing == .identify {
                    // The interval of the identify queue counts from here.
                    turn?.sent()
                    turn = nil
                }
            } catch {
                if outgoing == .identify { giveUpTurn() }
                session.fail(error, now: loop.now, &actions)
            }
        case .close(let code, let reason):
            engine.log.write(.debug, shard: cell.id) { "closing with \(code): \(reason)" }
            socket?.sendClose(code: code, reason: reason)
        case .drop(let code): leaveSocket(code: code)
        case .requestIdentify: requestIdentify()
        case .cancelIdentify: giveUpTurn()
        case .report(let report): tell(report)
        }
    }

    private func payload(of outgoing: SessionAction.Outgoing) throws(GatewayError) -> [UInt8] {
        switch outgoing {
        case .heartbeat(let sequence): return Payload.heartbeat(sequence: sequence)
        case .identify: return try engine.configuration.identify(shard: cell.id, total: cell.total, presence: presence)
        case .resume(let id, let sequence):
            return Payload.resume(token: engine.configuration.bareToken, sessionID: id, sequence: sequence)
        case .command(let bytes):
            cell.commands.wrappingSubtract(1, ordering: .relaxed)
            return bytes
        }
    }

    private func connect(_ target: ConnectTarget) {
        leaveSocket(code: 4000)
        setInflater(nil)
        if context.beginHandshake(self) {
            open(target)
        } else {
            handshake = .waiting(target)
        }
    }

    /// The turn of this shard to connect. Returns whether it took it.
    func connectNow() -> Bool {
        guard case .waiting(let target) = handshake else { return false }
        open(target)
        perform()
        return true
    }

    private func open(_ target: ConnectTarget) {
        handshake = .running
        session.connectBegan(now: loop.now)
        cell.snapshot.withLock { $0.connects += 1 }
        do throws(GatewayError) {
            let url = try engine.url(for: target)
            connectHost = url.host
            setInflater(try engine.makeInflater())
            let socket = try WebSocketConnection(
                loop: loop, endpoint: engine.endpoint(of: url), target: engine.connectionTarget(of: url),
                userAgent: engine.userAgent,
                maxMessageSize: engine.configuration.maxMessageSize, textCheck: .byOwner, owner: self)
            self.socket = socket
            socket.open(resolver: engine.resolver)
        } catch {
            endHandshake()
            session.connectFailed(error, now: loop.now, &actions)
        }
    }

    private func setInflater(_ new: Inflater?) {
        let old = inflater
        inflater = new.map { .passRetained($0) }
        old?.release()
    }

    private func endHandshake() {
        switch handshake {
        case .none: return
        case .waiting: context.cancelHandshake(self)
        case .running: context.endHandshake()
        }
        handshake = .none
    }

    private func leaveSocket(code: UInt16) {
        endHandshake()
        socket?.drop(code: code)
        socket = nil
    }

    private func tell(_ report: SessionReport) {
        var event = EventView(kind: .state, shardID: cell.id)
        event.state = session.state
        event.received = loop.now
        switch report {
        case .state(let state, let code, let delay):
            event.state = state
            event.code = code
            event.value = delay
            engine.log.write(.info, shard: cell.id) { "\(state)" }
            deliverIfWanted(event, text: "")
            if state == .backoff || state == .stopped || state == .fatal { setInflater(nil) }
            if state == .stopped || state == .fatal {
                settle()
                cell.hasEnded.store(true, ordering: .releasing)
            } else if cell.hasEnded.exchange(false, ordering: .relaxed) {
                cell.settledAt.store(-1, ordering: .relaxed)
            }
            // Who is woken by it must not see the state before.
            publish()
            engine.stateChanged(cell, to: state)
        case .closed(let code, let reason, let next):
            event.kind = .closed
            cell.snapshot.withLock {
                $0.closes[code, default: 0] += 1
                $0.lastClose = code
            }
            event.code = UInt32(code)
            event.state = next
            engine.log.write(.info, shard: cell.id) { "closed with \(code): \(reason)" }
            deliverIfWanted(event, text: reason)
        case .latency(let roundTrip):
            event.kind = .latency
            event.value = roundTrip
            context.metrics.heartbeats.record(roundTrip)
            deliverIfWanted(event, text: "")
        case .error(let error):
            event.kind = .error
            event.status = error.status
            cell.snapshot.withLock { $0.errors += 1 }
            engine.log.write(session.state == .fatal ? .error : .warning, shard: cell.id) { error.message }
            deliverIfWanted(event, text: error.message)
            if session.state == .fatal { engine.shardFailed(cell, error) }
        }
    }

    /// Tells where the shard is, though nothing changed.
    func tellState(_ state: ShardState) {
        var event = EventView(kind: .state, shardID: cell.id)
        event.state = state
        event.received = loop.now
        deliverIfWanted(event, text: "")
    }

    private func deliverIfWanted(_ event: EventView, text: String) {
        guard engine.kinds.has(event.kind), event.kind == .error || reshard?.isSilent != true else { return }
        var event = event
        var text = text
        text.withUTF8 {
            event.data = UnsafeRawBufferPointer($0)
            deliver(event, position: .none)
        }
    }

    private func publish() {
        let resumable = session.resumableSession
        cell.snapshot.withLock { snapshot in
            snapshot.state = session.state
            snapshot.counters = session.counters
            snapshot.latency = session.latency
            snapshot.sends = session.sends
            snapshot.heartbeatInterval = session.heartbeatInterval
            snapshot.inflaterBytes = inflater?._withUnsafeGuaranteedRef { $0.heldBytes } ?? 0
            snapshot.resumable = resumable
            if resumable == nil { snapshot.identities = [] }
        }
    }
}
