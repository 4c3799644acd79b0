import Testing

@testable import GatewayProtocol

/// The tables in code against the protocol's own, in order and number by number.
@Suite struct TableTests {
    @Test func opcodes() throws {
        let table = try Fixture.table("opcodes")
        #expect(table.compactMap { $0["code"] as? Int } == Opcode.allCases.map { Int($0.rawValue) })
        for (row, opcode) in zip(table, Opcode.allCases) {
            let name = (row["name"] as? String ?? "").filter { $0 != " " }.lowercased()
            #expect("\(opcode)".lowercased() == name)
        }
    }

    @Test func closeCodes() throws {
        let table = try Fixture.table("close_codes")
        #expect(table.compactMap { $0["code"] as? Int } == CloseCode.allCases.map { Int($0.rawValue) })
        for (row, code) in zip(table, CloseCode.allCases) {
            #expect(row["name"] as? String == code.name)
            let expected: CloseCode.Reaction =
                row["reconnect"] as? Bool == false ? .stop : row["resume"] as? Bool == true ? .resume : .identify
            #expect(code.reaction == expected, "\(code)")
            #expect(CloseCode.reaction(to: code.rawValue) == expected)
        }
    }

    @Test func whoeverMustActIsToldHow() {
        for code in CloseCode.allCases { #expect((code.advice != nil) == (code.reaction == .stop), "\(code)") }
    }

    @Test func undocumentedCloseCodesResume() throws {
        for row in try Fixture.table("close_codes_undocumented") {
            #expect(row["reconnect"] as? Bool == true && row["resume"] as? Bool == true)
            if let code = row["code"] as? Int { #expect(CloseCode.reaction(to: UInt16(code)) == .resume) }
        }
        for code in [1000, 1001, 1006, 1011, 4006, 4015, 4999] as [UInt16] {
            #expect(CloseCode.reaction(to: code) == .resume)
        }
    }

    @Test func intents() throws {
        let table = try Fixture.table("intents")
        #expect(table.compactMap { $0["name"] as? String } == Intents.named.map(\.name))
        #expect(table.count == 21)
        for (row, (intent, name)) in zip(table, Intents.named) {
            #expect(row["value"] as? UInt64 == intent.rawValue, "\(name)")
            #expect((row["bit"] as? Int).map { 1 << UInt64($0) } == intent.rawValue)
            #expect(row["privileged"] as? Bool == Intents.privileged.contains(intent), "\(name)")
            // The other direction of the events' own column.
            let events = EventType.allCases.filter { $0.intents.contains(intent) }.map(\.name)
            #expect(Set(row["events"] as? [String] ?? []) == Set(events), "\(name)")
        }
        let masks = try #require(try Fixture.gateway()["intent_masks"] as? [String: Any])
        #expect(masks["all"] as? UInt64 == Intents.all.rawValue)
        #expect(masks["all_unprivileged"] as? UInt64 == Intents.unprivileged.rawValue)
        #expect(masks["privileged"] as? UInt64 == Intents.privileged.rawValue)
    }

    @Test func events() throws {
        let table = try Fixture.table("events")
        #expect(table.count == 79)
        #expect(table.compactMap { $0["name"] as? String } == EventType.allCases.map(\.name))
        #expect(EventType.allCases.map(\.rawValue) == Array(1...79))
        #expect(Set(EventType.allCases.map(\.name)).count == 79)
        let intents = Dictionary(uniqueKeysWithValues: Intents.named.map { ($0.name, $0.intent) })
        for (row, event) in zip(table, EventType.allCases) {
            let names = try #require(row["intents"] as? [String])
            #expect(Intents(names.compactMap { intents[$0] }) == event.intents, "\(event)")
            #expect(names.allSatisfy { intents[$0] != nil })
        }
    }

    @Test func everySampleIsAKnownEvent() throws {
        var seen: Set<EventType> = []
        for sample in try Fixture.samples() {
            let envelope = try Envelope.scan(sample)
            let type = Array(sample[envelope.name]).withUnsafeBytes { EventType(wireName: $0) }
            seen.insert(try #require(type))
        }
        #expect(seen.count == 79)
    }

    @Test func limits() throws {
        var limits: [String: Int] = [:]
        for row in try Fixture.table("limits") {
            if let name = row["name"] as? String { limits[name] = row["value"] as? Int }
        }
        let second = 1_000_000_000
        #expect(limits["send_payload_max"] == Payload.maximumSize)
        #expect(limits["send_events_per_connection"] == SendWindow().limit)
        #expect(limits["send_window"].map { $0 * second } == Int(SendWindow().window))
        #expect(limits["identify_window"].map { $0 * second } == Int(IdentifyQueue(margin: 0).spacing))
        #expect(limits["large_threshold_min"] == Int(Identify.largeThresholds.lowerBound))
        #expect(limits["large_threshold_max"] == Int(Identify.largeThresholds.upperBound))
        let identify = Identify(token: "", intents: [], shardID: 0, shardTotal: 1)
        #expect(limits["large_threshold_default"] == Int(identify.largeThreshold))
        #expect(limits["request_members_user_ids_max"] == RequestGuildMembers.maximumUsers)
        #expect(limits["request_members_query_max_results"] == Int(RequestGuildMembers.maximumResults))
        #expect(limits["request_members_nonce_max"] == RequestGuildMembers.maximumNonce)
    }

    @Test func saysWhatToAskForToGetEvents() throws {
        #expect(try Intents.needed(forNames: []) == .init(intents: [], alternatives: []))
        #expect(Intents.needed(for: [.ready, .interactionCreate]) == .init(intents: [], alternatives: []))
        #expect(
            try Intents.needed(forNames: ["MESSAGE_CREATE"])
                == .init(
                    intents: [.guildMessages, .directMessages], alternatives: [.guildMessages, .directMessages]))
        // With an event that comes by one of them only, that one is no alternative any more.
        #expect(
            Intents.needed(for: [.messageCreate, .messageDeleteBulk, .guildBanAdd])
                == .init(
                    intents: [.guildMessages, .directMessages, .guildModeration], alternatives: [.directMessages]))
        #expect(Intents.needed(for: [.threadMembersUpdate]).alternatives == [.guilds, .guildMembers])
        // All events together need all intents but the one that brings none.
        #expect(Intents.needed(for: EventType.allCases).intents == Intents.all.subtracting(.messageContent))
        // Each event comes with what is named, and with every choice that leaves one of its own.
        for event in EventType.allCases {
            let need = Intents.needed(for: [event])
            #expect(
                need.intents == event.intents
                    && need.alternatives == (event.intents.rawValue.nonzeroBitCount > 1 ? event.intents : []))
        }
        for wrong in ["MESSAGE_CREATED", "", "message_create"] {
            let error = #expect(throws: GatewayError.self) {
                try Intents.needed(forNames: ["MESSAGE_CREATE", wrong])
            }
            #expect(error?.status == .invalidArgument && error?.message.contains("\"\(wrong)\"") == true)
        }
    }
}
