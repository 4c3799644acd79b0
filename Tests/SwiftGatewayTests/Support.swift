import CLinux
import Foundation
import GatewayProtocol
import GatewayTransport
import Testing

@testable import SwiftGateway

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

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Bytes that tell where they belong.
func pattern(_ count: Int, _ seed: UInt64) -> [UInt8] {
    let start = Int(seed &* 17 & 0xFF)
    return Array(patternTable[start..<(start + count)])
}

private let patternTable = (0..<(1 << 20 + 256)).map { UInt8(truncatingIfNeeded: $0) }

/// Nothing that is waited for here takes long; this only ends a test that would hang.
func patience() -> UInt64 { Clock.now() + 60_000_000_000 }

/// A directory that goes away with the test.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("sg-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    var contents: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

/// Expects `body` to throw a `GatewayError` with a message, and returns it.
@discardableResult
func expectError(
    _ status: Status, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) -> GatewayError? {
    let error = #expect(throws: GatewayError.self, comment, sourceLocation: sourceLocation) { try body() }
    #expect(error?.status == status, comment, sourceLocation: sourceLocation)
    #expect(error?.message.isEmpty == false, comment, sourceLocation: sourceLocation)
    return error
}
