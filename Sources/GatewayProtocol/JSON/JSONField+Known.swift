/// Reading fields whose place is known and whose absence is one case with their being wrong.
extension JSONField {
    /// The text at `pointer`; nil when there is none.
    package static func string(_ json: UnsafeRawBufferPointer, _ pointer: StaticString) -> String? {
        let path = bytes(of: pointer)
        do throws(JSONFieldError) {
            let none = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            let count = try string(json, pointer: path, into: none)
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 1)
            defer { copy.deallocate() }
            _ = try string(json, pointer: path, into: copy)
            return String(decoding: copy.prefix(count), as: UTF8.self)
        } catch {
            return nil
        }
    }

    /// The whole number at `pointer`, as a number or a string of digits; nil when there is none.
    package static func uint64(_ json: UnsafeRawBufferPointer, _ pointer: StaticString) -> UInt64? {
        do throws(JSONFieldError) { return try uint64(json, pointer: bytes(of: pointer)) } catch { return nil }
    }

    /// The boolean at `pointer`; nil when there is none.
    package static func bool(_ json: UnsafeRawBufferPointer, _ pointer: StaticString) -> Bool? {
        do throws(JSONFieldError) { return try bool(json, pointer: bytes(of: pointer)) } catch { return nil }
    }

    /// The raw JSON at `pointer`, copied; nil when there is none.
    package static func raw(_ json: UnsafeRawBufferPointer, _ pointer: StaticString) -> [UInt8]? {
        do throws(JSONFieldError) { return Array(try find(json, pointer: bytes(of: pointer))) } catch { return nil }
    }

    /// The raw values of the array at `pointer`; nil when there is none.
    package static func elements(
        _ json: UnsafeRawBufferPointer, _ pointer: StaticString
    ) -> [UnsafeRawBufferPointer]? {
        do {
            let array = try find(json, pointer: bytes(of: pointer))
            guard array.first == UInt8(ascii: "["), var cursor = JSONCursor(array) else { return nil }
            cursor.position += 1
            cursor.skipWhitespace()
            var elements: [UnsafeRawBufferPointer] = []
            while cursor.position < array.count, array[cursor.position] != UInt8(ascii: "]") {
                let start = cursor.position
                try cursor.skipValue()
                elements.append(UnsafeRawBufferPointer(rebasing: array[start..<cursor.position]))
                cursor.skipWhitespace()
                guard cursor.position < array.count else { return nil }
                if array[cursor.position] == UInt8(ascii: ",") {
                    cursor.position += 1
                    cursor.skipWhitespace()
                }
            }
            return elements
        } catch {
            return nil
        }
    }

    private static func bytes(of pointer: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: pointer.utf8Start, count: pointer.utf8CodeUnitCount)
    }
}
