import Testing

@testable import GatewayTransport

/// The heap of a loop's timers, against a list that is sorted each time.
@Suite struct TimerHeapTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func isAsGoodAsASortedList(seed: UInt64) {
        var random = Generator(state: seed)
        var heap = TimerHeap()
        let timers = (0..<60).map { _ in LoopTimer { _ in } }
        var model: [Int: UInt64] = [:]
        var popped = 0
        for _ in 0..<3_000 {
            let which = Int.random(in: 0..<timers.count, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                // Few different times, so that many are equal.
                let deadline = UInt64.random(in: 0...200, using: &random)
                heap.set(timers[which], at: deadline)
                model[which] = deadline
            case 5..<8:
                heap.clear(timers[which])
                model[which] = nil
            default:
                let now = UInt64.random(in: 0...60, using: &random)
                let due = heap.popDue(now: now)
                let least = model.values.min()
                if let least, least <= now {
                    let index = timers.firstIndex { $0 === due }
                    #expect(index.flatMap { model[$0] } == least)
                    if let index { model[index] = nil }
                    popped += 1
                } else {
                    #expect(due == nil)
                }
            }
            #expect(heap.soonest == model.values.min())
            #expect(timers[which].isSet == (model[which] != nil))
        }
        #expect(popped > 20)
        // What is left comes out in order.
        var last: UInt64 = 0
        while let timer = heap.popDue(now: .max) {
            #expect(timer.deadline >= last && !timer.isSet)
            last = timer.deadline
            model.removeValue(forKey: timers.firstIndex { $0 === timer } ?? -1)
        }
        #expect(model.isEmpty && heap.soonest == nil)
    }

    @Test func takesTheEndsOfTime() {
        var heap = TimerHeap()
        let (never, now) = (LoopTimer { _ in }, LoopTimer { _ in })
        heap.set(never, at: .max)
        heap.set(now, at: 0)
        #expect(heap.popDue(now: 0) === now)
        #expect(heap.popDue(now: .max - 1) == nil)
        #expect(heap.soonest == .max)
        heap.clearAll()
        #expect(!never.isSet && heap.soonest == nil)
        // Cleared timers can be set again.
        heap.set(never, at: 5)
        #expect(heap.popDue(now: 5) === never)
    }

    @Test func clearingTwiceIsNothing() {
        var heap = TimerHeap()
        let timers = (0..<5).map { _ in LoopTimer { _ in } }
        for (index, timer) in timers.enumerated() { heap.set(timer, at: UInt64(index)) }
        heap.clear(timers[2])
        heap.clear(timers[2])
        var order: [UInt64] = []
        while let timer = heap.popDue(now: 9) { order.append(timer.deadline) }
        #expect(order == [0, 1, 3, 4])
    }
}
