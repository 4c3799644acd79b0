import Foundation
import Testing

@testable import GatewayProtocol

@Suite struct JSONCheckTests {
    private func reason(_ json: [UInt8]) -> String? {
        do {
            try json.withExactBytes(JSONCheck.validate)
            return nil
        } catch { return (error as JSONSyntaxError).reason.description }
    }

    @Test(arguments: [
        "null", " true ", "-0.5e+10", #""é\u00e9""#, "[]", "{}", "[[],{}]", #"{"a":[1,{"b":null}],"c":""}"#,
        "[1 , 2\n]",
        #" { "a" : 1 , "b" : [ ] } "#,
    ])
    func accepts(_ json: String) { #expect(reason(bytes(json)) == nil) }

    @Test(arguments: [
        "", " ", "nul", "truee", "01", "+1", ".5", "1.", "1e", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]", "{", #"{"a""#,
        #"{"a":"#, #"{"a":1"#, #"{"a":1,}"#, #"{,}"#, #"{a:1}"#, #"{1:1}"#, #"{"a" 1}"#, "[}", "{]", #"{"a":[}]"#, "]",
        "1 2",
        "[]]", #""a"#, #""\x""#, #""\u12""#, "\"\n\"", "'a'", "[1]x", "NaN", "Infinity", #"{"a":1 "b":2}"#, "\u{FEFF}1",
    ])
    func refuses(_ json: String) { #expect(reason(bytes(json)) != nil) }

    @Test func refusesWhatIsNotUTF8() {
        #expect(reason([0x22, 0xFF, 0x22]) == "is not UTF-8")
        #expect(reason([0x22, 0xC3, 0x22]) == "is not UTF-8")
        #expect(reason([0x22, 0xED, 0xA0, 0x80, 0x22]) == "is not UTF-8")
    }

    @Test func boundsTheDepth() {
        func nested(_ depth: Int, _ open: String, _ close: String) -> [UInt8] {
            bytes(String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth))
        }
        #expect(reason(nested(1_000, "[", "]")) == nil)
        #expect(reason(nested(1_001, "[", "]")) == "is nested deeper than 1000 levels")
        #expect(reason(nested(1_000, #"{"a":"#, "}")) == nil)
        #expect(reason(nested(1_001, #"{"a":"#, "}")) == "is nested deeper than 1000 levels")
        // Both kinds in turn, so that every bit of the stack matters.
        #expect(reason(nested(500, #"[{"a":"#, "}]")) == nil)
        #expect(reason(nested(500, #"[{"a":"#, "]}")) != nil)
    }

    @Test func agreesWithFoundationOnMutatedSamples() throws {
        var random = SeededGenerator(seed: 5)
        let samples = try Fixture.samples().filter { $0.count < 2_000 }
        var accepted = 0
        for _ in 0..<2_000 {
            var json = samples.randomElement(using: &random) ?? []
            let alphabet = Array("{}[]\",:0-e. tn\\".utf8)
            json[Int.random(in: 0..<json.count, using: &random)] = alphabet.randomElement(using: &random) ?? 0
            let expected = (try? JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed)) != nil
            if expected { accepted += 1 }
            // Foundation refuses lone surrogates and numbers it cannot hold, and takes a comma at the end.
            let comma = json.text.contains(",}") || json.text.contains(",]")
            if expected, !comma, let reason = reason(json) { Issue.record("refuses (\(reason)) \(json.text)") }
            if !expected, reason(json) == nil, !json.text.contains("\\u"), !json.text.contains("e") {
                Issue.record("accepts \(json.text)")
            }
        }
        #expect(accepted > 200)
    }
}
