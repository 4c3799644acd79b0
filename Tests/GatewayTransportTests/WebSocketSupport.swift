@testable import GatewayTransport

/// An event with its bytes copied, to outlive the call.
enum SeenEvent: Equatable, CustomStringConvertible {
    case text([UInt8])
    case uncheckedText([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16, [UInt8])
    case failure(UInt16)

    var description: String {
        switch self {
        case .text(let bytes): "text(\(bytes.count))"
        case .uncheckedText(let bytes): "unchecked text(\(bytes.count))"
        case .binary(let bytes): "binary(\(bytes.count))"
        case .ping(let bytes): "ping(\(bytes.count))"
        case .pong(let bytes): "pong(\(bytes.count))"
        case .close(let code, let reason): "close(\(code), \(reason.count))"
        case .failure(let code): "failure(\(code))"
        }
    }
}

extension SeenEvent {
    init(_ kind: MessageKind, _ payload: UnsafeRawBufferPointer) {
        switch kind {
        case .text: self = .text(Array(payload))
        case .uncheckedText: self = .uncheckedText(Array(payload))
        case .binary: self = .binary(Array(payload))
        }
    }
}

/// A server's frame written the plain way, independently of the encoder under test.
struct ServerFrame {
    var opcode: UInt8
    var payload: [UInt8] = []
    var isFinal = true
    var reserved: UInt8 = 0
    var isMasked = false
    /// Write the length in this many bytes (0, 2 or 8) instead of the shortest form.
    var lengthBytes: Int?
    /// Announce this length instead of the payload's.
    var claimedLength: UInt64?

    var bytes: [UInt8] {
        let length = claimedLength ?? UInt64(payload.count)
        let form = lengthBytes ?? (length < 126 ? 0 : length < 65536 ? 2 : 8)
        var out: [UInt8] = [(isFinal ? 128 : 0) + reserved * 16 + opcode]
        let maskBit: UInt8 = isMasked ? 128 : 0
        switch form {
        case 0: out.append(maskBit + UInt8(length))
        case 2: out += [maskBit + 126, UInt8(length / 256), UInt8(length % 256)]
        default:
            out.append(maskBit + 127)
            for place in (0..<8).reversed() { out.append(UInt8(length >> UInt64(place * 8) & 255)) }
        }
        if isMasked { out += [0, 0, 0, 0] }
        return out + payload
    }

    static func text(_ string: String) -> ServerFrame { ServerFrame(opcode: 1, payload: Array(string.utf8)) }
    static func close(_ code: UInt16, _ reason: [UInt8] = []) -> ServerFrame {
        ServerFrame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 255)] + reason)
    }
}

/// Feeds `stream` to a decoder in pieces that end at `cuts`, the way a connection would: what is not consumed is offered
/// again with more behind it. `shortCut`: the decoder's way for the usual message is tried first, as a connection does.
func decode(
    _ stream: [UInt8], cuts: [Int] = [], maxMessageSize: Int = 1 << 20, textCheck: TextCheck = .byDecoder,
    shortCut: Bool = true
) -> [SeenEvent] {
    var decoder = WebSocketDecoder(maxMessageSize: maxMessageSize, textCheck: textCheck)
    var events: [SeenEvent] = []
    var start = 0
    for end in cuts + [stream.count] {
        var wantsMore = false
        while !wantsMore {
            // A fresh allocation of the exact size, so that reading past the end is seen by the address sanitizer.
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
            defer { piece.deallocate() }
            piece.copyBytes(from: stream[start..<end])
            var consumed = 0
            if shortCut, let base = piece.baseAddress,
                let whole = decoder.wholeMessage(UnsafeRawPointer(base), available: piece.count, size: &consumed)
            {
                events.append(SeenEvent(whole.kind, whole.payload))
                start += consumed
                continue
            }
            do {
                switch try decoder.next(UnsafeRawBufferPointer(piece), consumed: &consumed) {
                case .needMore(let atLeast):
                    wantsMore = true
                    precondition(atLeast > end - start - consumed, "asked for what is there already")
                case .message(let kind, let payload): events.append(SeenEvent(kind, payload))
                case .ping(let payload): events.append(.ping(Array(payload)))
                case .pong(let payload): events.append(.pong(Array(payload)))
                case .close(let code, let reason): events.append(.close(code, Array(reason)))
                }
            } catch {
                events.append(.failure(error.closeCode))
                return events
            }
            start += consumed
        }
    }
    return events
}

/// Small, fast and the same on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
