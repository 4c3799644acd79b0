import Foundation
import GatewayProtocol
import Testing

@testable import SwiftGateway

/// The text that sessions are kept in.
@Suite struct SessionDocumentTests {
    private static let fingerprint = SessionDocument.fingerprint(of: "token-a")

    private static let document = SessionDocument(
        fingerprint: fingerprint, total: 4,
        sessions: [
            0: ResumableSession(id: "abc", resumeURL: "wss://a.example/", sequence: 1),
            3: ResumableSession(id: "d\"e\\\u{1}é🎉", resumeURL: "", sequence: 1 << 48 - 1),
        ])

    private func parse(_ text: [UInt8]) throws(GatewayError) -> SessionDocument {
        try SessionDocument.parse(text, fingerprint: Self.fingerprint)
    }

    private func text(
        version: String = "1", bot: String = fingerprint, total: String = "4", sessions: String = "[]"
    ) -> [UInt8] {
        bytes("{\"version\":\(version),\"bot\":\"\(bot)\",\"total\":\(total),\"sessions\":\(sessions)}")
    }

    private func entry(
        shard: String = "0", id: String = "\"a\"", url: String = "\"wss://a\"", sequence: String = "5"
    ) -> [UInt8] {
        text(
            sessions:
                "[{\"shard\":\(shard),\"session_id\":\(id),\"resume_gateway_url\":\(url),\"sequence\":\(sequence)}]")
    }

    @Test func comesBackAsItWas() throws {
        #expect(try parse(Self.document.json()) == Self.document)
        let empty = SessionDocument(fingerprint: Self.fingerprint, total: 1, sessions: [:])
        #expect(try parse(empty.json()) == empty)
    }

    @Test func isJSONThatOthersRead() throws {
        let object = try JSONSerialization.jsonObject(with: Data(Self.document.json())) as? [String: Any]
        #expect(object?["version"] as? Int == 1 && object?["total"] as? Int == 4)
        let sessions = object?["sessions"] as? [[String: Any]] ?? []
        #expect(sessions.map { $0["shard"] as? Int } == [0, 3])
        #expect(sessions.last?["session_id"] as? String == "d\"e\\\u{1}é🎉")
        // Typed, because the macro would compare two AnyHashable otherwise, at which the address sanitizer takes offence.
        let sequence: UInt64 = try #require(sessions.last?["sequence"] as? UInt64)
        let largest: UInt64 = 1 << 48 - 1
        #expect(sequence == largest)
    }

    @Test func readsAnyOrderAndMore() throws {
        let text = bytes(
            """
            { "sessions" : [ {"sequence":5,"extra":[{}],"resume_gateway_url":"wss://a","session_id":"\\u0061","shard":2} ],
              "note": null, "total":4, "bot":"\(Self.fingerprint)", "version":1 }
            """)
        #expect(
            try parse(text).sessions == [2: ResumableSession(id: "a", resumeURL: "wss://a", sequence: 5)])
    }

    @Test func refusesAnotherBot() {
        let error = expectError(.file) {
            _ = try SessionDocument.parse(
                Self.document.json(), fingerprint: SessionDocument.fingerprint(of: "token-b"))
        }
        #expect(error?.message.contains("another bot") == true)
        #expect(error?.message.contains("token-b") == false)
        expectError(.file) { _ = try parse(text(bot: "")) }
    }

    @Test func refusesAnotherVersion() {
        for version in ["0", "2", "18446744073709551615", "18446744073709551616", "-1", "1.5", "\"x\"", "null"] {
            expectError(.file, "version \(version)") { _ = try parse(text(version: version)) }
        }
        #expect(
            expectError(.file) { _ = try parse(text(version: "2")) }?.message.contains("version 2 is unknown") == true)
    }

    @Test func refusesImpossibleNumbers() throws {
        for total in ["0", "-1", "4294967296", "1e3", "99999999999999999999999", "null", "[]"] {
            expectError(.file, "total \(total)") { _ = try parse(text(total: total)) }
        }
        #expect(try parse(text(total: "4294967295")).total == .max)
        for shard in ["4", "-1", "4294967296", "18446744073709551616", "1.5", "null", "true"] {
            expectError(.file, "shard \(shard)") { _ = try parse(entry(shard: shard)) }
        }
        for sequence in ["281474976710656", "18446744073709551616", "-5", "0.5", "null", "{}"] {
            expectError(.file, "sequence \(sequence)") { _ = try parse(entry(sequence: sequence)) }
        }
        #expect(try parse(entry(sequence: "281474976710655")).sessions[0]?.sequence == 1 << 48 - 1)
    }

    @Test func refusesIncompleteEntries() throws {
        #expect(try parse(entry()).sessions.count == 1)
        for id in ["\"\"", "null", "5", "{}"] { expectError(.file, "id \(id)") { _ = try parse(entry(id: id)) } }
        for url in ["null", "5", "[]"] { expectError(.file, "url \(url)") { _ = try parse(entry(url: url)) } }
        for sessions in ["[{}]", "[5]", "[null]", "5", "null", "{}", "\"x\""] {
            expectError(.file, "sessions \(sessions)") { _ = try parse(text(sessions: sessions)) }
        }
    }

    @Test func refusesOtherTexts() {
        for other in ["", " ", "null", "5", "[]", "{}", "\"x\"", "{\"version\":1}", "\u{FEFF}{}"] {
            expectError(.file, "\(other)") { _ = try parse(bytes(other)) }
        }
    }

    @Test func refusesEveryBeginningOfAText() {
        let whole = Self.document.json()
        for length in 0..<whole.count {
            expectError(.file, "cut at \(length)") { _ = try parse(Array(whole[..<length])) }
        }
    }

    @Test func bearsCorruptionAtEveryByte() throws {
        let whole = Self.document.json()
        var read = 0
        for place in whole.indices {
            for byte in [0, 0x22, 0x2C, 0x30, 0x39, 0x5C, 0x7D, 0x80, 0xFF, whole[place] ^ 1] as [UInt8] {
                var text = whole
                text[place] = byte
                do throws(GatewayError) {
                    let document = try parse(text)
                    // What is still read is a document that could have been written.
                    #expect(try parse(document.json()) == document)
                    #expect(document.fingerprint == Self.fingerprint && document.total > 0)
                    #expect(document.sessions.allSatisfy { $0.key < document.total && !$0.value.id.isEmpty })
                    read += 1
                } catch {
                    #expect(error.status == .file)
                }
            }
        }
        #expect(read > 0)
    }

    @Test func bearsDeepAndLongTexts() {
        let deep = String(repeating: "[", count: 200_000) + String(repeating: "]", count: 200_000)
        #expect(throws: GatewayError.self) { _ = try parse(text(sessions: deep)) }
        expectError(.file) { _ = try parse([UInt8](repeating: 0x20, count: SessionDocument.sizeLimit + 1)) }
    }

    @Test func tellsBotsApartWithoutTheirToken() {
        let one = SessionDocument.fingerprint(of: "token-a")
        #expect(one.count == 16 && one.allSatisfy { $0.isHexDigit })
        #expect(one == SessionDocument.fingerprint(of: "token-a"))
        #expect(one != SessionDocument.fingerprint(of: "token-b"))
        #expect(!String(decoding: Self.document.json(), as: UTF8.self).contains("token-a"))
    }
}
