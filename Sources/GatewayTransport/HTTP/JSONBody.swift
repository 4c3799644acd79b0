import GatewayProtocol

/// Fields of a small JSON body; nil for what is missing, of another type, or not JSON at all.
enum JSONBody {
    /// Longest string that is read, in bytes: bodies have messages and URLs, nothing longer (practice).
    private static let maxString = 4096

    static func string(_ json: UnsafeRawBufferPointer, _ pointer: StaticString) -> String? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: maxString, alignment: 1)
        defer { buffer.deallocate() }
        guard let count = try? JSONField.string(json, pointer: bytes(pointer), into: buffer), count <= maxString else {
            return nil
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    static func uint64(_ json: UnsafeRawBufferPointer, _ pointer: StaticString) -> UInt64? {
        try? JSONField.uint64(json, pointer: bytes(pointer))
    }

    static func double(_ json: UnsafeRawBufferPointer, _ pointer: StaticString) -> Double? {
        try? JSONField.double(json, pointer: bytes(pointer))
    }

    static func bool(_ json: UnsafeRawBufferPointer, _ pointer: StaticString) -> Bool? {
        try? JSONField.bool(json, pointer: bytes(pointer))
    }

    private static func bytes(_ text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}
