import GatewayProtocol
import Testing

@testable import SwiftGateway

@Suite("The gate of a resharding")
struct ReshardGateTests {
    private static func with<R>(
        _ text: String, shard: UInt32 = 1, type: EventType = .messageCreate, sequence: UInt64 = 0,
        _ body: (EventView) -> R
    ) -> R {
        Array(text.utf8).withUnsafeBytes {
            var event = EventView(kind: .dispatch, shardID: shard)
            event.type = type
            event.name = type.wireName
            event.data = $0
            event.sequence = sequence
            return body(event)
        }
    }

    /// An event of a new shard.
    private static func judge(
        _ gate: ReshardGate, _ text: String, _ sequence: UInt64, epoch: UInt16 = 1, shard: UInt32 = 1, now: UInt64 = 50
    ) -> ReshardGate.Verdict {
        with(text, shard: shard, sequence: sequence) {
            gate.judge($0, position: DeliveredPosition(epoch: epoch, sequence: sequence), now: now)
        }
    }

    private static func held(upTo sequence: UInt64, epoch: UInt16 = 1) -> ReshardGate.Verdict {
        .hold(settled: DeliveredPosition(epoch: epoch, sequence: sequence))
    }

    @Test("a session counts as delivered up to its oldest event that is held back")
    func settled() {
        let gate = ReshardGate()
        gate.begin(now: 0, window: 100)
        #expect(Self.judge(gate, #"{"n":1}"#, 5) == Self.held(upTo: 4))
        #expect(Self.judge(gate, #"{"n":2}"#, 6) == Self.held(upTo: 4))
        Self.with(#"{"n":1}"#) { gate.noteOutgoing($0, now: 51) }
        #expect(Self.judge(gate, #"{"n":3}"#, 7) == Self.held(upTo: 5))
        Self.with(#"{ "n" : 3 }"#) { gate.noteOutgoing($0, now: 52) }
        Self.with(#"{"n":2}"#) { gate.noteOutgoing($0, now: 52) }
        Self.with(#"{"n":4}"#) { gate.noteOutgoing($0, now: 52) }
        #expect(Self.judge(gate, #"{"n":4}"#, 8) == Self.held(upTo: 8))
        // Of another session nothing is known.
        #expect(Self.judge(gate, #"{"n":5}"#, 9) == Self.held(upTo: 8))
        #expect(Self.judge(gate, #"{"n":6}"#, 2, epoch: 2) == .hold(settled: .none))
    }

    @Test("a shard that takes over gets what is no copy, in its order, and what comes after it")
    func takesOver() {
        let gate = ReshardGate()
        gate.begin(now: 0, window: 100)
        for number in 1...4 { _ = Self.judge(gate, "[\(number)]", UInt64(number), now: 200) }
        _ = Self.judge(gate, "[9]", 1, shard: 2, now: 200)
        Self.with("[2]") { gate.noteOutgoing($0, now: 201) }
        Self.with("[5]") { gate.noteOutgoing($0, now: 202) }
        let events = gate.takeOver(1)
        #expect(events.map(\.sequence) == [1, 3, 4])
        #expect(events.map(\.position.sequence) == [1, 3, 4])
        events[1].withEvent { event in
            #expect(Array(event.data) == Array("[3]".utf8))
            #expect(event.shardID == 1 && event.type == .messageCreate && event.sequence == 3)
        }
        #expect(Self.judge(gate, "[5]", 5) == .drop)
        #expect(Self.judge(gate, "[5]", 6) == .deliver)
        #expect(Self.judge(gate, "[6]", 7) == .deliver)
        #expect(gate.takeOver(2).map(\.sequence) == [1])
        #expect(gate.takeOver(2).isEmpty)
    }

    @Test("events of the same data and another name are no copies")
    func names() {
        let gate = ReshardGate()
        gate.begin(now: 0, window: 100)
        Self.with("{}", type: .typingStart) { gate.noteOutgoing($0, now: 1) }
        #expect(Self.judge(gate, "{}", 1) == Self.held(upTo: 0))
    }

    @Test("a name that is not in the table is kept, with a NUL behind it")
    func unknownName() {
        let gate = ReshardGate()
        Array("NEW_THING".utf8).withUnsafeBytes { name in
            var event = EventView(kind: .dispatch, shardID: 1)
            event.name = name
            _ = gate.judge(event, position: DeliveredPosition(epoch: 1, sequence: 1), now: 1)
        }
        for held in gate.takeOver(1) {
            held.withEvent { event in
                #expect(String(decoding: event.name, as: UTF8.self) == "NEW_THING")
                #expect(event.name.baseAddress?.load(fromByteOffset: 9, as: UInt8.self) == 0)
            }
        }
    }

    @Test("what came at the beginning and has no copy is let go; too much is noticed")
    func limits() {
        let gate = ReshardGate()
        gate.begin(now: 0, window: 100)
        let large = "\"" + String(repeating: "x", count: 1 << 20) + "\""
        for number in 1...65 { _ = Self.judge(gate, "[\(number),\(large)]", UInt64(number), now: 50) }
        #expect(gate.isOverfull)
        gate.expire(upTo: 49)
        #expect(gate.isOverfull)
        gate.expire(upTo: 50)
        #expect(!gate.isOverfull)
        #expect(gate.takeOver(1).isEmpty)
    }
}
