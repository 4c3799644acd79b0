import Dispatch
import Foundation
import GatewayTransport
import SwiftGatewayTesting
import Synchronization
import Testing

@testable import SwiftGateway

/// The simplest queue there can be: a line for each key, and a timer of the system.
private final class SimpleQueue: IdentifyQueueing {
    private struct Line {
        var waiting: [IdentifyPermit] = []
        var granted: IdentifyPermit?
        var isResting = false
    }

    private let lines = Lock<[UInt32: Line]>([:])
    private let interval: DispatchTimeInterval

    init(intervalMilliseconds: UInt32) { interval = .milliseconds(Int(intervalMilliseconds)) }

    func request(_ permit: IdentifyPermit) { change(permit.rateLimitKey) { $0.waiting.append(permit) } }

    func cancel(_ permit: IdentifyPermit) {
        change(permit.rateLimitKey) {
            $0.waiting.removeAll { $0 == permit }
            if $0.granted == permit { $0.granted = nil }
        }
    }

    func sent(_ permit: IdentifyPermit) {
        change(permit.rateLimitKey) {
            $0.granted = nil
            $0.isResting = true
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + interval) { [weak self] in
            self?.change(permit.rateLimitKey) { $0.isResting = false }
        }
    }

    private func change(_ key: UInt32, _ body: (inout Line) -> Void) {
        let next = lines.withLock { lines -> IdentifyPermit? in
            body(&lines[key, default: Line()])
            guard let line = lines[key], line.granted == nil, !line.isResting, let next = line.waiting.first else {
                return nil
            }
            lines[key]?.waiting.removeFirst()
            lines[key]?.granted = next
            return next
        }
        // Refused when it was cancelled this moment; its cancel follows.
        try? next?.grant()
    }
}

/// Grants everything at once: what no queue may do.
private final class Sieve: IdentifyQueueing {
    func request(_ permit: IdentifyPermit) { try? permit.grant() }
    func cancel(_ permit: IdentifyPermit) {}
    func sent(_ permit: IdentifyPermit) {}
}

/// Never grants anything.
private final class Wall: IdentifyQueueing {
    func request(_ permit: IdentifyPermit) {}
    func cancel(_ permit: IdentifyPermit) {}
    func sent(_ permit: IdentifyPermit) {}
}

@Suite struct IdentifyQueueingTests {
    @Test func theBuiltInQueueConforms() {
        #expect(
            IdentifyQueueConformance.violations {
                LocalIdentifyQueue(maxConcurrency: $0, intervalMilliseconds: $1)
            } == [])
    }

    @Test func theBuiltInQueueConformsOnALoop() throws {
        let loop = try EventLoop()
        try loop.start(name: "test-loop")
        defer { loop.stop() }
        #expect(
            IdentifyQueueConformance.violations {
                LocalIdentifyQueue(
                    maxConcurrency: $0, interval: UInt64($1) * 1_000_000, alarm: LoopAlarm(loop: loop))
            } == [])
    }

    @Test func aSimpleQueueConforms() {
        #expect(IdentifyQueueConformance.violations { SimpleQueue(intervalMilliseconds: $1) } == [])
    }

    @Test func theChecksFindWhatIsWrong() {
        let sieve = IdentifyQueueConformance.violations(patienceMilliseconds: 100) { _, _ in Sieve() }
        #expect(
            sieve.contains("the next of a key is granted one interval after the last IDENTIFY was sent")
                && sieve.contains("while a shard is granted and has not sent, no other of its key is granted"))
        let wall = IdentifyQueueConformance.violations(patienceMilliseconds: 20) { _, _ in Wall() }
        #expect(
            wall.contains("every request is granted in the end")
                && wall.contains("a cancelled request gives its turn to the next at once"))
    }

    @Test func aPermitIsGrantedOnce() throws {
        let granted = Lock(0)
        let number = PermitTable.newNumber()
        PermitTable.add(number) { granted.withLock { $0 += 1 } }
        try IdentifyPermit.grant(number)
        expectError(.notFound) { try IdentifyPermit.grant(number) }
        let cancelled = PermitTable.newNumber()
        PermitTable.add(cancelled) { granted.withLock { $0 += 1 } }
        PermitTable.remove(cancelled)
        expectError(.notFound) { try IdentifyPermit.grant(cancelled) }
        for invented in [0, 1, .max] as [UInt64] { expectError(.notFound) { try IdentifyPermit.grant(invented) } }
        #expect(granted.withLock { $0 } == 1)
        #expect((0..<1_000).allSatisfy { _ in (1..<1 << 53).contains(PermitTable.newNumber()) })
    }

    @Test func anIntervalOfZeroDoesNotSpace() {
        // 200 identifies of one key: with the usual margin they would take 20 s.
        let queue = LocalIdentifyQueue(maxConcurrency: 1, intervalMilliseconds: 0)
        let granted = Monitor(0)
        let started = Clock.now()
        for shard in 0..<200 as Range<UInt32> {
            let permit = IdentifyPermit(
                number: PermitTable.newNumber(), shardID: shard, shardTotal: 200, maxConcurrency: 1)
            PermitTable.add(permit.number) {
                granted.update { $0 += 1 }
            }
            queue.request(permit)
            #expect(granted.wait(until: patience()) { $0 > shard ? true : nil } == true)
            queue.sent(permit)
        }
        #expect(Clock.now() - started < 15_000_000_000)
    }
}
