import CLinux
import GatewayProtocol

/// Who a websocket belongs to. All calls come on the loop's thread; a call may close or pause the websocket.
package protocol WebSocketOwner: AnyObject {
    /// The upgrade is done.
    func webSocketOpened()
    /// The attempt failed before that. `retryAfter`: nanoseconds the server asked to wait, or 0.
    func webSocketFailedToOpen(_ error: GatewayError, retryAfter: UInt64)
    /// Bytes came in; `count` as they were on the wire inside TLS, `time` (CLOCK_MONOTONIC, nanoseconds) when they were
    /// read from the socket.
    func webSocketRead(_ count: Int, at time: UInt64)
    /// A whole message, valid during the call. Returns whether the next one may be taken: what `mayReceive` would say.
    func webSocketMessage(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer) -> Bool
    /// The peer broke the websocket protocol; the connection is still there to be dropped.
    func webSocketBroken(_ error: WebSocketError)
    /// The peer closed, or the connection is gone (1006); nothing comes after this.
    func webSocketClosed(code: UInt16, reason: String)
    /// May the next message be taken? When not, the websocket stops reading until `resumeReading`.
    var mayReceive: Bool { get }
}

/// A client websocket (RFC 6455) on a stream: upgrade, frames, pings and the close handshake.
package final class WebSocketConnection: StreamConnection, @unchecked Sendable {
    private enum Phase {
        case upgrading(HTTPResponseReader)
        case open
        case ended
    }

    /// Bytes that one connection may take per wakeup before others get their turn.
    private static let fairnessBudget = 1 << 20

    // Unsafe to spare two atomic operations per message. The owner holds the connection and drops it before it goes.
    private unowned(unsafe) let owner: any WebSocketOwner
    private let upgrade: WebSocketUpgrade
    private var phase = Phase.ended {
        didSet { if case .open = phase { receives = true } else { receives = false } }
    }
    /// Whether `phase` is open, which is asked after each message and costs less to look up here.
    private var receives = false
    private var decoder: WebSocketDecoder
    private var input: InputBuffer
    private var closeSent = false
    private var working = false
    private var masks = SystemRandomNumberGenerator()

    /// `target`: path and query; `maxMessageSize` and `outgoingLimit` in bytes.
    package init(
        loop: EventLoop, endpoint: Endpoint, target: String, userAgent: String, maxMessageSize: Int,
        textCheck: TextCheck, outgoingLimit: Int = StreamConnection.outgoingLimit, owner: any WebSocketOwner
    ) throws(GatewayError) {
        self.owner = owner
        var key: [UInt8] = []
        for _ in 0..<16 { key.append(UInt8.random(in: 0...255, using: &masks)) }
        do throws(HTTPError) {
            upgrade = try WebSocketUpgrade(
                host: endpoint.host, port: endpoint.port, isSecure: endpoint.tls != nil, target: target,
                userAgent: userAgent, nonce: key)
        } catch {
            throw GatewayError(.invalidArgument, "the upgrade request cannot be made: \(error.reason)")
        }
        decoder = WebSocketDecoder(maxMessageSize: maxMessageSize, textCheck: textCheck)
        input = InputBuffer(shared: loop.buffers.plain)
        super.init(loop: loop, endpoint: endpoint, outgoingLimit: outgoingLimit)
    }

    // MARK: The owner's calls

    /// Sends a text message.
    package func sendText(_ payload: [UInt8]) {
        guard case .open = phase, !closeSent else { return }
        send(.text, payload)
    }

    /// Sends a binary message.
    package func sendBinary(_ payload: [UInt8]) {
        guard case .open = phase, !closeSent else { return }
        send(.binary, payload)
    }

    /// Sends a close frame and keeps reading until the peer's answer.
    package func sendClose(code: UInt16, reason: String) {
        guard case .open = phase, !closeSent else { return }
        closeSent = true
        var frame: [UInt8] = []
        WebSocketEncoder.appendClose(code: code, reason: reason, mask: masks.next(), to: &frame)
        send(frame)
    }

    /// Ends the connection at once; a close frame goes out if that can be without waiting. The owner is not called.
    package func drop(code: UInt16) {
        if case .open = phase { sendClose(code: code, reason: "") }
        phase = .ended
        teardown()
    }

    /// Goes on after `mayReceive` was false.
    package func resumeReading() {
        guard !reads, isOpen else { return }
        setReading(true)
        beginTurn()
        streamReadable()
    }

    // MARK: The stream's calls

    override func streamOpened() {
        phase = .upgrading(HTTPResponseReader(maxBodySize: 4096))
        send(upgrade.request)
    }

    override func streamFailed(_ error: GatewayError) {
        let before = phase
        phase = .ended
        switch before {
        case .open: owner.webSocketClosed(code: 1006, reason: error.message)
        case .upgrading, .ended: owner.webSocketFailedToOpen(error, retryAfter: 0)
        }
    }

    override func streamReadable() {
        // A message handler may cause another call of this; the outer one goes on with what is there.
        guard !working else { return }
        working = true
        input.begin()
        defer {
            input.end()
            working = false
        }
        pump()
    }

    private func pump() {
        // Both are held for the whole turn instead of for each record.
        let owner = self.owner
        guard var needed = parse(owner), let stream else { return }
        var budget = Self.fairnessBudget
        while true {
            let space = input.space(needed: needed)
            switch stream.read(into: space) {
            case .bytes(let count):
                input.produced(count)
                owner.webSocketRead(count, at: stream.readAt)
                // Nil also when the owner has left.
                guard let more = parse(owner) else { return }
                needed = more
                budget -= count
                let drained = stream.isDrained(afterReading: count, of: space.count)
                if drained || (budget <= 0 && !stream.holdsUndelivered) { return }
            case .wouldBlock: return
            case .endOfStream:
                if case .upgrading(var reader) = phase { return finishUpgrade(&reader) }
                fail(GatewayError(.network, "\(endpoint.host) closed the connection"))
                return
            case .failed(let reason):
                fail(GatewayError(.network, "the connection to \(endpoint.host) broke: \(reason)"))
                return
            }
        }
    }

    /// Uses up what was received. Returns how many bytes the next step needs, or nil when reading is over for now.
    private func parse(_ owner: any WebSocketOwner) -> Int? {
        if !receives {
            guard case .upgrading(var reader) = phase else { return nil }
            guard readUpgrade(&reader) else { return isOpen ? 1 : nil }
            guard receives else { return nil }
        }
        guard owner.mayReceive else {
            pause()
            return nil
        }
        let bytes = input.bytes
        // The owner may do anything with this connection but read from it: the bytes stay where they are.
        var consumed = 0
        defer { input.consume(consumed) }
        var goesOn = true
        while goesOn {
            var size = 0
            if let base = bytes.baseAddress,
                let message = decoder.wholeMessage(base + consumed, available: bytes.count &- consumed, size: &size)
            {
                consumed &+= size
                goesOn = owner.webSocketMessage(message.kind, message.payload)
            } else {
                let event: WebSocketDecoder.Event
                do throws(WebSocketError) {
                    event = try decoder.next(bytes, consumed: &consumed)
                } catch {
                    owner.webSocketBroken(error)
                    return nil
                }
                switch event {
                case .needMore(let count): return count
                case .message(let kind, let payload): goesOn = owner.webSocketMessage(kind, payload)
                case .ping(let payload): answerPing(payload)
                case .pong: break
                case .close(let code, let reason):
                    finish(code: code, reason: String(decoding: reason, as: UTF8.self))
                    return nil
                }
            }
            guard receives else { return nil }
            // Where a record holds a message, nothing is left: the next header is needed.
            if goesOn, consumed == bytes.count { return 2 }
        }
        input.consume(consumed)
        consumed = 0
        pause()
        return nil
    }

    private func answerPing(_ payload: UnsafeRawBufferPointer) {
        // A peer that pings without reading gets no pile of pongs: RFC 6455 §5.5.3 asks for the latest only.
        guard !closeSent, unsent < 4096 else { return }
        var frame: [UInt8] = []
        WebSocketEncoder.append(.pong, payload: payload, mask: masks.next(), to: &frame)
        send(frame)
    }

    /// The peer's close frame: answer it, if this is not the answer already, and leave.
    private func finish(code: UInt16, reason: String) {
        sendClose(code: code, reason: "")
        guard case .open = phase else { return }
        phase = .ended
        teardown()
        owner.webSocketClosed(code: code, reason: reason)
    }

    /// Stops reading. What the shared buffers still hold of this connection comes along: at most one read's worth.
    private func pause() {
        setReading(false)
        // Otherwise a record of which a part is here would fetch the next piece of the socket, and so on without end.
        stream?.leaveSocket()
        while let stream, stream.holdsUndelivered {
            let space = input.space(needed: input.bytes.count + 1)
            guard case .bytes(let count) = stream.read(into: space) else { return }
            input.produced(count)
            owner.webSocketRead(count, at: stream.readAt)
        }
    }

    private func readUpgrade(_ reader: inout HTTPResponseReader) -> Bool {
        var consumed = 0
        do throws(HTTPError) {
            let complete = try reader.consume(input.bytes, consumed: &consumed, isUpgrade: true)
            input.consume(consumed)
            phase = .upgrading(reader)
            guard complete else { return false }
        } catch {
            fail(GatewayError(.http, "\(endpoint.host) did not answer the upgrade in HTTP: \(error.reason)"))
            return false
        }
        guard accept(reader) else { return false }
        phase = .open
        owner.webSocketOpened()
        return isOpen
    }

    /// The server closed after its answer: it may be a refusal whose body has no other end.
    private func finishUpgrade(_ reader: inout HTTPResponseReader) {
        do throws(HTTPError) {
            try reader.finish(isUpgrade: true)
        } catch {
            return fail(GatewayError(.network, "\(endpoint.host) closed the connection: \(error.reason)"))
        }
        if accept(reader) { fail(GatewayError(.network, "\(endpoint.host) closed the connection")) }
    }

    /// Is the answer a yes? If not, the attempt is over.
    private func accept(_ reader: HTTPResponseReader) -> Bool {
        do throws(UpgradeError) {
            try upgrade.check(reader)
            return true
        } catch {
            phase = .ended
            teardown()
            owner.webSocketFailedToOpen(
                GatewayError(.http, "\(endpoint.host) refused the websocket: \(error.description)"),
                retryAfter: error.retryAfter)
            return false
        }
    }

    private func send(_ opcode: WebSocketOpcode, _ payload: [UInt8]) {
        var frame: [UInt8] = []
        frame.reserveCapacity(payload.count + WebSocketEncoder.maxHeaderSize)
        payload.withUnsafeBytes { WebSocketEncoder.append(opcode, payload: $0, mask: masks.next(), to: &frame) }
        send(frame)
    }
}
