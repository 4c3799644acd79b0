import Foundation
import GatewayProtocol
import Testing

@testable import GatewaySandbox

/// The stream: what it is made of, and what it carries.
@Suite("Sandbox stream")
struct CatalogueTests {
    static func session(
        intents: Intents = .all, shard: UInt64 = 0, total: UInt64 = 1, _ change: (inout SandboxConfiguration) -> Void
    ) -> Session {
        var configuration = SandboxConfiguration()
        configuration.guilds = 8
        change(&configuration)
        return Session(id: "s", shard: shard, total: total, intents: intents, configuration: configuration)
    }

    static func stream(_ session: Session, count: Int) throws -> [JSON] {
        var session = session
        var events: [JSON] = []
        for _ in 0..<count {
            session.advanceStream(catalogue: .shared)
            let event = try #require(session.replay[session.sequence])
            var text: [UInt8] = []
            event.render(sequence: session.sequence, catalogue: .shared, into: &text)
            events.append(try JSON(parsing: text))
        }
        return events
    }

    @Test("the built-in catalogue is the fixture, word for word")
    func isFixture() throws {
        // To bring it up to date: copy the fixture between the quotes of SampleFrames.swift.
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../Fixtures/samples.jsonl")
        let fixture = try [UInt8](Data(contentsOf: path))
        let builtIn = sampleFrames.withUTF8Buffer { Array($0) }
        #expect(builtIn == fixture || builtIn + [0x0A] == fixture)
    }

    @Test("a template with the sample's own numbers is the sample, apart from the running number")
    func templatesKeepSamples() throws {
        let lines = sampleFrames.withUTF8Buffer { Array($0) }.split(separator: 0x0A)
        #expect(Catalogue.shared.templates.count == lines.count)
        for (template, line) in zip(Catalogue.shared.templates, lines) {
            var text: [UInt8] = []
            template.render(sequence: 7, guild: 1 << 60, number: 9, into: &text)
            let made = try JSON(parsing: text)
            let sample = try JSON(parsing: Array(line))
            #expect(made["t"] == sample["t"])
            #expect(made["s"] == 7)
            #expect(made["d"]?.object?.keys.sorted() == sample["d"]?.object?.keys.sorted())
            guard template.name == "MESSAGE_CREATE" else { continue }
            let content = try #require(sample["d"]?["content"]?.string)
            #expect(made["d"]?["content"]?.string == (content.isEmpty ? "#9" : "#9 " + content))
            if sample["d"]?["guild_id"] != nil { #expect(made["d"]?["guild_id"] == "1152921504606846976") }
        }
    }

    @Test("messages carry a running number without gaps, and ids that grow")
    func runningNumber() throws {
        let events = try Self.stream(Self.session { $0.mix = .realistic }, count: 500)
        let messages = events.filter { $0["t"] == "MESSAGE_CREATE" }
        let numbers = messages.compactMap { $0["d"]?["content"]?.string?.split(separator: " ").first }
        #expect(messages.count > 20)
        #expect(numbers == (1...messages.count).map { "#\($0)" })
        let ids = messages.compactMap { ($0["d"]?["id"]?.string).flatMap { UInt64($0) } }
        #expect(ids == ids.sorted() && Set(ids).count == messages.count)
        #expect(events.map { $0["s"] } == (1...500).map { JSON($0) })
    }

    @Test("a session gets only what its intents allow")
    func intents() throws {
        let events = try Self.stream(Self.session(intents: [.guildMessageTyping]) { $0.mix = .realistic }, count: 50)
        let names = Set(events.compactMap { $0["t"]?.string })
        #expect(names == ["TYPING_START", "INTERACTION_CREATE"])
        #expect(events.allSatisfy { $0["t"] != "TYPING_START" || $0["d"]?["guild_id"] != nil })
        let direct = try Self.stream(Self.session(intents: [.directMessages]) { $0.mix = .messages }, count: 20)
        #expect(direct.allSatisfy { $0["t"] == "MESSAGE_CREATE" && $0["d"]?["guild_id"] == nil })
        let none = Self.session(intents: [.guilds]) { $0.mix = .messages }
        #expect(!none.hasStream)
    }

    @Test("events speak of the session's own guilds, and those of no guild go to shard 0")
    func routing() throws {
        let session = Self.session(shard: 2, total: 4) { $0.mix = .catalogue }
        let events = try Self.stream(session, count: 150)
        for event in events {
            let id = event["d"]?["guild_id"]?.string ?? event["d"]?["id"]?.string
            if event["t"]?.string?.hasPrefix("GUILD_") ?? false, let guild = id.flatMap({ UInt64($0) }) {
                #expect(guild >> 22 % 4 == 2)
            }
        }
        let names = Set(events.compactMap { $0["t"]?.string })
        #expect(!names.isEmpty && !names.contains("ENTITLEMENT_CREATE"))
        let first = try Self.stream(Self.session { $0.mix = .catalogue }, count: 150)
        #expect(first.contains { $0["t"] == "ENTITLEMENT_CREATE" })
    }

    @Test("the catalogue mix has every documented event but the session's own")
    func completeness() throws {
        let events = try Self.stream(Self.session { $0.mix = .catalogue }, count: 150)
        let names = Set(events.compactMap { $0["t"]?.string })
        let expected = Set(EventType.allCases.map(\.name)).subtracting(["READY", "RESUMED", "RATE_LIMITED"])
        #expect(names == expected)
    }

    @Test("guilds spread over any number of shards", arguments: [1, 2, 3, 7, 16])
    func guildScheme(total: UInt64) {
        let scheme = GuildScheme(count: 100)
        var seen: Set<UInt64> = []
        for shard in 0..<total {
            for guild in scheme.guilds(shard: shard, total: total) {
                #expect(guild >> 22 % total == shard)
                #expect(scheme.contains(guild))
                seen.insert(guild)
            }
        }
        #expect(seen.count == 100)
        #expect(!scheme.contains(scheme.id(100)))
    }
}
