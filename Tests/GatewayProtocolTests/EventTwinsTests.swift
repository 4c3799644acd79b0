import Testing

@testable import GatewayProtocol

@Suite("Copies of events")
struct EventTwinsTests {
    @Test("the copy is recognised, whichever comes first")
    func pairs() {
        var twins = EventTwins()
        #expect(twins.outgoing(7, now: 0) == nil)
        #expect(twins.incoming(7, held: 1, now: 1) == true)
        #expect(twins.incoming(8, held: 2, now: 2) == false)
        #expect(twins.outgoing(8, now: 3) == 2)
        #expect(twins.count == 0)
    }

    @Test("two equal events have two copies")
    func equals() {
        var twins = EventTwins()
        _ = twins.outgoing(7, now: 0)
        _ = twins.outgoing(7, now: 1)
        #expect(twins.incoming(7, held: 1, now: 2) == true)
        #expect(twins.incoming(7, held: 2, now: 3) == true)
        #expect(twins.incoming(7, held: 3, now: 4) == false)
        #expect(twins.incoming(7, held: 4, now: 5) == false)
        #expect(twins.outgoing(7, now: 6) == 3)
        #expect(twins.outgoing(7, now: 7) == 4)
        #expect(twins.outgoing(7, now: 8) == nil)
    }

    @Test("what has no copy soon after the beginning is forgotten in time, and tells what was held of it")
    func expires() {
        var twins = EventTwins()
        twins.begin(now: 0, window: 100)
        _ = twins.outgoing(1, now: 10)
        _ = twins.incoming(2, held: 5, now: 20)
        _ = twins.incoming(2, held: 6, now: 30)
        #expect(twins.expire(upTo: 9) == [])
        #expect(twins.count == 3)
        #expect(twins.expire(upTo: 20) == [5])
        #expect(twins.incoming(1, held: 7, now: 31) == false)
        #expect(twins.outgoing(2, now: 32) == 6)
        #expect(twins.expire(upTo: 40) == [7])
        #expect(twins.count == 0)
    }

    @Test("later on nothing is forgotten: the other side is late, and will come")
    func late() {
        var twins = EventTwins()
        twins.begin(now: 0, window: 100)
        _ = twins.outgoing(1, now: 100)
        _ = twins.outgoing(2, now: 101)
        _ = twins.incoming(3, held: 5, now: 150)
        #expect(twins.expire(upTo: 9_000) == [])
        #expect(twins.incoming(1, held: 6, now: 9_000) == false)
        #expect(twins.incoming(2, held: 7, now: 9_000) == true)
        #expect(twins.outgoing(3, now: 9_000) == 5)
    }

    @Test("without the other side, only copies are recognised and nothing waits")
    func alone() {
        var twins = EventTwins()
        _ = twins.outgoing(1, now: 10)
        #expect(twins.incoming(1) == true)
        #expect(twins.incoming(1) == false)
        #expect(twins.incoming(2) == false)
        #expect(twins.count == 0)
    }

    /// One guild's events as two shards get them: each in order, each a random time late. Keys repeat, but not within the
    /// time that the two copies are apart: which of two such events had its copy before the beginning nobody could tell.
    @Test("two streams with random delays: once each, in order, across the switch", arguments: UInt64(1)...40)
    func streams(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let window: UInt64 = 100
        let events = (0..<400).map { index in
            (index: index, key: UInt64(index % 40) << 8 | UInt64.random(in: 0..<2, using: &random))
        }
        func arrivals(_ random: inout SeededGenerator) -> [(time: UInt64, index: Int)] {
            var last: UInt64 = 0
            return events.map { event in
                last = max(last, UInt64(event.index) * 10 + UInt64.random(in: 0..<window, using: &random))
                return (last, event.index)
            }
        }
        let (old, new) = (arrivals(&random), arrivals(&random))
        // What comes before that is handed out by the old side alone.
        let begin = UInt64.random(in: 200..<1_000, using: &random)
        let switchTime = begin + 2 * window + UInt64.random(in: 0..<1_500, using: &random)
        var twins = EventTwins()
        twins.begin(now: begin, window: window)
        var delivered: [Int] = []
        var held: [(number: UInt64, index: Int)] = []
        var live = false
        var merged = old.filter { $0.time < switchTime }.map { ($0.time, $0.index, true) }
        merged += new.map { ($0.time, $0.index, false) }
        for (time, index, isOld) in merged.sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
            if time >= switchTime, !live {
                live = true
                delivered += held.map(\.index)
                held = []
            }
            if time > window {
                for number in twins.expire(upTo: time - window) where !live { held.removeAll { $0.number == number } }
            }
            let key = events[index].key
            if time <= begin {
                if isOld { delivered.append(index) }
            } else if isOld {
                delivered.append(index)
                if let copy = twins.outgoing(key, now: time) { held.removeAll { $0.number == copy } }
            } else if live {
                if !twins.incoming(key) { delivered.append(index) }
            } else if !twins.incoming(key, held: UInt64(index), now: time) {
                held.append((UInt64(index), index))
            }
        }
        // By key: which of several equal events it was nobody can tell.
        #expect(delivered.map { events[$0].key } == events.map(\.key), "seed \(seed)")
    }
}
