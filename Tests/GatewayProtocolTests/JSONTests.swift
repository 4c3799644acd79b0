import Foundation
import Testing

@testable import GatewayProtocol

private func with<R>(
    _ json: String, _ pointer: String, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> R
)
    rethrows -> R
{
    try bytes(json).withExactBytes { json in try bytes(pointer).withExactBytes { try body(json, $0) } }
}

private func find(_ json: String, _ pointer: String) throws -> String {
    try with(json, pointer) { Array(try JSONField.find($0, pointer: $1)).text }
}

private func failure(_ body: () throws -> Void) -> JSONFieldError? {
    do { try body() } catch { return error as? JSONFieldError }
    return nil
}

private func string(_ json: String, _ pointer: String, capacity: Int = 100) throws -> (text: String, needed: Int) {
    try with(json, pointer) { json, pointer in
        var buffer = [UInt8](repeating: UInt8(ascii: "!"), count: capacity)
        let needed = try buffer.withUnsafeMutableBytes { try JSONField.string(json, pointer: pointer, into: $0) }
        return (Array(buffer.prefix(needed)).text, needed)
    }
}

private func uint64(_ json: String, _ pointer: String = "") throws -> UInt64 {
    try with(json, pointer) { try JSONField.uint64($0, pointer: $1) }
}

private func double(_ json: String) throws -> Double { try with(json, "") { try JSONField.double($0, pointer: $1) } }

private func bool(_ json: String) throws -> Bool { try with(json, "") { try JSONField.bool($0, pointer: $1) } }

@Suite struct JSONFieldTests {
    /// The document of RFC 6901 section 5, with the values it lists there.
    private static let document = #"""
        { "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8 }
        """#

    @Test(arguments: [
        ("/foo", #"["bar", "baz"]"#), ("/foo/0", #""bar""#), ("/", "0"), ("/a~1b", "1"), ("/c%d", "2"), ("/e^f", "3"),
        ("/g|h", "4"), ("/i\\j", "5"), ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"),
    ])
    func readsTheExamplesOfTheStandard(_ pointer: String, _ value: String) throws {
        #expect(try find(Self.document, pointer) == value)
    }

    @Test func readsTheWhole() throws {
        #expect(try find(" [1, 2] ", "") == "[1, 2]")
        #expect(try find("7", "") == "7")
        #expect(try find(Self.document, "").utf8.count == Self.document.utf8.count)
    }

    @Test func goesDown() throws {
        let json = #"{"x":{"a":[{"id":1},{"a":{"id":"no"},"id":[[],[3,{"é":"yes","😀":null}]]}]},"id":"no"}"#
        #expect(try find(json, "/x/a/1/id/1/1/é") == #""yes""#)
        #expect(try find(json, "/x/a/1/id/1/1/😀") == "null")
        #expect(try find(json, "/x/a/0") == #"{"id":1}"#)
        #expect(try find(#"{"\u0061\ud83d\ude00\n":5}"#, "/a😀\n") == "5")
        #expect(try find(#"{"a":1,"a":2}"#, "/a") == "1")
    }

    @Test(arguments: [
        ("{}", "/a"), ("[]", "/0"), ("[1]", "/1"), ("[1]", "/01"), ("[1]", "/-"), ("[1]", "/a"), ("[1]", "/"),
        ("1", "/a"),
        (#""a""#, "/0"), ("null", "/a"), (#"{"a":1}"#, "/a/b"), (#"{"a":1}"#, "/A"), (#"{"a":1}"#, "/aa"),
        ("[1]", "/99999999999999999999999"), (#"{"ab":1}"#, "/a"), (#"{"\u0061b":1}"#, "/a"),
    ])
    func saysWhatIsNotThere(_ json: String, _ pointer: String) {
        #expect(failure { _ = try find(json, pointer) } == .notFound)
    }

    @Test(arguments: [
        ("", ""), ("{", "/a"), (#"{"a""#, "/a"), (#"{"a":"#, "/a"), (#"{"a":tru}"#, "/a"), (#"{"b":[}],"a":1}"#, "/a"),
        (#"{"b":1 "a":1}"#, "/a"), (#"{b:1}"#, "/a"), ("[1", "/1"), ("[1 2]", "/1"), ("[1,]", "/1"), ("x", "/a"),
        (#"{"a":"x}"#, "/a"), ("[", ""), (#"{"a":01}"#, "/a"),
    ])
    func saysWhatIsMalformed(_ json: String, _ pointer: String) {
        #expect(failure { _ = try find(json, pointer) } == .malformed)
    }

    @Test(arguments: ["a", "a/b", "/~", "/~2", "/a~", "/x/~x", "~0"])
    func refusesBadPointers(_ pointer: String) {
        #expect(failure { _ = try find(#"{"a":1}"#, pointer) } == .badPointer)
    }

    @Test func goesThroughAnyDepth() throws {
        let depth = 200_000
        let json = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(try find(json, "").utf8.count == 2 * depth)
        #expect(try find(#"{"a":\#(json),"b":1}"#, "/b") == "1")
        let pointer = String(repeating: "/0", count: 1_000)
        #expect(try find(json, pointer).utf8.count == 2 * (depth - 1_000))
    }

    @Test func unescapesStrings() throws {
        #expect(try string(#""plain é 😀""#, "").text == "plain é 😀")
        #expect(try string(#""\"\\\/\b\f\n\r\t""#, "").text == "\"\\/\u{8}\u{C}\n\r\t")
        #expect(try string(#""\u0041\u00e9\u20AC\ud83d\ude00\u0000x""#, "").text == "Aé€😀\0x")
        #expect(try string(#"{"a":["","\n"]}"#, "/a/0") == ("", 0))
        #expect(try string(#"{"a":["","\n"]}"#, "/a/1") == ("\n", 1))
    }

    @Test(arguments: [
        (#""\ud83d""#, "\u{FFFD}"), (#""\ud83dx""#, "\u{FFFD}x"), (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
        (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"), (#""\ud83d\u0041""#, "\u{FFFD}A"),
        (#""a\udbff\udfff""#, "a\u{10FFFF}"), (#""\ud800\udc00""#, "\u{10000}"),
    ])
    func replacesHalvesOfPairs(_ json: String, _ text: String) throws {
        #expect(try string(json, "").text == text)
    }

    @Test func tellsTheSizeNeededAndWritesNoMore() throws {
        for json in [#""abcdef""#, #""a\u0062cdef""#] {
            for capacity in 0...8 {
                let found = try string(json, "", capacity: capacity)
                #expect(found.needed == 6)
                #expect(found.text == String("abcdef".prefix(capacity)))
            }
        }
        // A character that only half fits is cut between its bytes.
        #expect(try string(#""\u00e9""#, "", capacity: 1).needed == 2)
    }

    @Test func readsUnsignedIntegers() throws {
        #expect(try uint64("0") == 0)
        #expect(try uint64("18446744073709551615") == .max)
        #expect(try uint64(#""18446744073709551615""#) == .max)
        #expect(try uint64(#"{"author":{"id":"1085218136001548289"}}"#, "/author/id") == 1_085_218_136_001_548_289)
        for json in [
            "18446744073709551616", #""18446744073709551616""#, "-1", "1.0", "1e3", #""""#, #""12a""#, #""\u0031""#,
            "true",
            "null", "{}", "[1]", #"" 1""#,
        ] {
            #expect(failure { _ = try uint64(json) } == .wrongType, "\(json)")
        }
    }

    @Test func readsDoubles() throws {
        #expect(try double("0.1") == 0.1)
        #expect(try double("-0") == 0 && (try double("-0")).sign == .minus)
        #expect(try double("1e3") == 1000)
        #expect(try double("2.2250738585072011e-308") == Double.leastNormalMagnitude.nextDown)
        #expect(try double("9007199254740993") == 9_007_199_254_740_992)
        #expect(try double("5e-324") == .leastNonzeroMagnitude)
        #expect(try double("1e400") == .infinity)
        #expect(try double("1e-400") == 0)
        for json in [#""1""#, "true", "null", "[]", "{}"] {
            #expect(failure { _ = try double(json) } == .wrongType, "\(json)")
        }
        #expect(failure { _ = try double("1.") } == .malformed)
    }

    @Test func readsBooleans() throws {
        #expect(try bool("true"))
        #expect(try !bool("false"))
        for json in ["0", #""true""#, "null", "[]"] { #expect(failure { _ = try bool(json) } == .wrongType) }
        #expect(failure { _ = try bool("tru") } == .malformed)
    }

    @Test func agreesWithFoundationOnEverySample() throws {
        var compared = 0
        for sample in try Fixture.samples() {
            let object = try JSONSerialization.jsonObject(with: Data(sample), options: .fragmentsAllowed)
            compared += compare(object, sample, "")
        }
        #expect(compared > 5_000)
    }

    @Test func staysWithinBrokenText() throws {
        var random = SeededGenerator(seed: 10)
        let samples = try Fixture.samples().filter { $0.count < 2_000 }
        let pointers = ["", "/d", "/d/author/id", "/d/embeds/0", "/d/member/roles/1", "/d/content", "/t", "/s"].map(
            bytes)
        var results: [JSONFieldError?: Int] = [:]
        for _ in 0..<6_000 {
            var json = samples.randomElement(using: &random) ?? []
            let alphabet = Array("{}[]\",:0-e. tn\\u".utf8)
            json[Int.random(in: 0..<json.count, using: &random)] = alphabet.randomElement(using: &random) ?? 0
            json.removeLast(Int.random(in: 0...1, using: &random) * Int.random(in: 0..<json.count, using: &random))
            let pointer = pointers.randomElement(using: &random) ?? []
            json.withExactBytes { json in
                pointer.withExactBytes { pointer in
                    do throws(JSONFieldError) {
                        let found = try JSONField.find(json, pointer: pointer)
                        results[nil, default: 0] += 1
                        // Within the text, and a value by itself.
                        let start = found.baseAddress.map { $0 - (json.baseAddress ?? $0) } ?? -1
                        #expect(start >= 0 && start + found.count <= json.count && !found.isEmpty)
                        #expect(
                            (try? JSONField.find(found, pointer: .init(start: nil, count: 0)))?.count == found.count)
                    } catch { results[error, default: 0] += 1 }
                }
            }
        }
        #expect(results[.badPointer] == nil)
        for result in [nil, .notFound, .malformed] as [JSONFieldError?] { #expect((results[result] ?? 0) > 200) }
    }

    /// Reads every value of a sample by its pointer; returns how many.
    private func compare(_ value: Any, _ json: [UInt8], _ pointer: String) -> Int {
        var count = 1
        json.withExactBytes { json in
            bytes(pointer).withExactBytes { path in
                switch value {
                case let text as String:
                    var buffer = [UInt8](repeating: 0, count: 20_000)
                    let needed = buffer.withUnsafeMutableBytes { try? JSONField.string(json, pointer: path, into: $0) }
                    #expect(Array(buffer.prefix(needed ?? 0)).text == text, "\(pointer)")
                case let number as NSNumber:
                    if let flag = try? JSONField.bool(json, pointer: path) {
                        #expect(flag == number.boolValue, "\(pointer)")
                    } else {
                        #expect((try? JSONField.double(json, pointer: path)) == number.doubleValue, "\(pointer)")
                    }
                case is NSNull:
                    #expect((try? JSONField.find(json, pointer: path)).map { Array($0).text } == "null", "\(pointer)")
                default:
                    #expect((try? JSONField.find(json, pointer: path)) != nil, "\(pointer)")
                }
            }
        }
        if let object = value as? [String: Any] {
            for (key, inner) in object {
                let token = key.replacingOccurrences(of: "~", with: "~0").replacingOccurrences(of: "/", with: "~1")
                count += compare(inner, json, pointer + "/" + token)
            }
        } else if let array = value as? [Any] {
            for (index, inner) in array.enumerated() { count += compare(inner, json, pointer + "/\(index)") }
        }
        return count
    }
}

@Suite struct JSONWriterTests {
    @Test func writesWhatAReaderReads() throws {
        var writer = JSONWriter()
        let hard = "a\"\\/\u{8}\u{C}\n\r\t\u{0}\u{1F}\u{7F}é😀"
        writer.beginObject()
        writer.key(hard)
        writer.beginArray()
        writer.string(hard)
        writer.number(-5)
        writer.number(UInt64.max)
        writer.bool(true)
        writer.bool(false)
        writer.null()
        writer.snowflake(.max)
        writer.raw(bytes(#"{"x":1}"#))
        writer.beginArray()
        writer.endArray()
        writer.endArray()
        writer.key("b")
        writer.beginObject()
        writer.endObject()
        writer.endObject()
        try writer.bytes.withExactBytes(JSONCheck.validate)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [String: Any])
        let array = try #require(object[hard] as? [Any])
        #expect(array.count == 9 && array[0] as? String == hard && array[6] as? String == "18446744073709551615")
        #expect(object["b"] is [String: Any] && object.count == 2)
    }

    @Test func escapesAsExpected() {
        var writer = JSONWriter()
        writer.string("\u{1}\u{1F}\"\n/")
        #expect(writer.bytes.text == #""\u0001\u001f\"\n/""#)
    }
}
