import CLinuxSIMD
import Testing

@testable import GatewayProtocol

/// What the scanner makes of the bytes, nil for an error.
private func scan(_ bytes: [UInt8]) -> Envelope? { try? bytes.withExactBytes(Envelope.scan) }

private func scan(_ text: String) -> Envelope? { scan(bytes(text)) }

private func parts(_ text: String) -> (op: Int32, sequence: UInt64, name: String, data: String)? {
    let all = bytes(text)
    guard let e = scan(all) else { return nil }
    return (e.op, e.sequence, Array(all[e.name]).text, Array(all[e.data]).text)
}

@Suite struct EnvelopeTests {
    @Test func readsTheUsualDispatch() throws {
        let found = try #require(
            parts(#"{"t":"MESSAGE_CREATE","s":4711,"op":0,"d":{"content":"a } \" { b","mentions":[]}}"#))
        #expect(found == (0, 4711, "MESSAGE_CREATE", #"{"content":"a } \" { b","mentions":[]}"#))
    }

    @Test func readsKeysInAnyOrder() throws {
        let found = try #require(
            parts(#"  { "d" : [ {"op":9,"s":8,"t":"NO","d":1} ] , "op" : 0, "x": {"t":"NO"}, "t":"YES", "s":3 }  "#))
        #expect(found == (0, 3, "YES", #"[ {"op":9,"s":8,"t":"NO","d":1} ]"#))
    }

    @Test func readsNullsAndMissingKeys() throws {
        #expect(parts(#"{"t":null,"s":null,"op":11,"d":null}"#) ?? (0, 1, "", "") == (11, 0, "", "null"))
        #expect(parts(#"{"op":7}"#) ?? (0, 1, "", "") == (7, 0, "", ""))
        #expect(scan("{}") == Envelope())
        #expect(scan(" {\n} ")?.op == -1)
    }

    @Test func decodesEscapedKeys() throws {
        let found = try #require(
            parts(#"{"\u006fp":0,"\u0073":5,"\u0074":"A","\u0064":true,"\u0064x":1,"o\u0070\u0070":2,"\u00f6p":3}"#))
        #expect(found == (0, 5, "A", "true"))
        #expect(parts(#"{"\u006Fp":3,"\n":1,"\td":2,"\"":4}"#) ?? (0, 0, "", "") == (3, 0, "", ""))
    }

    @Test func takesTheLastOfSeveral() {
        #expect(
            parts(#"{"op":1,"op":0,"s":1,"s":2,"t":"A","t":"B","d":{"a":1},"d":[2]}"#) ?? (9, 9, "", "")
                == (0, 2, "B", "[2]"))
        #expect(parts(#"{"t":"A","t":null,"s":7,"s":null,"op":0}"#) ?? (9, 9, "", "") == (0, 0, "", ""))
        let usual = #"{"t":"MESSAGE_CREATE_LONG_ENOUGH","s":1,"op":0,"d":{"a":[1,2,3]},"s":9,"d":"x","t":"LATER"}"#
        #expect(parts(usual) ?? (9, 9, "", "") == (0, 9, "LATER", "\"x\""))
    }

    @Test func saysWhetherTheNameHasEscapes() throws {
        let plain = try #require(scan(#"{"t":"A_B","op":0}"#))
        #expect(!plain.nameHasEscapes)
        let escaped = try #require(scan(#"{"t":"A\u005fB","op":0}"#))
        #expect(escaped.nameHasEscapes && escaped.name == 6..<14)
        #expect(scan(#"{"t":"A\u005fB","t":"AB","op":0}"#)?.nameHasEscapes == false)
    }

    @Test(arguments: [
        (#"{"t":"A\u005fB","op":0}"#, "A_B"), (#"{"op":0,"t":"\u0052EADY","d":{}}"#, "READY"),
        (#"{"t":"\"\\\/\b\f\n\r\t","op":0}"#, "\"\\/\u{8}\u{C}\n\r\t"),
        (#"{"t":"é\ud83d\ude00\ud83d","op":0}"#, "é😀\u{FFFD}"), (#"{"t":"\u0000","op":0}"#, "\0"),
        (#"{"t":"PLAIN","op":0}"#, "PLAIN"), (#"{"t":null,"op":0}"#, ""),
    ]) func decodesNames(frame: String, name: String) throws {
        let envelope = try #require(scan(frame))
        let decoded = Array(frame.utf8).withUnsafeBytes { envelope.decodedName(in: $0) }
        #expect(String(decoding: decoded, as: UTF8.self) == name)
    }

    @Test(arguments: [
        ("", "is not a JSON object"),
        ("   ", "is not a JSON object"),
        ("[1]", "is not a JSON object"),
        ("null", "is not a JSON object"),
        (#"{"op":0"#, "has no comma or closing brace behind a value"),
        (#"{"op":0,}"#, "has something else where a string belongs"),
        (#"{"op":0}{"#, "goes on behind its closing brace"),
        (#"{"op":0} x"#, "goes on behind its closing brace"),
        (#"{"op" 0}"#, "has no colon behind a key"),
        (#"{op:0}"#, "has something else where a string belongs"),
        (#"{"op":"0"}"#, "has something else where a non-negative integer belongs"),
        (#"{"op":null}"#, "has something else where a non-negative integer belongs"),
        (#"{"op":-1}"#, "has something else where a non-negative integer belongs"),
        (#"{"op":1.0}"#, "has a fraction or an exponent where an integer belongs"),
        (#"{"op":1e0}"#, "has a fraction or an exponent where an integer belongs"),
        (#"{"op":01}"#, "has a number with a leading zero"),
        (#"{"op":2147483648}"#, "has an opcode that does not fit in 31 bits"),
        (
            #"{"t":"GUILD_CREATE","s":,"op":0,"d":{"unavailable":true,"id":"276532652149637124"}}"#,
            "has something else where a non-negative integer belongs"
        ),
        (#"{"s":-1}"#, "has something else where a non-negative integer belongs"),
        (#"{"s":1.5}"#, "has a fraction or an exponent where an integer belongs"),
        (#"{"s":18446744073709551616}"#, "has an integer that does not fit in 64 bits"),
        (#"{"s":18446744073709551615.0}"#, "has a fraction or an exponent where an integer belongs"),
        (#"{"s":"1"}"#, "has something else where a non-negative integer belongs"),
        (#"{"s":nul}"#, "has a misspelt literal"),
        (#"{"t":1}"#, "has something else where a string belongs"),
        (#"{"t":"a}"#, "ends inside a string"),
        ("{\"t\":\"a\nb\"}", "has an unescaped control character in a string"),
        (#"{"t":"a\x"}"#, "has an escape that JSON does not know"),
        (#"{"t":"a\u12g4"}"#, "has a \\u escape without four digits"),
        (#"{"d":{"a":1}"#, "has no comma or closing brace behind a value"),
        (#"{"d":{"a":1"#, "ends inside an object or array"),
        (#"{"d":{"a":"}}"#, "ends inside an object or array"),
        (#"{"d":[1}}"#, "closes an object or array with the other kind of bracket"),
        (#"{"d":tru}"#, "has a misspelt literal"),
        (#"{"d":}"#, "has something else where a value belongs"),
        (#"{"d":"#, "ends where a value belongs"),
        (#"{"d":-}"#, "has a number without digits"),
        (#"{"d":1.}"#, "has a number without digits after the point"),
        (#"{"d":1e+}"#, "has a number without digits in its exponent"),
    ])
    func refuses(_ text: String, _ reason: String) {
        #expect {
            try bytes(text).withExactBytes(Envelope.scan)
        } throws: { error in
            (error as? EnvelopeError)?.reason.description == reason
        }
    }

    @Test func saysWhereItWentWrong() {
        func offset(_ text: String) -> Int? {
            do {
                _ = try bytes(text).withExactBytes(Envelope.scan)
                return nil
            } catch { return error.offset }
        }
        #expect(offset(#"{"op":0} x"#) == 9)
        #expect(offset(#"{"d":{"a":1"#) == 11)
        #expect(offset(#"{"d":[1}}"#) == 7)
        #expect(offset(#"{"op":5000000000}"#) == 6)
    }

    @Test func keepsTheLimitsOfItsIntegers() {
        #expect(scan(#"{"op":2147483647,"s":18446744073709551615}"#)?.sequence == .max)
        #expect(scan(#"{"op":2147483647}"#)?.op == .max)
        // Twenty digits and a leading zero on the fast way.
        let padding = String(repeating: "x", count: 64)
        for digits in [
            "9", "123456789", "9999999999999999999", "18446744073709551615", "18446744073709551616", "0", "01",
        ] {
            let text = #"{"t":"\#(padding)","s":\#(digits),"op":0,"d":{"a":"\#(padding)"}}"#
            let expected = ReferenceEnvelope.scan(bytes(text))
            #expect(scan(text) == expected)
            #expect(expected?.sequence == (digits == "01" ? nil : UInt64(digits)))
        }
    }
}

@Suite struct EnvelopeAgainstReferenceTests {
    @Test func agreesOnEverySample() throws {
        let samples = try Fixture.samples()
        #expect(samples.count == 135)
        for (line, sample) in samples.enumerated() {
            let found = try #require(scan(sample))
            #expect(found == ReferenceEnvelope.scan(sample))
            #expect(found.sequence == UInt64(line + 1) && found.op == 0)
            #expect(found.data.upperBound == sample.count - 1)
        }
    }

    @Test func refusesEveryTruncation() throws {
        let samples = try Fixture.samples()
        for sample in [samples[0], samples[7], samples[9], samples[134]] + [bytes(#"{"d":{"a":"\\\""},"op":1}"#)] {
            for length in 0..<sample.count where scan(Array(sample[..<length])) != nil {
                Issue.record("accepted the first \(length) bytes of \(sample.text)")
            }
        }
    }

    @Test func findsTheEndAtEveryAlignment() {
        // Quotes, runs of backslashes and brackets around every boundary between two blocks, and every length of tail.
        for run in 0...5 {
            for position in 50..<140 {
                for tail in [0, 1, 5, 63, 64, 65, 130] {
                    let filler = String(repeating: "a", count: position)
                    let slashes = String(repeating: "\\", count: run)
                    let content = run % 2 == 0 ? slashes : slashes + "\""
                    let d = #"{"k":"\#(filler)\#(content)","[":["]",{"}":0}]}"#
                    let text = #"{"d":\#(d),"x":"\#(String(repeating: "}", count: tail))","op":3}"#
                    let all = bytes(text)
                    let found = scan(all)
                    if found?.data != 5..<(5 + d.utf8.count) || found?.op != 3 {
                        Issue.record("wrong for run \(run), position \(position), tail \(tail)")
                    }
                }
            }
        }
    }

    @Test func agreesOnGeneratedFrames() {
        var random = SeededGenerator(seed: 1)
        var accepted = 0
        for _ in 0..<8_000 {
            let frame = EnvelopeGenerator.frame(&random)
            let expected = ReferenceEnvelope.scan(frame)
            if expected != nil { accepted += 1 }
            if scan(frame) != expected { Issue.record("differs on \(frame.text)") }
        }
        #expect(accepted > 6_000)
    }

    @Test func agreesOnMutatedFrames() {
        var random = SeededGenerator(seed: 2)
        var accepted = 0
        for _ in 0..<15_000 {
            var frame = EnvelopeGenerator.frame(&random)
            for _ in 0..<Int.random(in: 1...3, using: &random) { EnvelopeGenerator.mutate(&frame, &random) }
            let expected = ReferenceEnvelope.scan(frame)
            if expected != nil { accepted += 1 }
            if scan(frame) != expected { Issue.record("differs on \(frame.text)") }
        }
        #expect(accepted > 400 && accepted < 14_600)
    }

    @Test func agreesOnMutatedSamples() throws {
        var random = SeededGenerator(seed: 9)
        let samples = try Fixture.samples().filter { $0.count < 5_000 }
        var accepted = 0
        for _ in 0..<4_000 {
            var frame = samples.randomElement(using: &random) ?? []
            EnvelopeGenerator.mutate(&frame, &random)
            let expected = ReferenceEnvelope.scan(frame)
            if expected != nil { accepted += 1 }
            if scan(frame) != expected { Issue.record("differs on \(frame.text)") }
        }
        #expect(accepted > 400 && accepted < 3_600)
    }

    /// Where a container ends, byte by byte; whatever a backslash stands before counts for nothing but a bracket.
    private func closing(_ text: [UInt8], from offset: Int) -> Int {
        var (depth, inString, escaped) = (1, false, false)
        for index in offset..<text.count {
            let byte = text[index]
            let isEscaped = escaped
            escaped = byte == UInt8(ascii: "\\") && !isEscaped
            if byte == UInt8(ascii: "\"") {
                if !isEscaped { inString.toggle() }
            } else if !inString, byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                depth += 1
            } else if !inString, byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                depth -= 1
                if depth == 0 { return index + 1 }
            }
        }
        return 0
    }

    @Test func agreesOnEndsAndOnWhatIsNotASCII() {
        var random = SeededGenerator(seed: 3)
        // Sometimes crowded, sometimes with whole blocks that hold neither brackets nor backslashes.
        let alphabets = [1, 20, 200, 1000].map {
            Array(#"{}[]"\|"#.utf8) + [UInt8](repeating: UInt8(ascii: "_"), count: $0) + [0xC3, 0xA9]
        }
        var ends = 0
        for round in 0..<40_000 {
            let alphabet = alphabets[round % alphabets.count]
            let count = Int.random(in: 64...500, using: &random)
            let text = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
            let offset = Int.random(in: 0...count, using: &random)
            let expected = closing(text, from: offset)
            if expected != 0 { ends += 1 }
            text.withExactBytes { buffer in
                guard let start = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
                for close in [clinux_json_close, clinux_json_close_baseline] {
                    var wide = clinux_wide()
                    let end = close(start, count, offset, &wide)
                    let missed = text.indices.prefix(end == 0 ? count : end).dropFirst(offset)
                        .contains { text[$0] >= 0x80 && !(wide.first..<wide.end).contains($0) }
                    if end != expected || missed { Issue.record("differs on \(text) from \(offset)") }
                }
            }
        }
        #expect(ends > 10_000)
    }

    /// `wide` covers what is not ASCII, with whole characters, and is empty without it.
    @Test func usualDispatchesTellWhereTheyAreNotASCII() throws {
        let names = EventNameIndex.shared
        for character in ["é", "海", "👩‍🚀"] {
            for position in 0..<200 {
                let (left, right) = (String(repeating: "a", count: position), String(repeating: "b", count: 90))
                let frame = bytes(
                    #"{"t":"MESSAGE_CREATE","s":12,"op":0,"d":{"content":"\#(left)\#(character)\#(right)"}}"#)
                let start = try #require(frame.firstIndex { $0 >= 0x80 })
                frame.withExactBytes { buffer in
                    guard let dispatch = UsualDispatch(buffer, names: names) else {
                        Issue.record("not read as usual")
                        return
                    }
                    let wide = dispatch.wide.baseAddress.map { $0 - (buffer.baseAddress ?? $0) } ?? 0
                    #expect(wide <= start && wide + dispatch.wide.count >= start + character.utf8.count)
                    #expect(dispatch.wide.count <= 128 && wide + dispatch.wide.count <= frame.count)
                    #expect(String(validating: dispatch.wide, as: UTF8.self) != nil)
                }
            }
        }
        let plain = bytes(
            #"{"t":"MESSAGE_CREATE","s":12,"op":0,"d":{"content":"\#(String(repeating: "a", count: 99))"}}"#)
        #expect(plain.withExactBytes { UsualDispatch($0, names: names)?.wide.isEmpty } == true)
    }

    @Test func usualDispatchesTakeNumbersOfEveryLength() {
        for digits in 1...20 {
            for first in ["1", "9", "0"] {
                let number = first + String(repeating: "7", count: digits - 1)
                let frame = bytes(
                    #"{"t":"TYPING_START","s":\#(number),"op":0,"d":{"a":"\#(String(repeating: "x", count: 40))"}}"#)
                let sequence = frame.withExactBytes { UsualDispatch($0, names: .shared)?.sequence }
                #expect(sequence == (digits > 19 || first == "0" ? nil : UInt64(number)))
                #expect(scan(frame) == ReferenceEnvelope.scan(frame))
            }
        }
    }
}
