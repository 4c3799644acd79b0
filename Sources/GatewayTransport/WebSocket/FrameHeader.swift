/// The first two to ten bytes of a frame from a server (RFC 6455 §5.2); servers never mask.
struct FrameHeader {
    var isFinal: Bool
    var opcode: WebSocketOpcode
    /// Bytes of the header itself: 2, 4 or 10.
    var size: Int
    /// Bytes of payload.
    var length: Int

    enum Parsed {
        /// The header is not all there; how many bytes it will have at least.
        case partial(atLeast: Int)
        case complete(FrameHeader)
    }

    /// Reads a header from the `available` bytes at `base`. Every rule is checked as soon as the byte that breaks it is
    /// there, so that a bad peer is found out without waiting for the rest.
    ///
    /// - Parameter insideMessage: a fragmented message has begun and not ended.
    @inline(__always)
    static func parse(
        _ base: UnsafeRawPointer, available: Int, insideMessage: Bool
    ) throws(WebSocketError) -> Parsed {
        guard available > 0 else { return .partial(atLeast: 2) }
        let first = base.load(as: UInt8.self)
        guard first & 0x70 == 0 else { throw .protocolError("a reserved bit is set") }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw .protocolError("unknown opcode") }
        let isFinal = first & 0x80 != 0
        let isControl = first & 0x08 != 0
        if isControl {
            guard isFinal else { throw .protocolError("fragmented control frame") }
        } else if opcode == .continuation {
            guard insideMessage else { throw .protocolError("continuation without a message to continue") }
        } else {
            guard !insideMessage else { throw .protocolError("new message inside a fragmented one") }
        }

        guard available > 1 else { return .partial(atLeast: 2) }
        let second = base.load(fromByteOffset: 1, as: UInt8.self)
        guard second & 0x80 == 0 else { throw .protocolError("masked frame from a server") }
        if second < 126 {
            return .complete(FrameHeader(isFinal: isFinal, opcode: opcode, size: 2, length: Int(second)))
        }
        guard !isControl else { throw .protocolError("control frame longer than 125 bytes") }
        if second == 126 {
            guard available >= 4 else { return .partial(atLeast: 4) }
            let length = UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
            guard length >= 126 else { throw .protocolError("length not in its shortest form") }
            return .complete(FrameHeader(isFinal: isFinal, opcode: opcode, size: 4, length: Int(length)))
        }
        guard available >= 10 else { return .partial(atLeast: 10) }
        let length = UInt64(bigEndian: base.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
        guard length > 0xFFFF else { throw .protocolError("length not in its shortest form") }
        guard let fitting = Int(exactly: length) else { throw .protocolError("length with the highest bit set") }
        return .complete(FrameHeader(isFinal: isFinal, opcode: opcode, size: 10, length: fitting))
    }
}

extension WebSocketError {
    static func protocolError(_ reason: StaticString) -> WebSocketError {
        WebSocketError(closeCode: 1002, reason: reason)
    }

    static func invalidText(_ reason: StaticString) -> WebSocketError {
        WebSocketError(closeCode: 1007, reason: reason)
    }

    static func tooBig(_ reason: StaticString) -> WebSocketError {
        WebSocketError(closeCode: 1009, reason: reason)
    }
}
