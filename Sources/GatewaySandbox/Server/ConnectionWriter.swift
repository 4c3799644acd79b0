import NIOCore

/// Turns payloads into websocket frames and puts them on the wire, the way the connection's faults want it.
///
/// Loop-bound like the connection it belongs to.
final class ConnectionWriter: @unchecked Sendable {
    var codec = PayloadCodec.none
    /// See `Fault.split`, `Fault.fragment`, `Fault.drip` and `Fault.delay`; 0 is off.
    var splitBytes = 0
    var fragmentBytes = 0
    var dripBytes = 0
    var dripPause = TimeAmount.zero
    var delay = TimeAmount.zero

    private unowned let connection: GatewayConnection
    private var outbox = ByteBuffer()
    /// Bytes that wait for a timer.
    private var held = 0
    private var dripping: ByteBuffer?
    private var lastDelivery = NIODeadline.uptimeNanoseconds(0)
    private var endings: [@Sendable () -> Void] = []

    /// Held bytes beyond which no more is made for this peer.
    private static let heldLimit = 1 << 20
    /// Written in one piece, so that small frames share TLS records under load.
    private static let batch = 16 * 1024

    init(connection: GatewayConnection) { self.connection = connection }

    /// Whether the peer keeps up.
    var isWritable: Bool { connection.channel.isWritable && held < Self.heldLimit }

    /// Compresses and frames a payload; `flush` sends it.
    func send(_ payload: [UInt8]) {
        connection.server.message.removeAll(keepingCapacity: true)
        let isBinary = codec.encode(payload, into: &connection.server.message)
        frame(connection.server.message, isBinary: isBinary)
    }

    /// Frames a message that is already as it should be.
    func frame(_ message: [UInt8], isBinary: Bool) {
        let opcode: UInt8 = isBinary ? 2 : 1
        let splits = splitBytes > 0 && codec.splitsMessages
        let piece = splits ? splitBytes : splitBytes > 0 ? splitBytes : fragmentBytes
        guard piece > 0, message.count > piece else {
            FrameWriter.write(message[...], opcode: opcode, into: &outbox)
            if outbox.readableBytes >= Self.batch { flush() }
            return
        }
        var at = 0
        while at < message.count {
            let end = min(message.count, at + piece)
            if splits {
                FrameWriter.write(message[at..<end], opcode: opcode, into: &outbox)
            } else {
                FrameWriter.write(
                    message[at..<end], opcode: at == 0 ? opcode : 0, isFinal: end == message.count, into: &outbox
                )
                if end < message.count {
                    FrameWriter.write(Array("between".utf8)[...], opcode: 9, into: &outbox)
                }
            }
            // Each piece reaches the peer by itself.
            flush()
            at = end
        }
    }

    func write(_ frame: RawFrame) { FrameWriter.write(frame, into: &outbox) }

    func write(_ bytes: [UInt8]) { outbox.writeBytes(bytes) }

    func flush() {
        guard outbox.readableBytes > 0 else { return }
        let bytes = outbox
        outbox = ByteBuffer()
        let now = NIODeadline.now()
        let due = max(lastDelivery, now + delay)
        guard delay > .zero || due > now else { return deliver(bytes) }
        // Also after the delay was switched off nothing overtakes what waits.
        lastDelivery = due
        held += bytes.readableBytes
        // The timer keeps the connection, which this writer does not.
        connection.channel.eventLoop.scheduleTask(deadline: due) { [connection] in
            self.held -= bytes.readableBytes
            self.deliver(bytes)
            connection.pump()
        }
    }

    /// Runs `body` when all that was written so far is on its way.
    func afterWrites(_ body: @escaping @Sendable () -> Void) {
        if held == 0 { body() } else { endings.append(body) }
    }

    private func deliver(_ bytes: ByteBuffer) {
        if dripping != nil || dripBytes > 0 {
            held += bytes.readableBytes
            if dripping == nil {
                dripping = bytes
                drip()
            } else {
                dripping?.writeImmutableBuffer(bytes)
            }
            return
        }
        connection.plainTap.send(bytes)
        finishIfEmpty()
    }

    private func drip() {
        guard var bytes = dripping else { return }
        let length = dripBytes > 0 ? dripBytes : bytes.readableBytes
        if let drop = bytes.readSlice(length: min(length, bytes.readableBytes)) {
            held -= drop.readableBytes
            connection.plainTap.send(drop)
        }
        guard bytes.readableBytes > 0 else {
            dripping = nil
            finishIfEmpty()
            return connection.pump()
        }
        dripping = bytes
        connection.channel.eventLoop.scheduleTask(in: dripPause) { [connection] in
            withExtendedLifetime(connection) { self.drip() }
        }
    }

    private func finishIfEmpty() {
        guard held == 0, !endings.isEmpty else { return }
        let due = endings
        endings = []
        for body in due { body() }
    }
}
