import Testing

@testable import GatewayTransport

@Suite struct UTF8ValidatorTests {
    private func accepts(_ bytes: [UInt8], cuts: [Int] = []) -> Bool {
        var validator = UTF8Validator()
        var start = 0
        for end in cuts + [bytes.count] {
            let isGood = bytes.withUnsafeBytes {
                validator.consume(UnsafeRawBufferPointer(rebasing: $0[start..<end]))
            }
            if !isGood { return false }
            start = end
        }
        return validator.isComplete
    }

    /// Index of the byte at which feeding one byte at a time fails; nil when it never does.
    private func firstBadByte(_ bytes: [UInt8]) -> Int? {
        var validator = UTF8Validator()
        return bytes.indices.first { index in !bytes[index...index].withUnsafeBytes { validator.consume($0) } }
    }

    private func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    /// Both ends of every range that the rules name, and their neighbours.
    private static let edges: [UInt8] = [
        0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
        0xEF,
        0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xF7, 0xF8, 0xFF,
    ]

    @Test func everyPairOfBytes() {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max where accepts([first, second]) != isUTF8([first, second]) {
                Issue.record("\(first), \(second)")
            }
        }
    }

    @Test func everyCombinationOfEdges() {
        for first in Self.edges {
            for second in Self.edges {
                for third in Self.edges {
                    let three = [first, second, third]
                    if accepts(three) != isUTF8(three) { Issue.record("\(three)") }
                    for fourth in Self.edges {
                        let four = three + [fourth]
                        let expected = isUTF8(four)
                        if accepts(four) != expected || accepts(four, cuts: [1, 2, 3]) != expected {
                            Issue.record("\(four)")
                        }
                    }
                }
            }
        }
    }

    @Test func everyScalar() {
        var all: [UInt8] = []
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            all.append(contentsOf: UTF8.encode(scalar) ?? .init())
        }
        #expect(accepts(all))
        #expect(accepts(all, cuts: Array(stride(from: 0, to: all.count, by: 7))))
    }

    /// Valid and damaged text with characters at every offset of the wide steps, cut everywhere.
    @Test(arguments: 0..<8 as Range<UInt64>) func randomText(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let samples: [Character] = ["a", "0", "é", "κ", "☕", "漢", "😀", "\u{0}", "\u{10FFFF}", "\u{D7FF}", "\u{E000}"]
        for round in 0..<400 {
            var text = String(repeating: "x", count: round % 70)
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                text.append(samples.randomElement(using: &random) ?? "a")
                text += String(repeating: "y", count: Int.random(in: 0...9, using: &random) / 7 * 20)
            }
            var bytes = Array(text.utf8)
            if Bool.random(using: &random), !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let expected = isUTF8(bytes)
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            if accepts(bytes) != expected { Issue.record("\(bytes)") }
            if accepts(bytes, cuts: cuts) != expected { Issue.record("\(bytes) cut at \(cuts)") }
        }
    }

    @Test func failsAtTheFirstBadByte() {
        #expect(firstBadByte([0x41, 0x80]) == 1)
        #expect(firstBadByte([0xC1, 0x80]) == 0)
        #expect(firstBadByte([0xE0, 0x9F, 0x80]) == 1)
        #expect(firstBadByte([0xED, 0xA0, 0x80]) == 1)
        #expect(firstBadByte([0xF0, 0x8F, 0x80, 0x80]) == 1)
        #expect(firstBadByte([0xF4, 0x90, 0x80, 0x80]) == 1)
        #expect(firstBadByte([0xF5]) == 0)
        #expect(firstBadByte([0xF0, 0x9F, 0x98, 0x41]) == 3)
        #expect(firstBadByte(Array("κόσμε😀".utf8)) == nil)
    }
}
