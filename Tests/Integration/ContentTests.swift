import Foundation
import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// Payloads that are legal, and odd (`gateway.md` §4).
    @Suite("Odd payloads")
    struct ContentTests {
        @Test("a dispatch that comes twice is delivered once")
        func duplicate() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                try await rig.exchange()
                await rig.sandbox.inject(.duplicateDispatch)
                try await rig.exchange()
                #expect(rig.record.trace().dispatches == 14)
                #expect(try rig.cluster.info(shard: 0).duplicates == 1)
                #expect(rig.record.closes.isEmpty)
            }
        }

        @Test("a READY that comes twice is delivered once, and nothing is replayed for it")
        func duplicateReady() async throws {
            // Without guilds READY is the newest dispatch.
            try await withRig(sandbox: { $0.guilds = 0 }) { rig in
                try await rig.untilActive()
                let ready = try #require(rig.record.dispatches("READY").first)
                await rig.sandbox.inject(.duplicateDispatch)
                try await rig.exchange()
                await rig.sandbox.inject(Self.frame(#"{"t":"READY","s":1,"op":0,"d":\#(ready.text)}"#))
                try await rig.exchange()
                #expect(rig.record.trace().readies == 1)
                #expect(try rig.cluster.info(shard: 0).duplicates == 2)
                await rig.sandbox.inject(.drop())
                try await rig.untilServer("RESUME") { $0.resumes.count == 1 }
                #expect(await rig.journal.resumes.map(\.sequence) == [11])
            }
        }

        @Test("a RESUMED that comes twice is delivered once")
        func duplicateResumed() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.drop())
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                await rig.sandbox.inject(.duplicateDispatch)
                try await rig.exchange()
                #expect(rig.record.trace().resumes == 1)
                #expect(try rig.cluster.info(shard: 0).duplicates == 1)
            }
        }

        @Test("an unknown opcode is ignored")
        func unknownOpcode() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.unknownOpcode)
                try await rig.exchange()
                #expect(rig.record.closes.isEmpty && rig.record.errors.isEmpty)
            }
        }

        @Test("an unknown event is delivered raw, with its name and without a type")
        func unknownEvent() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.unknownEvent)
                try await rig.until("it") { $0.has("SANDBOX_UNKNOWN_EVENT") }
                let event = try #require(rig.record.dispatches("SANDBOX_UNKNOWN_EVENT").first)
                #expect(event.type == nil)
                #expect(event.sequence == 5)
                #expect(event.text == #"{"sandbox":true}"#)
            }
        }

        /// A dispatch as a text frame, which is taken on compressed connections too.
        static func frame(_ json: String) -> Fault { .frame(RawFrame(opcode: 1, payload: Array(json.utf8))) }

        @Test("a name written with escapes is the same name")
        func escapedName() async throws {
            try await withRig(client: { try $0.setEventFilter(["TYPING_START", "A\"B"]) }, isStrict: false) { rig in
                try await rig.until("active") { $0.isActive() }
                await rig.sandbox.inject(Self.frame(#"{"t":"TYPING\u005fSTART","s":50,"op":0,"d":{"a":1}}"#))
                await rig.sandbox.inject(Self.frame(#"{"t":"\u0041\"B","s":51,"op":0,"d":[2]}"#))
                await rig.sandbox.inject(Self.frame(#"{"t":"MESSAGE\u005fCREATE","s":52,"op":0,"d":{}}"#))
                await rig.sandbox.inject(Self.frame(#"{"t":"TYPING_START","s":53,"op":0,"d":{}}"#))
                try await rig.until("the last") { $0.dispatches("TYPING_START").count == 2 }
                let dispatches = rig.record.events.filter { $0.kind == .dispatch }
                #expect(dispatches.map(\.type) == [.typingStart, nil, .typingStart])
                #expect(dispatches.map(\.name) == ["TYPING_START", "A\"B", "TYPING_START"])
                #expect(dispatches.map(\.text) == [#"{"a":1}"#, "[2]", "{}"])
                #expect(dispatches.map(\.sequence) == [50, 51, 53])
            }
        }

        @Test("READY written with escapes begins a session, and RESUMED ends a replay")
        func escapedReady() async throws {
            try await withRig(
                faults: [FaultOrder(.silence, at: .identify), FaultOrder(.silence, at: .resume)], isStrict: false
            ) { rig in
                try await rig.untilServer("IDENTIFY") { $0.identifies.count == 1 }
                let url = rig.sandbox.gatewayURL
                await rig.sandbox.inject(
                    Self.frame(
                        #"{"t":"R\u0045ADY","s":1,"op":0,"d":{"session_id":"abc","resume_gateway_url":"\#(url)"}}"#))
                try await rig.until("active") { $0.isActive() }
                #expect(rig.record.events.first { $0.kind == .dispatch }?.type == .ready)
                #expect(try rig.cluster.info(shard: 0).sessionID == "abc")
                await rig.sandbox.inject(.drop())
                try await rig.untilServer("RESUME") { $0.resumes.count == 1 }
                await rig.sandbox.inject(Self.frame(#"{"t":"RESUME\u0044","s":2,"op":0,"d":{}}"#))
                try await rig.until("active again") { $0.trace().resumes == 1 && $0.isActive() }
            }
        }

        @Test("d may be an array, null, a string or a number, and s may be missing", arguments: Compression.allCases)
        func oddDispatches(compression: Compression) async throws {
            try await withRig(client: { try $0.setCompression(compression) }) { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.oddDispatches)
                try await rig.until("the last") { $0.has("SANDBOX_NO_SEQUENCE") }
                let record = rig.record
                #expect(record.dispatches("SANDBOX_ARRAY").map(\.text) == [#"[1,{"op":7},[]]"#])
                #expect(record.dispatches("SANDBOX_NULL").map(\.text) == ["null"])
                #expect(record.dispatches("SANDBOX_STRING").map(\.text) == [#""}]{[ \" \u0022 ""#])
                #expect(record.dispatches("SANDBOX_NUMBER").map(\.text) == ["-1.5e3"])
                #expect(record.dispatches("SANDBOX_NO_SEQUENCE").map(\.sequence) == [0])
                #expect(record.closes.isEmpty && record.errors.isEmpty)
                #expect(try rig.cluster.info(shard: 0).sequence == 8)
                try await rig.exchange()
            }
        }

        @Test("keys in another order, blanks and look-alike keys inside d change nothing")
        func reordered() async throws {
            try await withRig { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.reorderedDispatch)
                try await rig.until("it") { $0.has("SANDBOX_REORDERED") }
                let event = try #require(rig.record.dispatches("SANDBOX_REORDERED").first)
                #expect(event.sequence == 5)
                #expect(
                    event.text == #"{"op":7,"t":"READY","s":999999,"d":{"op":9},"x":["\"op\":7", "}", {"s":1}]}"#)
                try await rig.exchange()
                #expect(rig.record.closes.isEmpty)
            }
        }

        @Test("d is handed on byte for byte", arguments: Compression.allCases)
        func verbatim(compression: Compression) async throws {
            let json = "{ \"a\" :\t[1, 2.50e+1 ,\"\\u00e9\\/ é 海 👩‍🚀\" ] ,\n\"a\": null }"
            try await withRig(client: { try $0.setCompression(compression) }) { rig in
                try await rig.untilActive()
                await rig.sandbox.emit(name: "SANDBOX_VERBATIM", json: json)
                try await rig.until("it") { $0.has("SANDBOX_VERBATIM") }
                #expect(rig.record.dispatches("SANDBOX_VERBATIM").map(\.text) == [json])
            }
        }

        @Test("a sequence may jump; the newest one is resumed from")
        func gap() async throws {
            try await withRig(isStrict: false) { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.sequenceGap(100))
                await rig.sandbox.emitBurst(count: 3)
                try await rig.until("the three") { $0.trace().message == 3 }
                #expect(try rig.cluster.info(shard: 0).sequence == 107)
                await rig.sandbox.inject(.drop())
                try await rig.until("resumed") { $0.trace().resumes == 1 && $0.isActive() }
                #expect(await rig.journal.resumes.map(\.sequence) == [107])
            }
        }

        @Test("a dispatch of 6 MB is delivered, in both modes", arguments: DeliveryMode.allCases)
        func huge(mode: DeliveryMode) async throws {
            try await withRig(client: { try $0.setDelivery(mode, queueBytes: 64 * 1024) }) { rig in
                try await rig.untilActive()
                await rig.sandbox.inject(.hugeDispatch(bytes: 6 << 20))
                try await rig.until("it") { $0.has("SANDBOX_HUGE") }
                #expect(rig.record.dispatches("SANDBOX_HUGE").first?.data.count ?? 0 > 6 << 20)
                try await rig.exchange()
                #expect(rig.record.closes.isEmpty)
            }
        }

        @Test("every event of the catalogue is delivered with its type")
        func catalogue() async throws {
            try await withRig(sandbox: { $0.mix = .catalogue }) { rig in
                try await rig.untilActive()
                await rig.sandbox.emitBurst(count: 120)
                try await rig.until("all of it") { $0.trace().sequence == 124 }
                let known = rig.record.events.filter { $0.kind == .dispatch }
                #expect(known.allSatisfy { $0.type?.name == $0.name })
                #expect(Set(known.map(\.name)).count > 20)
            }
        }
    }
}
