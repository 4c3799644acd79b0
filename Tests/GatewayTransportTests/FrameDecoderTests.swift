import Testing

@testable import GatewayTransport

@Suite struct FrameDecoderTests {
    /// Every first byte, alone on the wire: what is wrong is known before anything else arrives.
    @Test func everyFirstByteOutsideAMessage() {
        for first in UInt8.min...UInt8.max {
            let isFinal = first & 0x80 != 0
            let isGood: Bool =
                switch first & 0x0F {
                case 1, 2: first & 0x70 == 0
                case 8, 9, 10: first & 0x70 == 0 && isFinal
                default: false
                }
            #expect(decode([first]) == (isGood ? [] : [.failure(1002)]), "first byte \(first)")
        }
    }

    @Test func everyFirstByteInsideAMessage() {
        let begun = ServerFrame(opcode: 2, payload: [7], isFinal: false).bytes
        for first in UInt8.min...UInt8.max {
            let isGood: Bool =
                switch first & 0x0F {
                case 0: first & 0x70 == 0
                case 8, 9, 10: first & 0x70 == 0 && first & 0x80 != 0
                default: false
                }
            #expect(decode(begun + [first]) == (isGood ? [] : [.failure(1002)]), "first byte \(first)")
        }
    }

    @Test func maskedFramesAreRefused() {
        for opcode: UInt8 in [1, 2, 8, 9, 10] {
            #expect(decode(ServerFrame(opcode: opcode, isMasked: true).bytes) == [.failure(1002)])
        }
    }

    @Test func everyLengthUpToThreeHundredAndAroundTheForms() {
        for length in Array(0...300) + [65534, 65535, 65536, 65537, 200_000] {
            let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
            #expect(decode(ServerFrame(opcode: 2, payload: payload).bytes) == [.binary(payload)])
        }
    }

    @Test func controlFramesHoldUpTo125Bytes() {
        for length in 0...125 {
            let payload = [UInt8](repeating: 65, count: length)
            #expect(decode(ServerFrame(opcode: 9, payload: payload).bytes) == [.ping(payload)])
            #expect(decode(ServerFrame(opcode: 10, payload: payload).bytes) == [.pong(payload)])
        }
        for opcode: UInt8 in [8, 9, 10] {
            let long = [UInt8](repeating: 65, count: 126)
            #expect(decode(ServerFrame(opcode: opcode, payload: long).bytes) == [.failure(1002)])
            #expect(decode(ServerFrame(opcode: opcode, payload: [], lengthBytes: 2).bytes) == [.failure(1002)])
            #expect(decode(ServerFrame(opcode: opcode, payload: [], lengthBytes: 8).bytes) == [.failure(1002)])
        }
    }

    @Test func lengthsMustHaveTheirShortestForm() {
        for length in [0, 1, 125] {
            let payload = [UInt8](repeating: 1, count: length)
            #expect(decode(ServerFrame(opcode: 2, payload: payload, lengthBytes: 2).bytes) == [.failure(1002)])
        }
        for length in [0, 125, 126, 65535] {
            let payload = [UInt8](repeating: 1, count: length)
            #expect(decode(ServerFrame(opcode: 2, payload: payload, lengthBytes: 8).bytes) == [.failure(1002)])
        }
    }

    @Test func lengthsWithTheHighestBitAreRefused() {
        for length: UInt64 in [1 << 63, 1 << 63 + 1, .max] {
            #expect(
                decode(ServerFrame(opcode: 2, claimedLength: length).bytes, maxMessageSize: .max) == [.failure(1002)])
        }
    }

    @Test func hugeLengthsNeitherOverflowNorReserve() {
        let header = ServerFrame(opcode: 2, claimedLength: UInt64(Int.max)).bytes
        #expect(decode(header) == [.failure(1009)])
        var decoder = WebSocketDecoder(maxMessageSize: .max)
        var consumed = 0
        header.withUnsafeBytes { bytes in
            guard case .needMore(let wanted)? = try? decoder.next(bytes, consumed: &consumed) else {
                Issue.record("expected to be asked for more")
                return
            }
            #expect(wanted == .max)
        }
        #expect(consumed == 0)
    }

    @Test func sizeLimitIsCheckedOnTheHeader() {
        let limit = 1000
        let exact = [UInt8](repeating: 3, count: limit)
        #expect(decode(ServerFrame(opcode: 2, payload: exact).bytes, maxMessageSize: limit) == [.binary(exact)])
        // Only the header is there.
        let over = ServerFrame(opcode: 2, claimedLength: UInt64(limit + 1)).bytes
        #expect(decode(over, maxMessageSize: limit) == [.failure(1009)])
    }

    @Test func sizeLimitCountsAllFragments() {
        let limit = 1000
        let half = [UInt8](repeating: 3, count: 500)
        let begun = ServerFrame(opcode: 2, payload: half, isFinal: false).bytes
        let fitting = begun + ServerFrame(opcode: 0, payload: half).bytes
        #expect(decode(fitting, maxMessageSize: limit) == [.binary(half + half)])
        let over = begun + ServerFrame(opcode: 0, claimedLength: 501).bytes
        #expect(decode(over, maxMessageSize: limit) == [.failure(1009)])
        // The sum starts again with the next message; control frames do not count.
        let ping = ServerFrame(opcode: 9, payload: [UInt8](repeating: 0, count: 100))
        let twice = begun + ping.bytes + ServerFrame(opcode: 0, payload: half).bytes + fitting
        #expect(
            decode(twice, maxMessageSize: limit)
                == [.ping(ping.payload), .binary(half + half), .binary(half + half)])
    }

    @Test func limitOfZeroTakesEmptyMessagesOnly() {
        #expect(decode(ServerFrame(opcode: 2).bytes, maxMessageSize: 0) == [.binary([])])
        #expect(decode(ServerFrame(opcode: 2, payload: [1]).bytes, maxMessageSize: 0) == [.failure(1009)])
    }

    @Test func needMoreNamesTheWholeFrame() throws {
        func wanted(_ bytes: [UInt8]) throws -> Int? {
            var decoder = WebSocketDecoder(maxMessageSize: 1 << 20)
            var consumed = 0
            return try bytes.withUnsafeBytes { input in
                guard case .needMore(let wanted) = try decoder.next(input, consumed: &consumed) else { return nil }
                return wanted
            }
        }
        #expect(try wanted([]) == 2)
        #expect(try wanted([0x82]) == 2)
        #expect(try wanted([0x82, 5]) == 7)
        #expect(try wanted([0x82, 126]) == 4)
        #expect(try wanted([0x82, 126, 1]) == 4)
        #expect(try wanted([0x82, 126, 1, 0]) == 4 + 256)
        #expect(try wanted([0x82, 127, 0, 0, 0, 0, 0, 1, 0]) == 10)
        #expect(try wanted([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0, 9]) == 10 + 65536)
        // Counted from the first unconsumed byte: the fragment before it is gone.
        #expect(try wanted([0x02, 1, 9, 0x80, 5]) == 7)
    }

    @Test func wholeMessagesAreNotCopied() throws {
        let bytes = ServerFrame(opcode: 2, payload: [1, 2, 3]).bytes
        try bytes.withUnsafeBytes { input in
            var decoder = WebSocketDecoder(maxMessageSize: 100)
            var consumed = 0
            guard case .message(_, let payload) = try decoder.next(input, consumed: &consumed) else {
                Issue.record("expected a message")
                return
            }
            #expect(payload.baseAddress == input.baseAddress.map { $0 + 2 })
            #expect(consumed == 5)
        }
    }

    @Test func fragmentsWithControlFramesBetween() {
        let stream =
            ServerFrame(opcode: 1, payload: Array("Hel".utf8), isFinal: false).bytes
            + ServerFrame(opcode: 9, payload: [1]).bytes
            + ServerFrame(opcode: 0, payload: [], isFinal: false).bytes
            + ServerFrame(opcode: 10, payload: [2]).bytes
            + ServerFrame(opcode: 0, payload: Array("lo".utf8)).bytes
            + ServerFrame.text("next").bytes
        #expect(
            decode(stream) == [.ping([1]), .pong([2]), .text(Array("Hello".utf8)), .text(Array("next".utf8))])
    }

    @Test func fragmentsMayBeEmpty() {
        let stream =
            ServerFrame(opcode: 1, isFinal: false).bytes + ServerFrame(opcode: 0, isFinal: false).bytes
            + ServerFrame(opcode: 0).bytes
        #expect(decode(stream) == [.text([])])
    }

    @Test func thousandsOfFragments() {
        var stream = ServerFrame(opcode: 2, payload: [0], isFinal: false).bytes
        for number in 1..<65536 {
            stream += ServerFrame(opcode: 0, payload: [UInt8(number & 255)], isFinal: number == 65535).bytes
        }
        #expect(decode(stream) == [.binary((0..<65536).map { UInt8($0 & 255) })])
    }

    @Test func closeInsideAFragmentedMessage() {
        let stream = ServerFrame(opcode: 1, payload: [65], isFinal: false).bytes + ServerFrame.close(1000).bytes
        #expect(decode(stream) == [.close(1000, [])])
    }

    @Test func nothingComesAfterClose() {
        let stream = ServerFrame.close(1001).bytes + ServerFrame.text("late").bytes + [0xFF, 0xFF]
        #expect(decode(stream) == [.close(1001, [])])
    }

    @Test func nothingComesAfterAnError() {
        var decoder = WebSocketDecoder(maxMessageSize: 100)
        let stream = [0xF1, 0x00] + ServerFrame.text("late").bytes
        stream.withUnsafeBytes { input in
            var consumed = 0
            #expect(throws: WebSocketError.self) { _ = try decoder.next(input, consumed: &consumed) }
            guard case .needMore? = try? decoder.next(input, consumed: &consumed) else {
                Issue.record("a failed decoder made an event")
                return
            }
            #expect(consumed == input.count)
        }
    }

    /// RFC 6455 §7.4 and the IANA registry: 1000–1003, 1007–1014, 3000–4999.
    @Test func everyCloseCode() {
        let registered: Set<UInt16> = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
        for code in UInt16.min...UInt16.max {
            let isGood = registered.contains(code) || (3000..<5000).contains(code)
            #expect(
                decode(ServerFrame.close(code).bytes) == [isGood ? .close(code, []) : .failure(1002)], "code \(code)")
        }
    }

    @Test func closePayloads() {
        #expect(decode(ServerFrame(opcode: 8).bytes) == [.close(1005, [])])
        #expect(decode(ServerFrame(opcode: 8, payload: [3]).bytes) == [.failure(1002)])
        let reason = Array("Session timed out. ☕".utf8)
        #expect(decode(ServerFrame.close(4009, reason).bytes) == [.close(4009, reason)])
        let longest = [UInt8](repeating: 65, count: 123)
        #expect(decode(ServerFrame.close(1000, longest).bytes) == [.close(1000, longest)])
        #expect(decode(ServerFrame.close(1000, [0xCE, 0xBA, 0xED, 0xA0, 0x80]).bytes) == [.failure(1007)])
        #expect(decode(ServerFrame.close(1000, [0x41, 0xE2, 0x98]).bytes) == [.failure(1007)])
    }

    // MARK: Text

    @Test func textMustBeUTF8() {
        #expect(decode(ServerFrame(opcode: 1, payload: [0x41, 0xFF]).bytes) == [.failure(1007)])
        #expect(decode(ServerFrame(opcode: 1, payload: [0xE2, 0x98]).bytes) == [.failure(1007)])
        #expect(decode(ServerFrame(opcode: 2, payload: [0xFF]).bytes) == [.binary([0xFF])])
        #expect(decode(ServerFrame(opcode: 1, payload: [0xFF]).bytes, textCheck: .none) == [.text([0xFF])])
    }

    /// What the owner is to check is whole text in one piece, and no other.
    @Test func ownersCheckWholeTexts() {
        func owned(_ stream: [UInt8], cuts: [Int] = []) -> [SeenEvent] {
            decode(stream, cuts: cuts, textCheck: .byOwner)
        }
        let good = Array("κόσμε".utf8)
        let text = ServerFrame(opcode: 1, payload: good).bytes
        #expect(owned(text) == [.uncheckedText(good)])
        #expect(owned(ServerFrame(opcode: 1, payload: [0x41, 0xFF]).bytes) == [.uncheckedText([0x41, 0xFF])])
        #expect(owned(text, cuts: [5]) == [.text(good)])
        #expect(owned(text, cuts: [1]) == [.uncheckedText(good)])
        // A bad byte is not waited out, and the bytes behind a good part are not forgotten.
        #expect(owned(ServerFrame(opcode: 1, payload: [0xFF], claimedLength: 9).bytes) == [.failure(1007)])
        #expect(owned(ServerFrame(opcode: 1, payload: good + [0xFF]).bytes, cuts: [6]) == [.failure(1007)])
        let begun = ServerFrame(opcode: 1, payload: Array(good[..<1]), isFinal: false).bytes
        #expect(
            owned(begun + ServerFrame(opcode: 0, payload: Array(good[1...])).bytes + text) == [
                .text(good), .text(good),
            ])
        #expect(owned(begun + ServerFrame(opcode: 0, payload: [0xFF]).bytes) == [.failure(1007)])
        #expect(owned(begun + text) == [.failure(1002)])
        #expect(owned(ServerFrame.close(1000).bytes + text) == [.close(1000, [])])
    }

    /// The short cut for usual messages changes nothing of what is seen, whatever comes in whatever pieces.
    @Test(arguments: [TextCheck.none, .byDecoder, .byOwner])
    func shortCutDecidesNothing(textCheck: TextCheck) {
        var random = SeededGenerator(seed: 11)
        var taken = 0
        for _ in 0..<3_000 {
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let size = [0, 3, 125, 126, 300].randomElement(using: &random) ?? 0
                let character = ["a", "é", "海"].randomElement(using: &random) ?? "a"
                var payload = Array(String(repeating: character, count: size).utf8)
                if Int.random(in: 0..<8, using: &random) == 0, !payload.isEmpty { payload.removeLast() }
                var frame = ServerFrame(
                    opcode: [1, 1, 2, 2, 0, 9].randomElement(using: &random) ?? 1, payload: payload)
                frame.isFinal = Int.random(in: 0..<6, using: &random) > 0
                if Int.random(in: 0..<40, using: &random) == 0 { frame.reserved = 1 }
                if Int.random(in: 0..<40, using: &random) == 0 { frame.isMasked = true }
                if Int.random(in: 0..<20, using: &random) == 0 { frame.lengthBytes = 2 }
                stream += frame.bytes
            }
            let cuts = (0..<Int.random(in: 0...3, using: &random))
                .map { _ in Int.random(in: 0...stream.count, using: &random) }.sorted()
            let quick = decode(stream, cuts: cuts, maxMessageSize: 400, textCheck: textCheck)
            let slow = decode(stream, cuts: cuts, maxMessageSize: 400, textCheck: textCheck, shortCut: false)
            // What is left to the owner is checked here, as the owner would.
            #expect(checked(quick) == slow, "\(stream) in pieces at \(cuts)")
            taken += quick.count { if case .uncheckedText = $0 { true } else { false } }
        }
        #expect(textCheck == .byOwner ? taken > 500 : taken == 0, "\(taken)")
    }

    private func checked(_ events: [SeenEvent]) -> [SeenEvent] {
        var result: [SeenEvent] = []
        for event in events {
            guard case .uncheckedText(let bytes) = event else {
                result.append(event)
                continue
            }
            guard String(validating: bytes, as: UTF8.self) != nil else { return result + [.failure(1007)] }
            result.append(.text(bytes))
        }
        return result
    }

    @Test func charactersMayBeSplitOverFragments() {
        let text = Array("κόσμε ☕ 😀".utf8)
        for cut in 0...text.count {
            let stream =
                ServerFrame(opcode: 1, payload: Array(text[..<cut]), isFinal: false).bytes
                + ServerFrame(opcode: 9).bytes + ServerFrame(opcode: 0, payload: Array(text[cut...])).bytes
            #expect(decode(stream) == [.ping([]), .text(text)])
        }
        // Incomplete at the end of the message, though the next message would complete it.
        let unfinished =
            ServerFrame(opcode: 1, payload: [0xE2], isFinal: false).bytes
            + ServerFrame(opcode: 0, payload: [0x98]).bytes
            + ServerFrame(opcode: 1, payload: [0x95]).bytes
        #expect(decode(unfinished) == [.failure(1007)])
    }

    @Test func badTextFailsOnItsFragment() {
        let stream =
            ServerFrame(opcode: 1, payload: Array("fine".utf8), isFinal: false).bytes
            + ServerFrame(opcode: 0, payload: [0xF4, 0x90], isFinal: false).bytes
        #expect(decode(stream) == [.failure(1007)])
    }

    /// A frame that claims 100 bytes and stalls after a bad one must not be waited for.
    @Test func badTextFailsBeforeItsFrameIsComplete() {
        let good = Array("κόσμε".utf8)
        let head = ServerFrame(opcode: 1, payload: good, claimedLength: 100).bytes
        #expect(decode(head) == [])
        let cuts = Array(1..<head.count)
        #expect(decode(head + [0xED, 0xA0], cuts: cuts + [head.count, head.count + 1]) == [.failure(1007)])
        #expect(decode(head + [0xED, 0xA0]) == [.failure(1007)])
        // The same in a continuation; not in binary.
        let begun = ServerFrame(opcode: 1, payload: [0xE2], isFinal: false).bytes
        #expect(decode(begun + ServerFrame(opcode: 0, payload: [0x41], claimedLength: 9).bytes) == [.failure(1007)])
        let binary = ServerFrame(opcode: 2, payload: [0xE2], isFinal: false).bytes
        #expect(decode(binary + ServerFrame(opcode: 0, payload: [0x41], claimedLength: 9).bytes) == [])
    }

    // MARK: Pieces

    private static let mixedStream: [UInt8] =
        ServerFrame.text("{\"op\":10}").bytes
        + ServerFrame(opcode: 9, payload: [1, 2, 3]).bytes
        + ServerFrame(opcode: 1, payload: Array("κό".utf8.dropLast()), isFinal: false).bytes
        + ServerFrame(opcode: 10).bytes
        + ServerFrame(opcode: 0, payload: Array("κό".utf8.suffix(1)) + Array("σμε😀".utf8)).bytes
        + ServerFrame(opcode: 2, payload: (0..<200).map { UInt8($0) }).bytes
        + ServerFrame(opcode: 2).bytes
        + ServerFrame.close(4000, Array("bye".utf8)).bytes

    // Not stored: the leak sanitizer does not see pointers that an enum has tagged.
    private static var mixedEvents: [SeenEvent] {
        [
            .text(Array("{\"op\":10}".utf8)), .ping([1, 2, 3]), .pong([]), .text(Array("κόσμε😀".utf8)),
            .binary((0..<200).map { UInt8($0) }), .binary([]), .close(4000, Array("bye".utf8)),
        ]
    }

    @Test func everySplitGivesTheSameEvents() {
        let stream = Self.mixedStream
        #expect(decode(stream) == Self.mixedEvents)
        for cut in 0...stream.count {
            #expect(decode(stream, cuts: [cut]) == Self.mixedEvents, "cut at \(cut)")
        }
        #expect(decode(stream, cuts: Array(1..<stream.count)) == Self.mixedEvents)
    }

    @Test func everyPairOfSplitsGivesTheSameEvents() {
        let stream = Self.mixedStream
        for first in stride(from: 0, through: stream.count, by: 3) {
            for second in stride(from: first, through: stream.count, by: 5) {
                #expect(decode(stream, cuts: [first, second]) == Self.mixedEvents, "cuts at \(first), \(second)")
            }
        }
    }

    /// Random conversations, random cuts; sometimes with one bit flipped, where only the agreement of the two ways counts.
    @Test(arguments: 0..<20 as Range<UInt64>) func randomStreams(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<30 {
            var stream: [UInt8] = []
            var expected: [SeenEvent] = []
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let length = [0, 1, 5, 125, 126, 300, 70000].randomElement(using: &random) ?? 0
                let isText = Bool.random(using: &random)
                let payload: [UInt8] =
                    isText
                    ? Array(repeating: Array("a😀é".utf8), count: length / 7).flatMap { $0 }
                    : (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
                var pieces: [[UInt8]] = []
                var rest = payload[...]
                while rest.count > 1, Bool.random(using: &random) {
                    let size = Int.random(in: 0...rest.count, using: &random)
                    pieces.append(Array(rest.prefix(size)))
                    rest = rest.dropFirst(size)
                }
                pieces.append(Array(rest))
                for (number, piece) in pieces.enumerated() {
                    if Int.random(in: 0..<4, using: &random) == 0 {
                        stream += ServerFrame(opcode: 9, payload: [UInt8(number)]).bytes
                        expected.append(.ping([UInt8(number)]))
                    }
                    stream +=
                        ServerFrame(
                            opcode: number > 0 ? 0 : isText ? 1 : 2, payload: piece, isFinal: number == pieces.count - 1
                        ).bytes
                }
                expected.append(isText ? .text(payload) : .binary(payload))
            }
            let cuts = (0..<5).map { _ in Int.random(in: 0...stream.count, using: &random) }.sorted()
            #expect(decode(stream) == expected)
            #expect(decode(stream, cuts: cuts) == expected)

            var damaged = stream
            damaged[Int.random(in: 0..<min(damaged.count, 64), using: &random)] ^=
                1
                << UInt8.random(
                    in: 0..<8, using: &random)
            #expect(decode(damaged) == decode(damaged, cuts: cuts))
        }
    }
}
