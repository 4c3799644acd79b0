/// A number that two JSON texts share when they say the same: whatever the order of their keys and the space between
/// their tokens. Strings and numbers count as they are written.
///
/// Two texts that differ get the same number by chance once in 2⁶⁴; an unpredictable seed keeps senders from choosing such
/// texts. Text that is no JSON gets a number as well, by its bytes.
package enum JSONFingerprint {
    package static func of(_ json: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        var reader = Reader(seed: seed)
        do throws(JSONSyntaxError) {
            return try reader.read(json)
        } catch {
            return Reader.hash(json, seed ^ 0x5851_F42D_4C95_7F2D)
        }
    }

    private struct Reader {
        /// An object or array that is open.
        struct Level {
            let isObject: Bool
            var sum: UInt64
            var key: UInt64?
        }

        let seed: UInt64
        var levels: [Level] = []

        init(seed: UInt64) { self.seed = seed }

        mutating func read(_ json: UnsafeRawBufferPointer) throws(JSONSyntaxError) -> UInt64 {
            guard var cursor = JSONCursor(json) else { return seed }
            var result: UInt64?
            while true {
                cursor.skipWhitespace()
                guard cursor.position < cursor.count else { break }
                let start = cursor.position
                switch cursor.current {
                case UInt8(ascii: "{"), UInt8(ascii: "["):
                    let isObject = cursor.current == UInt8(ascii: "{")
                    levels.append(Level(isObject: isObject, sum: isObject ? seed : ~seed))
                    cursor.position += 1
                    continue
                case UInt8(ascii: ","), UInt8(ascii: ":"):
                    cursor.position += 1
                    continue
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    guard let level = levels.popLast() else { throw cursor.error("closes what is not open") }
                    cursor.position += 1
                    result = add(Self.mix(level.sum, level.isObject ? 0x9E37_79B9_7F4A_7C15 : 0xD1B5_4A32_D192_ED03))
                case UInt8(ascii: "\""):
                    let content = try cursor.string().content
                    let value = Self.hash(UnsafeRawBufferPointer(rebasing: json[content]), seed)
                    if let level = levels.indices.last, levels[level].isObject, levels[level].key == nil {
                        levels[level].key = value
                        continue
                    }
                    result = add(value)
                default:
                    try cursor.skipScalar()
                    result = add(Self.hash(UnsafeRawBufferPointer(rebasing: json[start..<cursor.position]), ~seed))
                }
            }
            guard levels.isEmpty, let result else { throw cursor.error("ends inside a value") }
            return result
        }

        /// Takes a whole value into what it is in, and returns it.
        private mutating func add(_ value: UInt64) -> UInt64 {
            guard let last = levels.indices.last else { return value }
            if levels[last].isObject {
                // A sum, so that the order does not matter.
                levels[last].sum &+= Self.mix(levels[last].key ?? 0, value)
                levels[last].key = nil
            } else {
                levels[last].sum = Self.mix(levels[last].sum, value)
            }
            return value
        }

        static func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
            let product = (a ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: b ^ 0xE703_7ED1_A0B4_28DB)
            return product.high ^ product.low
        }

        static func hash(_ bytes: UnsafeRawBufferPointer, _ seed: UInt64) -> UInt64 {
            var sum = mix(seed, UInt64(bytes.count))
            var rest = bytes[...]
            while rest.count >= 8 {
                sum = mix(sum, UnsafeRawBufferPointer(rebasing: rest.prefix(8)).loadUnaligned(as: UInt64.self))
                rest = rest.dropFirst(8)
            }
            var tail: UInt64 = 0
            for byte in rest { tail = tail << 8 | UInt64(byte) }
            return mix(sum, tail)
        }
    }
}
