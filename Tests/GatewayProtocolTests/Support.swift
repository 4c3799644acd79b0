import Foundation

@testable import GatewayProtocol

/// A small generator with a seed, so that a failing case can be run again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// The files the tests share.
enum Fixture {
    static func data(_ name: String, file: StaticString = #filePath) throws -> Data {
        let tests = URL(fileURLWithPath: "\(file)").deletingLastPathComponent().deletingLastPathComponent()
        return try Data(contentsOf: tests.appendingPathComponent("Fixtures").appendingPathComponent(name))
    }

    /// Every example frame, without its line break.
    static func samples() throws -> [[UInt8]] {
        try data("samples.jsonl").split(separator: UInt8(ascii: "\n")).map { [UInt8]($0) }
    }

    /// The protocol's tables.
    static func gateway() throws -> [String: Any] {
        try JSONSerialization.jsonObject(with: data("gateway.json")) as? [String: Any] ?? [:]
    }

    static func table(_ name: String) throws -> [[String: Any]] {
        try gateway()[name] as? [[String: Any]] ?? []
    }
}

extension Array where Element == UInt8 {
    init(_ text: StaticString) { self = text.withUTF8Buffer { Array($0) } }

    /// Runs `body` on a copy of the bytes that ends exactly where its memory ends, so that a sanitizer sees every byte
    /// read outside of it.
    func withExactBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyBytes(from: self)
        return try body(UnsafeRawBufferPointer(copy))
    }

    var text: String { String(decoding: self, as: UTF8.self) }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
