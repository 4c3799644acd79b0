import CLinux
import GatewayProtocol

/// Where a connection goes, and how.
package struct Endpoint: Sendable {
    package var host: String
    package var port: UInt16
    /// Nil for plain TCP.
    package var tls: TLSContext?

    package init(host: String, port: UInt16, tls: TLSContext?) {
        self.host = host
        self.port = port
        self.tls = tls
    }
}

/// A TCP connection from the first look-up to the last byte: dials, shakes hands, then hands over to its subclass.
/// Confined to its loop's thread. After `teardown` nothing is called any more.
package class StreamConnection: Pollable, @unchecked Sendable {
    private enum Stage {
        case dialing(Dialer)
        case handshaking
        case open
        case closed
    }

    /// What may wait for a peer that does not read, in bytes. More means that the peer is gone or hostile: a shard sends
    /// 120 payloads of 4 KiB a minute at most (`gateway.md` §12).
    package static let outgoingLimit = 1 << 20

    private final let outgoingLimit: Int
    final let loop: EventLoop
    final let endpoint: Endpoint
    private final var stage = Stage.closed
    private(set) final var stream: ByteStream?
    private final var registration: Registration?
    private final var interest: UInt32 = 0
    private final var outgoing: [UInt8] = []
    private final var outgoingStart = 0
    /// False while this side does not want to read (back-pressure).
    private(set) final var reads = true

    init(loop: EventLoop, endpoint: Endpoint, outgoingLimit: Int = StreamConnection.outgoingLimit) {
        self.loop = loop
        self.outgoingLimit = outgoingLimit
        self.endpoint = endpoint
    }

    // MARK: For subclasses to override

    /// The stream is ready to carry bytes.
    func streamOpened() {}
    /// There is something to read, or the end.
    func streamReadable() {}
    /// The connection is gone; `teardown` has been done.
    func streamFailed(_ error: GatewayError) {}

    // MARK: Life

    final var isOpen: Bool {
        if case .open = stage { return true }
        return false
    }

    final var isClosed: Bool {
        if case .closed = stage { return true }
        return false
    }

    package final func open(resolver: Resolver) {
        let dialer = Dialer(loop: loop, host: endpoint.host, port: endpoint.port) { [unowned self] result in
            dialed(result)
        }
        stage = .dialing(dialer)
        dialer.start(resolver: resolver)
    }

    private final func dialed(_ result: Result<Int32, GatewayError>) {
        switch result {
        case .failure(let error): fail(error)
        case .success(let fd):
            do throws(GatewayError) {
                if let tls = endpoint.tls {
                    stream = try TLSStream(fd: fd, host: endpoint.host, context: tls, buffers: loop.buffers)
                } else {
                    stream = ByteStream(fd: fd)
                }
            } catch {
                fail(error)
                return
            }
            stage = .handshaking
            beginTurn()
            handshake()
        }
    }

    private final func handshake() {
        guard let stream else { return }
        switch stream.handshake() {
        case .done:
            stage = .open
            watch(PollEvents.read | PollEvents.peerClosed)
            guard isOpen else { return }
            streamOpened()
            // The peer's first bytes may have come with its last handshake message.
            if isOpen, stream.holdsUndelivered { streamReadable() }
        case .wantsRead: watch(PollEvents.read)
        case .wantsWrite: watch(PollEvents.write)
        case .failed(let error): fail(error)
        }
    }

    /// Ends the connection without a word to the subclass.
    final func teardown() {
        if case .dialing(let dialer) = stage { dialer.cancel() }
        stage = .closed
        if let registration { loop.unregister(registration) }
        registration = nil
        stream?.sayGoodbye()
        stream = nil
        outgoing = []
        outgoingStart = 0
    }

    /// This connection's turn: the loop's read buffer is its own until the turn ends. What another connection may have
    /// left in it when it broke off is void.
    final func beginTurn() {
        loop.buffers.wire.pointee.start = 0
        loop.buffers.wire.pointee.end = 0
        stream?.becameReadable()
    }

    final func fail(_ error: GatewayError) {
        guard !isClosed else { return }
        teardown()
        streamFailed(error)
    }

    // MARK: Readiness

    package override final func ready(_ events: UInt32) {
        switch stage {
        case .handshaking:
            beginTurn()
            handshake()
        case .open:
            if events & (PollEvents.write | PollEvents.gone) != 0, !outgoing.isEmpty { flush() }
            guard isOpen else { return }
            if reads {
                guard events & ~PollEvents.write != 0 else { return }
                beginTurn()
                streamReadable()
            } else if events & PollEvents.gone != 0 {
                fail(GatewayError(.network, "the connection to \(endpoint.host) was reset"))
            }
        case .dialing, .closed: break
        }
    }

    /// Stops or goes on reading. While nothing is wanted of the socket it is taken out of epoll, which would otherwise
    /// report a peer's hang-up for ever.
    final func setReading(_ on: Bool) {
        guard on != reads else { return }
        reads = on
        updateInterest()
    }

    private final func updateInterest() {
        guard isOpen else { return }
        watch((reads ? PollEvents.read | PollEvents.peerClosed : 0) | (outgoing.isEmpty ? 0 : PollEvents.write))
    }

    private final func watch(_ events: UInt32) {
        guard let stream, events != interest || registration == nil else { return }
        interest = events
        if let registration {
            if events == 0 {
                loop.unregister(registration)
                self.registration = nil
            } else {
                loop.modify(registration, events: events)
            }
        } else if events != 0 {
            registration = loop.register(stream.fd, events: events, handler: self)
            if registration == nil { fail(GatewayError(.internalError, "the event loop takes no more sockets")) }
        }
    }

    // MARK: Writing

    /// Sends bytes, keeping what the socket does not take now. Returns false when the connection is given up for it;
    /// the subclass hears of that by `streamFailed`.
    @discardableResult
    final func send(_ bytes: [UInt8]) -> Bool {
        guard isOpen, let stream else { return false }
        guard outgoing.count - outgoingStart + bytes.count <= outgoingLimit else {
            fail(GatewayError(.network, "\(endpoint.host) does not read what is sent to it"))
            return false
        }
        if !outgoing.isEmpty {
            outgoing.append(contentsOf: bytes)
            return true
        }
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes { stream.write(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            switch result {
            case .bytes(let count): sent += count
            case .wouldBlock:
                outgoing = Array(bytes[sent...])
                updateInterest()
                return true
            case .failed(let reason):
                fail(GatewayError(.network, "sending to \(endpoint.host) failed: \(reason)"))
                return false
            }
        }
        return true
    }

    /// Bytes that the socket has not taken yet.
    final var unsent: Int { outgoing.count - outgoingStart }

    private final func flush() {
        guard let stream else { return }
        while outgoingStart < outgoing.count {
            let result = outgoing.withUnsafeBytes {
                stream.write(UnsafeRawBufferPointer(rebasing: $0[outgoingStart...]))
            }
            switch result {
            case .bytes(let count): outgoingStart += count
            case .wouldBlock: return
            case .failed(let reason):
                fail(GatewayError(.network, "sending to \(endpoint.host) failed: \(reason)"))
                return
            }
        }
        outgoing = []
        outgoingStart = 0
        updateInterest()
    }
}
