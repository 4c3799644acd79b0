/// How a connection's payloads are compressed.
enum PayloadCodec {
    case none
    /// Payload compression: some frames, each on its own.
    case payload(level: Int)
    case zlib(ZlibStream)
    case zstd(ZstdStream)

    /// Payload compression leaves short frames alone.
    private static let payloadThreshold = 512

    /// The message for a payload, and whether it is binary.
    func encode(_ payload: [UInt8], into message: inout [UInt8]) -> Bool {
        switch self {
        case .none:
            message.append(contentsOf: payload)
            return false
        case .payload(let level):
            guard payload.count >= Self.payloadThreshold, let stream = ZlibStream(level: level) else {
                message.append(contentsOf: payload)
                return false
            }
            stream.compress(payload, flush: .finish, into: &message)
        case .zlib(let stream): stream.compress(payload, flush: .sync, into: &message)
        case .zstd(let stream): stream.compress(payload, flush: true, into: &message)
        }
        return true
    }

    /// A payload of `megabytes` of text in one string, compressed without holding it.
    func encodeBomb(megabytes: Int, into message: inout [UInt8]) -> Bool {
        let chunk = [UInt8](repeating: UInt8(ascii: "A"), count: 1 << 20)
        let before = Array("{\"t\":\"SANDBOX_BOMB\",\"s\":null,\"op\":0,\"d\":\"".utf8)
        let after = Array("\"}".utf8)
        switch self {
        case .none, .payload:
            message.append(contentsOf: before)
            for _ in 0..<megabytes { message.append(contentsOf: chunk) }
            message.append(contentsOf: after)
            return false
        case .zlib(let stream):
            stream.compress(before, flush: .none, into: &message)
            for _ in 0..<megabytes { stream.compress(chunk, flush: .none, into: &message) }
            stream.compress(after, flush: .sync, into: &message)
        case .zstd(let stream):
            stream.compress(before, flush: false, into: &message)
            for _ in 0..<megabytes { stream.compress(chunk, flush: false, into: &message) }
            stream.compress(after, flush: true, into: &message)
        }
        return true
    }

    /// A message that must fail to decompress: a block of the reserved type where a block starts.
    var corruptMessage: (bytes: [UInt8], isBinary: Bool) {
        switch self {
        case .none: (Array("{\"t\":\"MESSAGE_CREATE\",\"s\":,\"op\":0".utf8), false)
        case .payload: ([0x78, 0x9C, 0x07, 0xFF, 0xFF, 0xFF, 0xFF], true)
        case .zlib: ([0x07, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0xFF, 0xFF], true)
        case .zstd: ([0x06, 0x00, 0x00, 0xFF], true)
        }
    }

    /// Only here may one payload come in several messages (`gateway.md` §14).
    var splitsMessages: Bool {
        if case .zlib = self { true } else { false }
    }
}
