/// The sending half of a WebSocket client (RFC 6455): frames are appended to a byte array, masked.
///
/// Nothing is allocated when the array has room.
package enum WebSocketEncoder {
    /// Longest header of a client frame: 2 bytes, 8 of length, 4 of mask.
    package static let maxHeaderSize = 14
    /// Most payload of a control frame (RFC 6455 §5.5).
    package static let maxControlPayload = 125

    /// Appends one frame.
    ///
    /// - Parameters:
    ///   - opcode: for control frames `payload` is cut to 125 bytes.
    ///   - payload: sent as it is; text must be UTF-8.
    ///   - mask: 32 random bits, fresh for each frame and not to be guessed (RFC 6455 §5.3); the lowest byte goes first.
    ///   - isFinal: false for a fragment with more to come.
    package static func append(
        _ opcode: WebSocketOpcode, payload: UnsafeRawBufferPointer, mask: UInt32, isFinal: Bool = true,
        to output: inout [UInt8]
    ) {
        var payload = payload
        if opcode.rawValue >= WebSocketOpcode.close.rawValue, payload.count > maxControlPayload {
            payload = UnsafeRawBufferPointer(rebasing: payload[..<maxControlPayload])
        }
        appendHeader(opcode, length: payload.count, mask: mask, isFinal: isFinal, to: &output)
        let start = output.count
        output.append(contentsOf: payload)
        output.withUnsafeMutableBytes { Self.mask(UnsafeMutableRawBufferPointer(rebasing: $0[start...]), with: mask) }
    }

    /// Appends a close frame.
    ///
    /// - Parameters:
    ///   - code: 1005 sends an empty frame, as do all codes that must not be sent.
    ///   - reason: cut at a character's start where it exceeds 123 bytes.
    package static func appendClose(code: UInt16, reason: String = "", mask: UInt32, to output: inout [UInt8]) {
        guard WebSocketCloseCode.isValidOnWire(code) else {
            return append(.close, payload: UnsafeRawBufferPointer(start: nil, count: 0), mask: mask, to: &output)
        }
        var payload = [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)]
        for scalar in reason.unicodeScalars {
            let encoded = UTF8.encode(scalar)
            guard let encoded, payload.count + encoded.count <= maxControlPayload else { break }
            payload.append(contentsOf: encoded)
        }
        payload.withUnsafeBytes { append(.close, payload: $0, mask: mask, to: &output) }
    }

    private static func appendHeader(
        _ opcode: WebSocketOpcode, length: Int, mask: UInt32, isFinal: Bool, to output: inout [UInt8]
    ) {
        output.append((isFinal ? 0x80 : 0) | opcode.rawValue)
        if length < 126 {
            output.append(0x80 | UInt8(truncatingIfNeeded: length))
        } else if length <= 0xFFFF {
            output.append(0x80 | 126)
            appendBigEndian(UInt64(length), bytes: 2, to: &output)
        } else {
            output.append(0x80 | 127)
            appendBigEndian(UInt64(length), bytes: 8, to: &output)
        }
        appendBigEndian(UInt64(mask.byteSwapped), bytes: 4, to: &output)
    }

    private static func appendBigEndian(_ value: UInt64, bytes: UInt64, to output: inout [UInt8]) {
        var shift = bytes &* 8
        while shift > 0 {
            shift &-= 8
            output.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// XORs `bytes` with the mask, eight at a time.
    package static func mask(_ bytes: UnsafeMutableRawBufferPointer, with mask: UInt32) {
        guard let base = bytes.baseAddress else { return }
        let key = mask.littleEndian
        let wide = UInt64(key) << 32 | UInt64(key)
        var index = 0
        while index &+ 8 <= bytes.count {
            let word = (base + index).loadUnaligned(as: UInt64.self) ^ wide
            (base + index).storeBytes(of: word, as: UInt64.self)
            index &+= 8
        }
        while index < bytes.count {
            let byte = UInt8(truncatingIfNeeded: mask >> UInt32(8 &* (index & 3)))
            base.storeBytes(
                of: base.load(fromByteOffset: index, as: UInt8.self) ^ byte, toByteOffset: index, as: UInt8.self)
            index &+= 1
        }
    }
}
