import Testing

@testable import GatewayProtocol

@Suite("JSON fingerprints")
struct JSONFingerprintTests {
    private static func print(_ text: String, seed: UInt64 = 7) -> UInt64 {
        bytes(text).withExactBytes { JSONFingerprint.of($0, seed: seed) }
    }

    @Test(
        "the order of keys and white space do not count",
        arguments: [
            (#"{"a":1,"b":[true,null]}"#, #" { "b" : [ true , null ] , "a" : 1 } "#),
            (#"{"a":{"x":"1","y":"2"},"b":""}"#, #"{"b":"","a":{"y":"2","x":"1"}}"#),
            (#"[{"k":[],"l":{}}]"#, #"[{"l":{},"k":[]}]"#),
            (#""a""#, #" "a" "#),
        ])
    func equal(_ one: String, _ other: String) { #expect(Self.print(one) == Self.print(other)) }

    @Test(
        "everything else does",
        arguments: [
            (#"{"a":1,"b":2}"#, #"{"a":2,"b":1}"#), (#"[1,2]"#, #"[2,1]"#), (#"{"a":"b"}"#, #"{"b":"a"}"#),
            (#"{"a":1}"#, #"{"a":"1"}"#), (#"[]"#, #"{}"#), (#"[[],[]]"#, #"[[[]]]"#),
            (#"{"a":[1],"b":2}"#, #"{"a":[2],"b":1}"#),
            (#"{"a":null}"#, #"{"a":false}"#), (#"{"a":{"b":1}}"#, #"{"a":{},"b":1}"#), (#"{"a":1,"a":1}"#, #"{}"#),
            (#""12345678""#, #""12345679""#), (#""1234567812345678""#, #""8765432112345678""#),
            (#"["ab","c"]"#, #"["a","bc"]"#),
            (#"{"a":"x"}"#, #"{"a":"x","b":null}"#), (#"[1]"#, #"[1,1]"#), (#"[{"a":1},{"b":2}]"#, #"[{"a":1,"b":2}]"#),
        ])
    func different(_ one: String, _ other: String) { #expect(Self.print(one) != Self.print(other)) }

    @Test("the seed counts")
    func seeded() { #expect(Self.print("{}", seed: 1) != Self.print("{}", seed: 2)) }

    @Test(
        "what is no JSON has a number, too, by its bytes",
        arguments: ["{", "}", "]", "{\"a", "tru", "[1,", "\"\\u12\"", ""])
    func malformed(_ text: String) {
        #expect(Self.print(text) == Self.print(text))
        #expect(Self.print(text) != Self.print(text + " "))
    }

    @Test("samples of every event differ, and equal themselves with their keys the other way round")
    func samples() throws {
        var seen: Set<UInt64> = []
        let samples = try Fixture.samples()
        for sample in samples {
            let reversed = try #require(reverse(sample[...]))
            #expect(reversed.count <= sample.count)
            let print = sample.withExactBytes { JSONFingerprint.of($0, seed: 1) }
            #expect(reversed.withExactBytes { JSONFingerprint.of($0, seed: 1) } == print)
            seen.insert(print)
        }
        #expect(seen.count == Set(samples).count)
    }

    /// The same JSON with the members of all objects in reverse order, without white space.
    private func reverse(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        text.withUnsafeBytes { bytes in
            guard var cursor = JSONCursor(bytes) else { return nil }
            cursor.skipWhitespace()
            return reverse(&cursor, bytes)
        }
    }

    private func reverse(_ cursor: inout JSONCursor, _ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        let open = cursor.current
        let start = cursor.position
        guard open == UInt8(ascii: "{") || open == UInt8(ascii: "[") else {
            try? cursor.skipScalar()
            return Array(bytes[start..<cursor.position])
        }
        cursor.position += 1
        var members: [[UInt8]] = []
        while true {
            cursor.skipWhitespace()
            if cursor.current == open + 2 { break }
            if cursor.current == UInt8(ascii: ",") {
                cursor.position += 1
                continue
            }
            var member: [UInt8] = []
            if open == UInt8(ascii: "{") {
                let key = cursor.position
                guard (try? cursor.string()) != nil else { return nil }
                member += Array(bytes[key..<cursor.position]) + [UInt8(ascii: ":")]
                cursor.skipWhitespace()
                cursor.position += 1
                cursor.skipWhitespace()
            }
            guard let value = reverse(&cursor, bytes) else { return nil }
            members.append(member + value)
        }
        cursor.position += 1
        if open == UInt8(ascii: "{") { members.reverse() }
        return [open] + members.joined(separator: [UInt8(ascii: ",")]) + [open + 2]
    }
}
