import Testing

@testable import GatewayProtocol

private func type(_ name: String) -> EventType? { bytes(name).withExactBytes { EventType(wireName: $0) } }

@Suite struct EventNameTests {
    @Test func findsEveryEventAndNothingElse() {
        for event in EventType.allCases {
            #expect(type(event.name) == event)
            #expect(type(event.name + "X") == nil)
            #expect(type(String(event.name.dropLast())) == nil)
            #expect(type(event.name.lowercased()) == nil)
            #expect(type("X" + event.name.dropFirst()) == nil)
            // Only the middle differs, which the hash does not look at.
            var name = bytes(event.name)
            if name.count > 16 {
                name[name.count / 2] ^= 1
                #expect(name.withExactBytes { EventType(wireName: $0) } == nil)
            }
        }
        #expect(type("") == nil)
        #expect(EventType(wireName: UnsafeRawBufferPointer(start: nil, count: 0)) == nil)
        #expect(type(String(repeating: "A", count: 10_000)) == nil)
    }

    @Test func agreesWithASlowSearchOnRandomNames() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<5_000 {
            var name = bytes(EventType.allCases.randomElement(using: &random)?.name ?? "")
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                name[Int.random(in: 0..<name.count, using: &random)] = UInt8.random(in: 65...95, using: &random)
            }
            let found = name.withExactBytes { EventType(wireName: $0) }
            #expect(found == EventType.allCases.first { bytes($0.name) == name })
        }
    }
}

@Suite struct EventSetTests {
    private func contains(_ set: EventSet, _ name: String) -> Bool {
        bytes(name).withExactBytes { set.contains(type: EventType(wireName: $0), name: $0) }
    }

    @Test func wantsWhatWasNamed() {
        let names = [
            "READY", "MESSAGE_CREATE", "WEBHOOKS_UPDATE", "GUILD_BAN_ADD", "GUILD_JOIN_REQUEST_CREATE", "B", "A", "A",
        ]
        let set = EventSet(names: names)
        for event in EventType.allCases { #expect(contains(set, event.name) == names.contains(event.name)) }
        for name in ["GUILD_JOIN_REQUEST_CREATE", "A", "B"] { #expect(contains(set, name)) }
        for name in ["GUILD_JOIN_REQUEST_DELETE", "AA", "", "C", "guild_ban_add"] { #expect(!contains(set, name)) }
    }

    @Test func wantsEverythingOrNothing() {
        for event in EventType.allCases {
            #expect(contains(.all, event.name))
            #expect(!contains(EventSet(names: []), event.name))
        }
        #expect(contains(.all, "UNHEARD_OF"))
        #expect(!contains(EventSet(names: []), "UNHEARD_OF"))
        #expect(EventSet(names: ["B", "A"]) == EventSet(names: ["A", "B"]))
        #expect(EventSet(names: ["A"]) != .all)
    }

    @Test func hasABitForEveryEvent() {
        #expect(EventType.allCases.allSatisfy { $0.rawValue < 128 })
    }
}
