import Testing

@testable import GatewayTransport

@Suite struct FrameEncoderTests {
    /// Reads a masked client frame the plain way.
    private func parse(_ frame: [UInt8]) -> (first: UInt8, mask: [UInt8], payload: [UInt8])? {
        guard frame.count >= 6, frame[1] & 0x80 != 0 else { return nil }
        var at = 2
        var length = Int(frame[1] & 0x7F)
        if length >= 126 {
            let size = length == 126 ? 2 : 8
            length = frame[2..<2 + size].reduce(0) { $0 * 256 + Int($1) }
            guard length > (size == 2 ? 125 : 65535) else { return nil }
            at += size
        }
        let mask = Array(frame[at..<at + 4])
        guard frame.count == at + 4 + length else { return nil }
        return (frame[0], mask, frame[(at + 4)...].enumerated().map { $1 ^ mask[$0 % 4] })
    }

    private func encode(_ opcode: WebSocketOpcode, _ payload: [UInt8], mask: UInt32, isFinal: Bool = true) -> [UInt8] {
        var output: [UInt8] = [0xAA, 0xBB, 0xCC]
        payload.withUnsafeBytes {
            WebSocketEncoder.append(opcode, payload: $0, mask: mask, isFinal: isFinal, to: &output)
        }
        #expect(output.prefix(3) == [0xAA, 0xBB, 0xCC])
        return Array(output.dropFirst(3))
    }

    @Test func everyLengthUnmasksToThePayload() throws {
        var random = SeededGenerator(seed: 1)
        for length in Array(0...140) + [65535, 65536, 100_001] {
            let payload = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            let frame = try #require(parse(encode(.text, payload, mask: 0x0403_0201)))
            #expect(frame.first == 0x81)
            #expect(frame.mask == [1, 2, 3, 4])
            #expect(frame.payload == payload)
        }
    }

    @Test func firstBytes() throws {
        for opcode: WebSocketOpcode in [.continuation, .text, .binary, .close, .ping, .pong] {
            #expect(try #require(parse(encode(opcode, [], mask: 1))).first == 0x80 | opcode.rawValue)
        }
        #expect(try #require(parse(encode(.text, [1], mask: 1, isFinal: false))).first == 0x01)
    }

    @Test func controlPayloadsAreCut() throws {
        let long = [UInt8](repeating: 9, count: 126)
        #expect(try #require(parse(encode(.ping, long, mask: 5))).payload == Array(long.prefix(125)))
        #expect(try #require(parse(encode(.binary, long, mask: 5))).payload == long)
    }

    /// RFC 6455 §5.7 has this very frame.
    @Test func theExampleOfTheRFC() {
        #expect(
            encode(.text, Array("Hello".utf8), mask: 0x3D21_FA37)
                == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
    }

    private func close(_ code: UInt16, _ reason: String = "") throws -> [UInt8] {
        var output: [UInt8] = []
        WebSocketEncoder.appendClose(code: code, reason: reason, mask: 0xDEAD_BEEF, to: &output)
        let frame = try #require(parse(output))
        #expect(frame.first == 0x88)
        return frame.payload
    }

    @Test func closeFrames() throws {
        #expect(try close(1000) == [0x03, 0xE8])
        #expect(try close(4000, "later") == [0x0F, 0xA0] + Array("later".utf8))
        for code: UInt16 in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            #expect(try close(code, "unused") == [])
        }
        // 123 bytes of reason, whole characters only.
        #expect(
            try close(1000, String(repeating: "é", count: 100)) == [0x03, 0xE8]
                + Array(String(repeating: "é", count: 61).utf8))
        #expect(try close(1000, String(repeating: "x", count: 200)).count == 125)
    }
}
