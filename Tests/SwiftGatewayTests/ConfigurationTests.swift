import Foundation
import GatewayProtocol
import GatewayTransport
import Testing

@testable import SwiftGateway

private let token = "MTIz.secret-part.of_the_token"

/// Every setter with what it takes and what it refuses.
@Suite struct ConfigurationTests {
    private func configuration() throws -> Configuration { try Configuration(token: token, intents: .unprivileged) }

    @Test func takesATokenWithOrWithoutItsPrefix() throws {
        #expect(try Configuration(token: "abc", intents: []).bareToken == "abc")
        #expect(try Configuration(token: "Bot abc", intents: []).bareToken == "abc")
        #expect(try Configuration(token: String(repeating: "x", count: 512), intents: []).bareToken.count == 512)
    }

    @Test func refusesWhatIsNoToken() {
        for bad in [
            "", "Bot ", "a b", "a\n", "\ta", "a\u{7F}", "a\u{0}b", "tokén", "Bot Bot abc",
            String(repeating: "x", count: 513),
        ] {
            let error = expectError(.invalidArgument, "\(bad.count) characters") {
                _ = try Configuration(token: bad, intents: [])
            }
            if bad.count > 4 { #expect(error?.message.contains(bad) == false) }
        }
    }

    @Test func hasTheDocumentedDefaults() throws {
        let configuration = try configuration()
        #expect(configuration.gatewayURL == nil && configuration.apiURL.host == "discord.com")
        #expect(configuration.apiURL.path(appending: "/gateway/bot") == "/api/v10/gateway/bot")
        #expect(configuration.compression == .zlib && configuration.deliveryMode == .queued)
        #expect(configuration.identifyInterval == 5_000_000_000 && configuration.maxConcurrency == nil)
        #expect(configuration.largeThreshold == 50 && configuration.maxMessageSize == 64 << 20)
        #expect(configuration.kinds == .standard && configuration.filter == nil && configuration.sessionStore == nil)
        #expect(configuration.presence(ofShard: 0) == nil && configuration.ioThreads == 0)
        let session = configuration.session
        #expect(session.backoff == Backoff(first: 1_000_000_000, limit: 60_000_000_000))
        #expect(session.connectTimeout == 10_000_000_000)
        #expect(session.invalidSessionWait == 1_000_000_000...5_000_000_000)
        #expect(session.zombiePolicy == .grace && session.sendLimit == 120 && session.sendWindow == 60_000_000_000)
        // As the header says.
        #expect(session.commandLimit == 1_024)
    }

    @Test func urls() throws {
        var configuration = try configuration()
        try configuration.setGatewayURL("wss://gateway.example:444/x")
        #expect(configuration.gatewayURL?.host == "gateway.example" && configuration.gatewayURL?.port == 444)
        try configuration.setGatewayURL("ws://127.0.0.1:8080")
        #expect(configuration.gatewayURL?.port == 8_080)
        try configuration.setAPIURL("http://127.0.0.1:8081/api/v10/")
        #expect(configuration.apiURL.path(appending: "/gateway") == "/api/v10/gateway")
        for bad in ["", "gateway.example", "https://gateway.example", "wss://", "wss://a:99999", "wss://a b"] {
            expectError(.invalidArgument, "\(bad)") { try configuration.setGatewayURL(bad) }
        }
        for bad in ["", "wss://a.example", "ftp://a.example", "http://", "https://a:0x"] {
            expectError(.invalidArgument, "\(bad)") { try configuration.setAPIURL(bad) }
        }
        // What is refused changes nothing.
        #expect(configuration.gatewayURL?.port == 8_080 && configuration.apiURL.port == 8_081)
    }

    @Test func caFile() throws {
        var configuration = try configuration()
        let directory = try TemporaryDirectory()
        let missing = directory.file("missing.pem")
        #expect(
            expectError(.file) { try configuration.setCAFile(missing) }?.message.contains(missing) == true)
        let empty = directory.file("empty.pem")
        _ = FileManager.default.createFile(atPath: empty, contents: Data("no certificate".utf8))
        expectError(.file) { try configuration.setCAFile(empty) }
        expectError(.invalidArgument) { try configuration.setCAFile("") }
        #expect(configuration.caFile == nil)
        try configuration.setCAFile(nil)
    }

    @Test func numbers() throws {
        var configuration = try configuration()
        try configuration.setMaxConcurrency(16)
        #expect(configuration.maxConcurrency == 16)
        expectError(.invalidArgument) { try configuration.setMaxConcurrency(0) }
        configuration.setIdentifyInterval(milliseconds: 5_500)
        #expect(configuration.identifyInterval == 5_500_000_000)
        configuration.setIdentifyInterval(milliseconds: .max)
        for value in [50, 250] as [UInt32] {
            try configuration.setLargeThreshold(value)
            #expect(configuration.largeThreshold == value)
        }
        for bad in [0, 49, 251, .max] as [UInt32] {
            expectError(.invalidArgument, "\(bad)") { try configuration.setLargeThreshold(bad) }
        }
        try configuration.setMaxMessageSize(1)
        #expect(configuration.maxMessageSize == 1)
        for bad in [0, -1, .min] { expectError(.invalidArgument) { try configuration.setMaxMessageSize(bad) } }
        try configuration.setIOThreads(256)
        #expect(configuration.ioThreads == 256)
        expectError(.invalidArgument) { try configuration.setIOThreads(257) }
        try configuration.setDelivery(.inline, queueBytes: 1 << 36)
        #expect(configuration.deliveryMode == .inline && configuration.queueBytes == 1 << 36)
        for bad in [-1, 1 << 36 + 1, .max] {
            expectError(.invalidArgument) { try configuration.setDelivery(.queued, queueBytes: bad) }
        }
    }

    @Test func waits() throws {
        var configuration = try configuration()
        try configuration.setBackoff(firstMilliseconds: 1, limitMilliseconds: 1)
        #expect(configuration.session.backoff == Backoff(first: 1_000_000, limit: 1_000_000))
        try configuration.setBackoff(firstMilliseconds: .max, limitMilliseconds: .max)
        expectError(.invalidArgument) { try configuration.setBackoff(firstMilliseconds: 0, limitMilliseconds: 5) }
        expectError(.invalidArgument) { try configuration.setBackoff(firstMilliseconds: 6, limitMilliseconds: 5) }
        try configuration.setConnectTimeout(milliseconds: 1)
        #expect(configuration.session.connectTimeout == 1_000_000)
        expectError(.invalidArgument) { try configuration.setConnectTimeout(milliseconds: 0) }
        try configuration.setInvalidSessionWait(minMilliseconds: 0, maxMilliseconds: 0)
        #expect(configuration.session.invalidSessionWait == 0...0)
        try configuration.setInvalidSessionWait(minMilliseconds: 7, maxMilliseconds: .max)
        #expect(configuration.session.invalidSessionWait == 7_000_000...4_294_967_295_000_000)
        expectError(.invalidArgument) {
            try configuration.setInvalidSessionWait(minMilliseconds: 2, maxMilliseconds: 1)
        }
        configuration.setZombiePolicy(strict: true)
        #expect(configuration.session.zombiePolicy == .strict)
        configuration.setZombiePolicy(strict: false)
        #expect(configuration.session.zombiePolicy == .grace)
        try configuration.setSendLimit(count: 0, windowMilliseconds: 0)
        #expect(configuration.session.sendLimit == 0)
        try configuration.setSendLimit(count: 100_000, windowMilliseconds: .max)
        #expect(configuration.session.sendLimit == 100_000)
        expectError(.invalidArgument) { try configuration.setSendLimit(count: 1, windowMilliseconds: 0) }
        expectError(.invalidArgument) { try configuration.setSendLimit(count: 100_001, windowMilliseconds: 1) }
    }

    @Test func texts() throws {
        var configuration = try configuration()
        let long = String(repeating: "é", count: 65)
        try configuration.setIdentifyProperties(os: "a", browser: String(repeating: "b", count: 128), device: "c")
        for (os, browser, device) in [
            ("", "b", "c"), ("a", "", "c"), ("a", "b", ""), (long, "b", "c"), ("a", "b", long),
        ] {
            expectError(.invalidArgument) {
                try configuration.setIdentifyProperties(os: os, browser: browser, device: device)
            }
        }
        #expect(configuration.properties.os == "a" && configuration.properties.device == "c")
        try configuration.setSessionFile("/x")
        #expect((configuration.sessionStore as? SessionFile)?.path == "/x")
        expectError(.invalidArgument) { try configuration.setSessionFile("") }
        try configuration.setSessionFile(nil)
        #expect(configuration.sessionStore == nil)
    }

    /// File and store are one setting: the last one wins.
    @Test func sessionStores() throws {
        struct Nowhere: SessionStoring {
            func load() throws(GatewayError) -> [UInt8]? { nil }
            func save(_ json: [UInt8], isLast: Bool) throws(GatewayError) {}
        }
        var configuration = try configuration()
        try configuration.setSessionFile("/x")
        configuration.setSessionStore(Nowhere())
        #expect(configuration.sessionStore is Nowhere)
        try configuration.setSessionFile("/x")
        #expect(configuration.sessionStore is SessionFile)
        configuration.setSessionStore(nil)
        #expect(configuration.sessionStore == nil)
    }

    @Test func handshakeLimit() throws {
        var configuration = try configuration()
        #expect(configuration.handshakeLimit == 16)
        try configuration.setHandshakeLimit(1)
        try configuration.setHandshakeLimit(65_535)
        expectError(.invalidArgument) { try configuration.setHandshakeLimit(0) }
        #expect(
            expectError(.invalidArgument) { try configuration.setHandshakeLimit(65_536) }?.message.contains("65536")
                == true)
        #expect(configuration.handshakeLimit == 65_535)
    }

    @Test func events() throws {
        var configuration = try configuration()
        try configuration.setEventFilter(["MESSAGE_CREATE", "SOMETHING_NEW"])
        #expect(configuration.filter != nil)
        for bad in [[""], ["MESSAGE_CREATE", String(repeating: "X", count: 129)]] {
            expectError(.invalidArgument) { try configuration.setEventFilter(bad) }
        }
        try configuration.setEventFilter(nil)
        #expect(configuration.filter == nil)
        try configuration.setEventKinds(.all)
        #expect(configuration.kinds == .all)
        try configuration.setEventKinds([])
        #expect(configuration.kinds == [])
        for bad in [64, 1 << 31, .max] as [UInt32] {
            expectError(.invalidArgument) { try configuration.setEventKinds(EventKinds(rawValue: bad)) }
        }
    }

    @Test func presences() throws {
        var configuration = try configuration()
        try configuration.setPresence(#"{"status":"idle"}"#)
        try configuration.setPresence(#"{"status":"dnd"}"#, shard: 2)
        let idle = try PresenceUpdate(json: bytes(#"{"status":"idle"}"#))
        let busy = try PresenceUpdate(json: bytes(#"{"status":"dnd"}"#))
        #expect(configuration.presence(ofShard: 0) == idle && configuration.presence(ofShard: 2) == busy)
        for bad in [
            "", "x", "[]", "null", #"{"status":"busy"}"#, "{\"status\":\"idle\"} x",
            String(repeating: " ", count: 2_049),
        ] {
            expectError(.invalidArgument, "\(bad.prefix(30))") { try configuration.setPresence(bad) }
        }
        #expect(configuration.presence(ofShard: 0) == idle)
    }

    @Test func shards() throws {
        var configuration = try configuration()
        try configuration.setShards(.range(first: 2, count: 2, total: 4))
        expectError(.invalidArgument) { try configuration.setShards(.range(first: 3, count: 2, total: 4)) }
    }

    @Test func compressions() throws {
        var configuration = try configuration()
        for value in [Compression.none, .zlib] {
            try configuration.setCompression(value)
            #expect(configuration.compression == value)
        }
    }

    @Test func inflateBackends() throws {
        var configuration = try configuration()
        #expect(configuration.inflateBackend == .auto)
        try configuration.setInflateBackend(.zlib)
        #expect(try configuration.makeInflater(limit: 1)?.backendName.description == "zlib")
        let hasNG = ZlibBackend.nextGeneration != nil
        if hasNG {
            try configuration.setInflateBackend(.zlibNG)
            #expect(try configuration.makeInflater(limit: 1)?.backendName.description == "zlib-ng")
        } else {
            expectError(.unsupported) { try configuration.setInflateBackend(.zlibNG) }
            #expect(configuration.inflateBackend == .zlib)
        }
        try configuration.setInflateBackend(.auto)
        #expect(try configuration.makeInflater(limit: 1)?.backendName.description == (hasNG ? "zlib-ng" : "zlib"))
        #expect(InflateBackend.auto.resolved == (hasNG ? .zlibNG : .zlib))
        #expect(InflateBackend.zlib.resolved == .zlib && InflateBackend.zlibNG.resolved == .zlibNG)
    }

    @Test func sessions() throws {
        let document = SessionDocument(
            fingerprint: SessionDocument.fingerprint(of: token), total: 3,
            sessions: [1: ResumableSession(id: "a", resumeURL: "wss://a", sequence: 9)])
        var configuration = try configuration()
        try configuration.importSessions(document.json())
        #expect(configuration.importedSessions == document.sessions && configuration.importedTotal == 3)
        // The same bot, however its token was written.
        var prefixed = try Configuration(token: "Bot \(token)", intents: [])
        try prefixed.importSessions(document.json())
        var other = try Configuration(token: "another", intents: [])
        expectError(.file) { try other.importSessions(document.json()) }
        expectError(.file) { try configuration.importSessions(bytes("{")) }
        #expect(configuration.importedSessions == document.sessions)
    }

    // MARK: The token

    @Test func tellsNobodyItsToken() throws {
        var configuration = try configuration()
        try configuration.setPresence(#"{"status":"idle"}"#)
        configuration.eventHandler = { _ in }
        var dumped = ""
        dump(configuration, to: &dumped)
        var inside = ""
        dump(["configuration": [configuration]], to: &inside)
        let texts = [
            "\(configuration)", String(describing: configuration), String(reflecting: configuration), dumped, inside,
            "\([configuration])", "\(Optional(configuration) as Any)",
        ]
        for text in texts {
            #expect(!text.contains("secret") && text.contains("Configuration"))
        }
        var seen = ""
        func walk(_ value: Any, depth: Int = 0) {
            seen += "\(value)"
            guard depth < 8 else { return }
            for child in Mirror(reflecting: value).children { walk(child.value, depth: depth + 1) }
        }
        walk(configuration)
        #expect(!seen.contains("secret"))
    }

    @Test func namesItsTokenInNoError() throws {
        var configuration = try configuration()
        var messages: [String] = []
        func note(_ body: () throws -> Void) {
            do { try body() } catch { messages.append("\(error) \(String(reflecting: error))") }
        }
        note { _ = try Configuration(token: "\(token) ", intents: []) }
        note { _ = try Configuration(token: "Bot \(token)\n", intents: []) }
        note { _ = try Configuration(token: String(repeating: token, count: 100), intents: []) }
        note { try configuration.importSessions(bytes("{\"version\":1,\"bot\":\"x\"}")) }
        note { try configuration.setPresence(String(repeating: "x", count: 3_000)) }
        // As large a presence as is allowed, and properties, make an IDENTIFY that is too large.
        let wide = String(repeating: "\u{1}", count: 128)
        try configuration.setIdentifyProperties(os: wide, browser: wide, device: wide)
        let json =
            "{\"status\":\"idle\",\"activities\":[{\"name\":\"\(String(repeating: "n", count: 1_980))\",\"type\":0}]}"
        try configuration.setPresence(json)
        note { _ = try configuration.identify(shard: 0, total: 1, presence: configuration.presence(ofShard: 0)) }
        #expect(messages.count == 6)
        for message in messages { #expect(!message.contains("secret"), "\(message)") }
    }

    @Test func identifiesWithEverything() throws {
        var configuration = try Configuration(token: "Bot \(token)", intents: [.guilds, .guildMessages])
        try configuration.setIdentifyProperties(os: "o", browser: "b", device: "d")
        try configuration.setLargeThreshold(100)
        try configuration.setPresence(#"{"status":"dnd"}"#, shard: 3)
        let payload = try configuration.identify(shard: 3, total: 9, presence: configuration.presence(ofShard: 3))
        let object = try JSONSerialization.jsonObject(with: Data(payload)) as? [String: Any]
        #expect(object?["op"] as? Int == 2)
        let body = object?["d"] as? [String: Any]
        #expect(body?["token"] as? String == token)
        #expect(body?["intents"] as? Int == 513)
        #expect(body?["shard"] as? [Int] == [3, 9])
        #expect(body?["large_threshold"] as? Int == 100)
        #expect(body?["properties"] as? [String: String] == ["os": "o", "browser": "b", "device": "d"])
        #expect((body?["presence"] as? [String: Any])?["status"] as? String == "dnd")
    }
}
