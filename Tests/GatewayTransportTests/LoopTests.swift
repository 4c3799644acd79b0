import CLinux
import GatewayProtocol
import Testing

@testable import GatewayTransport

/// Nothing that is waited for here takes long; this only ends a test that would hang.
func patience() -> UInt64 { Clock.now() + 60_000_000_000 }

/// A loop that runs while a test does.
final class RunningLoop {
    let loop: EventLoop

    init() throws {
        loop = try EventLoop()
        try loop.start(name: "test-loop")
    }

    deinit { loop.stop() }

    /// Runs `body` on the loop's thread and waits for what it returns.
    func run<R: Sendable>(_ body: @escaping @Sendable (EventLoop) -> R) -> R? {
        let result = Monitor<R?>(nil)
        let loop = loop
        loop.post {
            let value = body(loop)
            result.update { $0 = value }
        }
        return result.wait(until: patience()) { $0 }
    }
}

@Suite struct EventLoopTests {
    @Test func runsWhatIsPostedInOrder() throws {
        let running = try RunningLoop()
        let seen = Monitor<[Int]>([])
        for number in 0..<1_000 { running.loop.post { seen.update { $0.append(number) } } }
        #expect(seen.wait(until: patience()) { $0.count == 1_000 ? $0 : nil } == Array(0..<1_000))
    }

    @Test func keepsTheOrderOfEachOfManyThreads() throws {
        let running = try RunningLoop()
        let loop = running.loop
        let seen = Monitor<[[Int]]>([[], [], [], []])
        let threads = try (0..<4).map { who in
            try EngineThread(name: "test-poster") {
                for number in 0..<5_000 { loop.post { seen.update { $0[who].append(number) } } }
            }
        }
        for thread in threads { thread.join() }
        let all = seen.wait(until: patience()) { seen in
            seen.allSatisfy { $0.count == 5_000 } ? seen : nil
        }
        #expect(all == Array(repeating: Array(0..<5_000), count: 4))
    }

    @Test func runsWhatATaskPostsAfterIt() throws {
        let running = try RunningLoop()
        let loop = running.loop
        let seen = Monitor<[String]>([])
        loop.post {
            loop.post { seen.update { $0.append("second") } }
            seen.update { $0.append("first") }
        }
        #expect(seen.wait(until: patience()) { $0.count == 2 ? $0 : nil } == ["first", "second"])
    }

    @Test func knowsItsThread() throws {
        let running = try RunningLoop()
        #expect(running.run { $0.isCurrent } == true)
        #expect(!running.loop.isCurrent)
        #expect(try EventLoop().isCurrent == false)
    }

    @Test func runsWhatWasPostedBeforeItStartsAndBeforeItStops() throws {
        let loop = try EventLoop()
        let seen = Monitor<[Int]>([])
        loop.post { seen.update { $0.append(1) } }
        try loop.start(name: "test-loop")
        loop.post { seen.update { $0.append(2) } }
        loop.stop()
        #expect(seen.withLock { $0 } == [1, 2])
        // Once more there is nothing to stop.
        loop.stop()
        loop.post { seen.update { $0.append(3) } }
        #expect(seen.withLock { $0 } == [1, 2])
    }

    @Test func mayStopWithoutAStart() throws {
        try EventLoop().stop()
    }

    private final class Canary: Sendable {}

    @Test func keepsNothingThatCannotRun() throws {
        weak var gone: EventLoop?
        weak var canary: Canary?
        do {
            let loop = try EventLoop()
            try loop.start(name: "test-loop")
            gone = loop
            loop.stop()
            let bird = Canary()
            canary = bird
            // As a name that resolves late: the task keeps the loop.
            loop.post { withExtendedLifetime((loop, bird)) {} }
        }
        #expect(canary == nil)
        #expect(gone == nil)
    }

    @Test func endsABatchAfterEverythingOfAWakeup() throws {
        let running = try RunningLoop()
        let seen = Monitor<[String]>([])
        _ = running.run { loop in
            loop.endOfBatch = { seen.update { $0.append("end") } }
            loop.post { seen.update { $0.append("a") } }
            loop.post { seen.update { $0.append("b") } }
        }
        // The end of the batch that set it comes first.
        #expect(seen.wait(until: patience()) { $0.count >= 4 ? Array($0.prefix(4)) : nil } == ["end", "a", "b", "end"])
    }

    // MARK: Timers

    @Test func firesTimersInTheirOrderAndNotBefore() throws {
        let running = try RunningLoop()
        struct Firing: Sendable {
            var which: Int
            var due: UInt64
            var now: UInt64
        }
        let firings = Monitor<[Firing]>([])
        let kept = Monitor<[LoopTimer]>([])
        _ = running.run { loop in
            let start = loop.now
            for (which, delay) in [3, 1, 2, 0].enumerated() {
                let due = start + UInt64(delay) * 10_000_000
                let timer = LoopTimer { now in
                    firings.update { $0.append(Firing(which: which, due: due, now: now)) }
                }
                loop.set(timer, at: due)
                kept.withLock { $0.append(timer) }
            }
        }
        let all = firings.wait(until: patience()) { $0.count == 4 ? $0 : nil } ?? []
        #expect(all.map(\.which) == [3, 1, 2, 0])
        #expect(all.allSatisfy { $0.now >= $0.due })
    }

    @Test func firesOnlyWhatIsStillSet() throws {
        let running = try RunningLoop()
        let fired = Monitor<[String]>([])
        let kept = Monitor<[LoopTimer]>([])
        _ = running.run { loop in
            let cleared = LoopTimer { _ in fired.update { $0.append("cleared") } }
            let moved = LoopTimer { _ in fired.update { $0.append("moved") } }
            let last = LoopTimer { _ in fired.update { $0.append("last") } }
            loop.set(cleared, at: loop.now)
            loop.set(moved, at: loop.now)
            loop.set(last, at: loop.now + 20_000_000)
            loop.clear(cleared)
            loop.set(moved, at: loop.now + 10_000_000)
            kept.withLock { $0 = [cleared, moved, last] }
        }
        #expect(fired.wait(until: patience()) { $0.contains("last") ? $0 : nil } == ["moved", "last"])
        #expect(running.run { _ in kept.withLock { $0.allSatisfy { !$0.isSet } } } == true)
    }

    @Test func letsATimerSetItselfAgain() throws {
        let running = try RunningLoop()
        let count = Monitor(0)
        let kept = Monitor<LoopTimer?>(nil)
        _ = running.run { loop in
            let timer = LoopTimer { [unowned loop] now in
                count.update { $0 += 1 }
                if let timer = kept.withLock({ $0 }) { loop.set(timer, at: now + 1_000_000) }
            }
            kept.withLock { $0 = timer }
            loop.set(timer, at: loop.now)
        }
        #expect(count.wait(until: patience()) { $0 >= 5 ? true : nil } == true)
        // The timer and what keeps it hold each other.
        _ = running.run { loop in
            if let timer = kept.withLock({ $0 }) { loop.clear(timer) }
            kept.withLock { $0 = nil }
        }
    }

    // MARK: Descriptors

    private final class Watcher: Pollable {
        let seen: Monitor<[UInt32]>
        let onReady: (Watcher) -> Void
        init(_ seen: Monitor<[UInt32]>, _ onReady: @escaping (Watcher) -> Void) {
            self.seen = seen
            self.onReady = onReady
        }
        override func ready(_ events: UInt32) {
            seen.update { $0.append(events) }
            onReady(self)
        }
    }

    private struct Registered: Sendable {
        var first: Registration?
        var second: Registration?
    }

    @Test func tellsWhatIsReadyAndNothingAfterItWasTakenOut() throws {
        let running = try RunningLoop()
        var pair: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        let (near, far) = (pair[0], pair[1])
        let seen = Monitor<[UInt32]>([])
        let registration = running.run { loop -> Registration? in
            loop.register(
                near, events: PollEvents.read,
                handler: Watcher(seen) { _ in
                    var byte: UInt8 = 0
                    _ = read(near, &byte, 1)
                })
        }
        var byte: UInt8 = 1
        #expect(write(far, &byte, 1) == 1)
        #expect(seen.wait(until: patience()) { $0.first } == PollEvents.read)
        let kept = try #require(registration ?? nil)
        _ = running.run { $0.unregister(kept) }
        let before = seen.withLock { $0.count }
        #expect(write(far, &byte, 1) == 1)
        // Twice through the loop: an event would have been seen.
        _ = running.run { _ in true }
        _ = running.run { _ in true }
        #expect(seen.withLock { $0.count } == before)
        // A registration that is gone says nothing about the one that has its place now.
        let other = running.run { loop -> Registration? in
            loop.register(far, events: PollEvents.write, handler: Watcher(seen) { _ in })
        }
        #expect(other.flatMap { $0 }.map { $0.index == kept.index && $0.generation != kept.generation } == true)
        _ = running.run { loop in
            if let other = other ?? nil { loop.unregister(other) }
        }
        close(near)
        close(far)
    }

    @Test func doesNotTellOneThatWasTakenOutInTheSameWakeup() throws {
        let running = try RunningLoop()
        var pairs: [Int32] = [0, 0, 0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pairs) == 0)
        pairs.withUnsafeMutableBufferPointer { buffer in
            #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, buffer.baseAddress! + 2) == 0)
        }
        let descriptors = pairs
        let seen = Monitor<[UInt32]>([])
        // Both are ready from the start; whoever comes first takes the other out.
        _ = running.run { loop in
            let state = Monitor(Registered())
            let takeOut: (Watcher) -> Void = { _ in
                for registration in state.withLock({ [$0.first, $0.second] }) {
                    if let registration { loop.unregister(registration) }
                }
            }
            let first = loop.register(descriptors[0], events: PollEvents.write, handler: Watcher(seen, takeOut))
            let second = loop.register(descriptors[2], events: PollEvents.write, handler: Watcher(seen, takeOut))
            state.withLock { $0 = Registered(first: first, second: second) }
        }
        #expect(seen.wait(until: patience()) { $0.first } != nil)
        _ = running.run { _ in true }
        _ = running.run { _ in true }
        #expect(seen.withLock { $0.count } == 1)
        for descriptor in descriptors { close(descriptor) }
    }

    @Test func refusesWhatCannotBeWatched() throws {
        let running = try RunningLoop()
        let refused = running.run { loop in
            loop.register(-1, events: PollEvents.read, handler: Pollable()) == nil
        }
        #expect(refused == true)
    }
}

@Suite struct MonitorTests {
    @Test func givesUpAtItsDeadline() {
        let monitor = Monitor(0)
        let deadline = Clock.now() + 5_000_000
        #expect(monitor.wait(until: deadline) { $0 == 1 ? true : nil } == nil)
        #expect(Clock.now() >= deadline)
        // What is true already is found however late it is.
        monitor.update { $0 = 1 }
        #expect(monitor.wait(until: 0) { $0 == 1 ? true : nil } == true)
    }

    @Test func wakesEveryoneThatWaits() throws {
        let monitor = Monitor(0)
        let done = Monitor(0)
        let threads = try (0..<4).map { _ in
            try EngineThread(name: "test-waiter") {
                if monitor.wait(until: patience(), { $0 == 1 ? true : nil }) == true { done.update { $0 += 1 } }
            }
        }
        monitor.update { $0 = 1 }
        for thread in threads { thread.join() }
        #expect(done.withLock { $0 } == 4)
    }
}
