import Foundation
import NIOCore
import NIOWebSocket

/// One TCP connection: carries frames between the socket and `ConnectionLogic`.
final class GatewayConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = WebSocketFrame

    let id: Int
    let endpoint: Endpoint
    let channel: any Channel
    unowned let server: GatewayServer
    /// Below TLS, and just above it.
    let socketTap = WireTap()
    let plainTap = WireTap()
    lazy var writer = ConnectionWriter(connection: self)

    /// Faults found at acceptance, for when the pipeline stands.
    var acceptFaults: [Fault] = []
    var isHandshaking = false

    /// Nil until the upgrade.
    var logic: ConnectionLogic?
    /// Shard of the last session, for the journal.
    private(set) var lastShard: Int?
    /// Sequence of the dispatch that goes out next.
    var cursor: UInt64 = 1
    /// A close frame went out, or the socket was given up.
    private(set) var isClosing = false
    var acknowledges = true
    var ackDelay = Duration.zero
    /// Once the cursor is past it, READY and the guilds, or RESUMED, have been written.
    private var startedMark: UInt64?
    private var assembler = MessageAssembler()
    private var isPumping = false

    init(id: Int, endpoint: Endpoint, channel: any Channel, server: GatewayServer) {
        self.id = id
        self.endpoint = endpoint
        self.channel = channel
        self.server = server
    }

    // MARK: Life

    /// The upgrade is done and this handler is in the pipeline.
    func open(_ request: UpgradeRequest) {
        logic = ConnectionLogic(configuration: server.configuration, now: server.now)
        server.note(.upgraded(uri: request.uri, userAgent: request.userAgent), connection: self)
        let refusal = ConnectionLogic.refusal(
            version: request.query["v"], encoding: request.query["encoding"], compress: request.query["compress"],
            hasZstd: ZstdLibrary.shared != nil
        )
        if let refusal { return close(code: Int(refusal.code.rawValue), reason: refusal.reason) }
        switch request.query["compress"] {
        case "zlib-stream":
            if let stream = ZlibStream(level: server.configuration.zlibLevel) { writer.codec = .zlib(stream) }
        case "zstd-stream":
            if let stream = ZstdStream(level: server.configuration.zstdLevel) { writer.codec = .zstd(stream) }
        default: break
        }
        superviseHeartbeats()
        guard !server.strike(.hello, self) else { return }
        let interval = server.configuration.heartbeatInterval.milliseconds
        send(
            "{\"t\":null,\"s\":null,\"op\":10,\"d\":{\"heartbeat_interval\":\(interval),\"_trace\":[\"[\\\"gateway-sandbox\\\",{}]\"]}}"
        )
        server.note(.helloSent, connection: self)
    }

    /// The socket is closed.
    func ended() {
        isClosing = true
        server.unregister(self)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? NIOWebSocketError else {
            // The peer reset the connection, or the like; the channel closes by itself.
            context.close(promise: nil)
            return
        }
        violation("\(error)", code: error == .invalidFrameLength ? 1009 : 1002)
    }

    private func superviseHeartbeats() {
        let tolerance = server.configuration.heartbeatTolerance
        let allowed = UInt64(Double(server.configuration.heartbeatInterval.nanoseconds) * tolerance)
        guard allowed > 0, let logic, !isClosing, !socketTap.isFrozen else { return }
        let deadline = NIODeadline.uptimeNanoseconds(logic.lastHeartbeat &+ allowed)
        channel.eventLoop.scheduleTask(deadline: deadline) { [weak self] in
            guard let self, let logic = self.logic, !self.isClosing, !self.socketTap.isFrozen else { return }
            guard self.server.now &- logic.lastHeartbeat >= allowed else { return self.superviseHeartbeats() }
            self.close(code: 4009, reason: "Session timed out.")
            if let session = logic.session { self.server.endSession(session) }
        }
    }

    // MARK: Frames in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard frame.maskKey != nil else { return violation("unmasked client frame", code: 1002) }
        guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return violation("reserved bits", code: 1002) }
        let payload = Array(frame.unmaskedData.readableBytesView)
        switch frame.opcode {
        case .ping:
            writer.write(RawFrame(opcode: 10, payload: payload))
            writer.flush()
        case .pong: server.note(.pong, connection: self)
        case .connectionClose: peerCloses(payload)
        case .text, .binary: take(assembler.start(payload, isText: frame.opcode == .text, isFinal: frame.fin))
        case .continuation: take(assembler.continue(payload, isFinal: frame.fin))
        default: violation("reserved opcode", code: 1002)
        }
    }

    private func take(_ outcome: MessageAssembler.Outcome) {
        switch outcome {
        case .incomplete: break
        case .message(let payload, let isText): message(payload, isText: isText)
        case .violation(let problem, let code): violation(problem, code: code)
        }
    }

    private func violation(_ problem: String, code: Int) {
        server.note(.violation(problem), connection: self)
        close(code: code, reason: problem)
    }

    private func peerCloses(_ body: [UInt8]) {
        let code = body.count >= 2 ? Int(body[0]) << 8 | Int(body[1]) : nil
        let reason = String(decoding: body.dropFirst(2), as: UTF8.self)
        if isClosing {
            server.note(.closeAnswered(code: code), connection: self)
        } else {
            server.note(.closed(by: .client, code: code, reason: reason), connection: self)
            isClosing = true
            if code == 1000 || code == 1001, let session = logic?.session { server.endSession(session) }
            writer.write(RawFrame(opcode: 8, payload: FrameWriter.closeBody(code: code, reason: "")))
            writer.flush()
        }
        // The server ends the TCP connection (RFC 6455 §7.1.1).
        writer.afterWrites { [channel] in channel.close(promise: nil) }
    }

    private func message(_ payload: [UInt8], isText: Bool) {
        guard !isClosing, logic != nil else { return }
        if faultAnswers(payload) { return }
        let actions = logic?.receive(payload, isText: isText, at: server.now, state: &server.state) ?? []
        for action in actions { perform(action) }
    }

    /// Reads IDENTIFY and RESUME ahead of the logic when a fault waits for them; true when it answered instead.
    private func faultAnswers(_ payload: [UInt8]) -> Bool {
        guard server.awaits(.identify) || server.awaits(.resume), let frame = try? JSON(parsing: payload) else {
            return false
        }
        let moment: Moment
        let event: JournalEvent
        let body = frame["d"] ?? .null
        switch frame["op"] {
        case 2:
            moment = .identify
            event = .identify(payload: String(decoding: payload, as: UTF8.self))
            lastShard = Int(clamping: body["shard"]?.array?.first?.integer ?? 0)
        case 6:
            moment = .resume
            let id = body["session_id"]?.string ?? ""
            event = .resume(session: id, sequence: body["seq"]?.integer ?? -1)
            lastShard = server.state.sessions[id].map { Int($0.shard) }
        default: return false
        }
        if server.willReplace(moment, self) { server.note(event, connection: self) }
        return server.strike(moment, self)
    }

    private func perform(_ action: ServerAction) {
        switch action {
        case .acknowledge: acknowledge()
        case .invalidSession(let resumable, let delay):
            guard delay > .zero else { return invalidSession(resumable: resumable) }
            channel.eventLoop.scheduleTask(in: .nanoseconds(Int64(clamping: delay.nanoseconds))) {
                self.invalidSession(resumable: resumable)
            }
        case .close(let refusal): close(code: Int(refusal.code.rawValue), reason: refusal.reason)
        case .attach(let session, let from): attach(session, from: from)
        case .pump: pump()
        case .forget(let session): server.endSession(session)
        case .revokeEverything: server.revokeEverything()
        case .note(let event): server.note(event, connection: self)
        }
    }

    private func acknowledge() {
        guard acknowledges else { return }
        let ack = "{\"t\":null,\"s\":null,\"op\":11,\"d\":null}"
        guard ackDelay > .zero else { return send(ack) }
        channel.eventLoop.scheduleTask(in: .nanoseconds(Int64(clamping: ackDelay.nanoseconds))) { self.send(ack) }
    }

    // MARK: Sessions

    private func attach(_ id: String, from: UInt64) {
        server.attach(id, to: self)
        guard let session = server.state.sessions[id] else { return }
        lastShard = Int(session.shard)
        cursor = from
        startedMark = session.sequence
        if session.wantsPayloadCompression, case .none = writer.codec, from == 1 {
            writer.codec = .payload(level: server.configuration.zlibLevel)
        }
        pump()
    }

    /// Another connection resumed the session; this one is of no use any more.
    func lostSession() {
        logic?.sessionEnded()
        end(reset: false)
    }

    func sessionEnded() { logic?.sessionEnded() }

    /// Sends the session's dispatches from the cursor on, and makes new ones as far as they are due, as long as the peer
    /// takes them.
    func pump() {
        guard !isPumping, !isClosing, !socketTap.isFrozen, let id = logic?.session else { return }
        guard var session = server.state.sessions.removeValue(forKey: id) else { return }
        isPumping = true
        // So many at a time, then the other connections have their turn.
        var budget = 512
        while budget > 0, writer.isWritable {
            if cursor > session.sequence {
                guard session.pending > 0, session.hasStream else { break }
                session.advanceStream(catalogue: server.catalogue)
                session.pending -= 1
            }
            guard let event = session.replay[cursor] else { break }
            if !event.isResumed || server.configuration.replaysResumed || cursor == session.sequence {
                server.scratch.removeAll(keepingCapacity: true)
                event.render(sequence: cursor, catalogue: server.catalogue, into: &server.scratch)
                writer.send(server.scratch)
            }
            cursor += 1
            budget -= 1
        }
        let isBehind = cursor < session.replay.first
        let hasMore = cursor <= session.sequence || (session.pending > 0 && session.hasStream)
        server.state.sessions[id] = session
        isPumping = false
        writer.flush()
        if isBehind {
            // The peer is too slow for what it asked for: the gap cannot be filled, so the session is over.
            server.endSession(id)
            return close(code: 4000, reason: "Too slow.")
        }
        if let mark = startedMark, cursor > mark {
            startedMark = nil
            _ = server.strike(.started, self)
        }
        if hasMore, budget == 0 { channel.eventLoop.execute { self.pump() } }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { pump() }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Frames out

    /// Sends a payload at once.
    func send(_ payload: String) {
        guard !isClosing else { return }
        writer.send(Array(payload.utf8))
        writer.flush()
    }

    func invalidSession(resumable: Bool) {
        send("{\"t\":null,\"s\":null,\"op\":9,\"d\":\(resumable)}")
        server.note(.invalidSession(resumable: resumable), connection: self)
    }

    /// Starts the closing handshake; a peer that does not answer is dropped after two seconds.
    func close(code: Int?, reason: String) {
        guard !isClosing else { return }
        isClosing = true
        writer.write(RawFrame(opcode: 8, payload: FrameWriter.closeBody(code: code, reason: reason)))
        writer.flush()
        server.note(.closed(by: .server, code: code, reason: reason), connection: self)
        server.detach(self)
        channel.eventLoop.scheduleTask(in: .seconds(2)) { [channel] in channel.close(promise: nil) }
    }

    /// Ends the TCP connection without a word.
    func end(reset: Bool) {
        isClosing = true
        server.detach(self)
        socketTap.end(reset: reset)
    }

    /// Neither reads nor writes from now on. The session goes on without this connection, as one whose peer vanished.
    func freeze() {
        server.detach(self)
        socketTap.isFrozen = true
        channel.setOption(.autoRead, value: false).whenFailure { _ in }
    }
}
