/// The receiving half of a WebSocket client (RFC 6455), working in place on a buffer that the caller owns.
///
/// The caller keeps unconsumed bytes and offers them again, with more behind them, after ``Event/needMore(atLeast:)``. A
/// message in one frame is handed out where it lies; only fragmented messages are copied together. After a close frame
/// or an error the decoder discards whatever follows (RFC 6455 §1.4, §7.1.7).
package struct WebSocketDecoder: ~Copyable {
    /// Largest message, in bytes, when the caller names no other: 64 MiB (practice: READY may have several MB).
    package static let defaultMaxMessageSize = 64 << 20

    package enum Event {
        /// The input ends within a frame: how many bytes it must have, counted from the first unconsumed one. The whole
        /// frame when its header is known, otherwise the header's known part (2, 4 or 10).
        case needMore(atLeast: Int)
        /// A whole message. The payload points into the input, or into the decoder's own memory, and is valid until the
        /// next call.
        case message(kind: MessageKind, payload: UnsafeRawBufferPointer)
        /// To be answered with a pong of the same payload.
        case ping(UnsafeRawBufferPointer)
        case pong(UnsafeRawBufferPointer)
        /// The peer wants to close; `code` is 1005 when it gave none. The reason is valid UTF-8.
        case close(code: UInt16, reason: UnsafeRawBufferPointer)
    }

    private let maxMessageSize: Int
    private let textCheck: TextCheck
    /// Kind of the message whose fragments are being collected.
    private var kind = MessageKind.binary
    private var insideMessage = false
    private var hasEnded = false
    /// `fragments` was handed out by the last call.
    private var isHandedOut = false
    private var fragments = GrowingBuffer()
    private var text = UTF8Validator()
    /// Payload bytes of the current, still incomplete frame that `text` has seen.
    private var checkedOfFrame = 0
    /// Nothing is kept of what came before the next frame.
    private var isBetweenMessages = true

    /// - Parameters:
    ///   - maxMessageSize: most payload bytes of one message, over all its fragments. More is refused with 1009 as soon
    ///     as a header announces it, before memory is reserved.
    ///   - textCheck: who checks text messages.
    package init(maxMessageSize: Int = defaultMaxMessageSize, textCheck: TextCheck = .byDecoder) {
        self.maxMessageSize = max(0, maxMessageSize)
        self.textCheck = textCheck
    }

    /// The message of the frame at `base`, when it is the usual one: whole, in one piece, below 64 KiB. Nil leaves it to
    /// `next`, with everything that is to be checked.
    ///
    /// - Parameter size: set to the bytes of the frame.
    @inline(__always)
    mutating func wholeMessage(
        _ base: UnsafeRawPointer, available: Int, size: inout Int
    ) -> (kind: MessageKind, payload: UnsafeRawBufferPointer)? {
        guard isBetweenMessages, available >= 4 else { return nil }
        let head = base.loadUnaligned(as: UInt32.self).littleEndian
        let kind: MessageKind
        switch UInt8(truncatingIfNeeded: head) {
        case 0x82: kind = .binary
        case 0x81 where textCheck != .byDecoder: kind = textCheck == .none ? .text : .uncheckedText
        default: return nil
        }
        var header = 2
        var length = Int(head >> 8 & 0xFF)
        if length >= 126 {
            header = 4
            guard length == 126 else { return nil }
            length = Int(UInt16(truncatingIfNeeded: head >> 16).byteSwapped)
            guard length >= 126 else { return nil }
        }
        guard length <= maxMessageSize, header &+ length <= available else { return nil }
        size = header &+ length
        return (kind, UnsafeRawBufferPointer(start: base + header, count: length))
    }

    /// Takes the next event out of `input`.
    ///
    /// - Parameters:
    ///   - input: bytes from the server.
    ///   - consumed: offset into `input` of the first byte not consumed yet; moved past what this call has consumed.
    package mutating func next(
        _ input: UnsafeRawBufferPointer, consumed: inout Int
    ) throws(WebSocketError) -> Event {
        defer { isBetweenMessages = !isHandedOut && !hasEnded && !insideMessage && checkedOfFrame == 0 }
        if isHandedOut {
            fragments.removeAll()
            isHandedOut = false
        }
        guard let base = input.baseAddress, consumed >= 0, consumed < input.count else { return .needMore(atLeast: 2) }
        if hasEnded {
            consumed = input.count
            return .needMore(atLeast: 2)
        }
        do throws(WebSocketError) {
            return try nextFrame(base, end: input.count, consumed: &consumed)
        } catch {
            hasEnded = true
            fragments.removeAll()
            throw error
        }
    }

    /// Walks over frames until one makes an event.
    @inline(__always)
    private mutating func nextFrame(
        _ base: UnsafeRawPointer, end: Int, consumed: inout Int
    ) throws(WebSocketError) -> Event {
        while true {
            let at = base + consumed
            let available = end &- consumed
            let header: FrameHeader
            switch try FrameHeader.parse(at, available: available, insideMessage: insideMessage) {
            case .partial(let atLeast): return .needMore(atLeast: atLeast)
            case .complete(let parsed): header = parsed
            }
            let isControl = header.opcode.rawValue >= WebSocketOpcode.close.rawValue
            if !isControl {
                // count never exceeds the limit, so the subtraction cannot wrap; comparing this way round cannot
                // overflow whatever length the peer claims.
                guard header.length <= maxMessageSize &- fragments.count else { throw .tooBig("message too big") }
            }
            let body = UnsafeRawBufferPointer(
                start: at + header.size, count: min(header.length, available &- header.size))
            if body.count < header.length {
                if !isControl { try checkPartial(header, body) }
                // The sum could only overflow with a limit near Int.max; no buffer could hold that anyway.
                let (whole, overflow) = header.size.addingReportingOverflow(header.length)
                return .needMore(atLeast: overflow ? Int.max : whole)
            }
            consumed &+= header.size &+ header.length
            if isControl { return try control(header.opcode, body) }
            if let event = try data(header, body) { return event }
            if consumed == end { return .needMore(atLeast: 2) }
        }
    }

    /// A whole data frame: the message it makes or completes, nil for a fragment with more to come.
    @inline(__always)
    private mutating func data(
        _ header: FrameHeader, _ body: UnsafeRawBufferPointer
    ) throws(WebSocketError) -> Event? {
        if header.opcode != .continuation { kind = header.opcode == .text ? .text : .binary }
        if kind == .text, textCheck != .none {
            try checkText(UnsafeRawBufferPointer(rebasing: body[checkedOfFrame...]))
            checkedOfFrame = 0
            if header.isFinal, !text.isComplete { throw .invalidText("text message ends within a character") }
        }
        if header.isFinal, !insideMessage { return .message(kind: kind, payload: body) }
        return try fragment(body, isFinal: header.isFinal)
    }

    private mutating func fragment(
        _ body: UnsafeRawBufferPointer, isFinal: Bool
    ) throws(WebSocketError) -> Event? {
        guard fragments.append(body, limit: maxMessageSize) else { throw .tooBig("no memory for the message") }
        insideMessage = !isFinal
        guard isFinal else { return nil }
        isHandedOut = true
        return .message(kind: kind, payload: fragments.bytes)
    }

    /// The part of a data frame that has arrived: text is checked at once, so that a bad byte is not waited out.
    private mutating func checkPartial(
        _ header: FrameHeader, _ body: UnsafeRawBufferPointer
    ) throws(WebSocketError) {
        guard textCheck != .none, header.opcode == .text || (header.opcode == .continuation && kind == .text) else {
            return
        }
        // The same bytes will be offered again: remember how far the check went.
        guard body.count > checkedOfFrame else { return }
        try checkText(UnsafeRawBufferPointer(rebasing: body[checkedOfFrame...]))
        checkedOfFrame = body.count
    }

    @inline(__always)
    private mutating func checkText(_ bytes: UnsafeRawBufferPointer) throws(WebSocketError) {
        guard text.consume(bytes) else { throw .invalidText("text message is not UTF-8") }
    }

    private mutating func control(
        _ opcode: WebSocketOpcode, _ body: UnsafeRawBufferPointer
    ) throws(WebSocketError) -> Event {
        switch opcode {
        case .ping: return .ping(body)
        case .pong: return .pong(body)
        default: break
        }
        hasEnded = true
        fragments.removeAll()
        guard body.count > 0 else {
            return .close(code: WebSocketCloseCode.none, reason: body)
        }
        guard body.count >= 2 else { throw .protocolError("close frame with one byte of payload") }
        let code = UInt16(body[0]) << 8 | UInt16(body[1])
        guard WebSocketCloseCode.isValidOnWire(code) else { throw .protocolError("close code that must not be sent") }
        let reason = UnsafeRawBufferPointer(rebasing: body[2...])
        var validator = UTF8Validator()
        guard validator.consume(reason), validator.isComplete else {
            throw .invalidText("close reason is not UTF-8")
        }
        return .close(code: code, reason: reason)
    }
}
