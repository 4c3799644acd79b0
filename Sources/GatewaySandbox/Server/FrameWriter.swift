import NIOCore

/// Websocket framing for servers; knows no rules, so that faults can break them.
enum FrameWriter {
    static func write(_ payload: ArraySlice<UInt8>, opcode: UInt8, isFinal: Bool = true, into buffer: inout ByteBuffer)
    {
        header(opcode: opcode, isFinal: isFinal, reserved: 0, isMasked: false, length: UInt64(payload.count), &buffer)
        buffer.writeBytes(payload)
    }

    static func write(_ frame: RawFrame, into buffer: inout ByteBuffer) {
        header(
            opcode: frame.opcode, isFinal: frame.isFinal, reserved: frame.reserved, isMasked: frame.isMasked,
            length: frame.claimedLength ?? UInt64(frame.payload.count), &buffer
        )
        guard frame.isMasked else {
            buffer.writeBytes(frame.payload)
            return
        }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        buffer.writeBytes(mask)
        buffer.writeBytes(frame.payload.enumerated().map { $0.element ^ mask[$0.offset & 3] })
    }

    /// The body of a close frame.
    static func closeBody(code: Int?, reason: String) -> [UInt8] {
        guard let code else { return [] }
        // 125 bytes hold the code and 123 bytes of reason.
        return [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)] + Array(reason.utf8.prefix(123))
    }

    private static func header(
        opcode: UInt8, isFinal: Bool, reserved: UInt8, isMasked: Bool, length: UInt64, _ buffer: inout ByteBuffer
    ) {
        buffer.writeInteger((isFinal ? 0x80 : 0) | (reserved & 7) << 4 | (opcode & 15))
        let maskBit: UInt8 = isMasked ? 0x80 : 0
        switch length {
        case 0..<126: buffer.writeInteger(maskBit | UInt8(length))
        case 126..<65536:
            buffer.writeInteger(maskBit | 126)
            buffer.writeInteger(UInt16(length))
        default:
            buffer.writeInteger(maskBit | 127)
            buffer.writeInteger(length)
        }
    }
}
