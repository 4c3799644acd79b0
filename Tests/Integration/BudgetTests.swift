import GatewaySandbox
import SwiftGateway
import Testing

extension Integration {
    /// The daily budget of identifies (`gateway.md` §2, §7). The sandbox revokes the token of a client that exceeds it.
    @Suite("Identify budget")
    struct BudgetTests {
        private static func withBudget(
            shards: Int, total: Int = 1_000, remaining: Int, period: Duration = .seconds(86_400),
            client: (inout Configuration) throws -> Void = { _ in }, _ body: (Rig) async throws -> Void
        ) async throws {
            try await withRig(
                sandbox: {
                    $0.recommendedShards = shards
                    $0.maxConcurrency = shards
                    $0.sessionStartTotal = total
                    $0.sessionStartRemaining = remaining
                    $0.sessionStartPeriod = period
                },
                client: {
                    try $0.setShards(.auto)
                    try client(&$0)
                }, body)
        }

        private static func questions(_ journal: Journal) -> Int {
            journal.count { if case .rest(_, "/api/v10/gateway/bot", 200, _) = $0 { true } else { false } }
        }

        @Test("with fewer left than shards to start, none of them is used up")
        func startsNobody() async throws {
            try await Self.withBudget(shards: 3, remaining: 2, period: .seconds(2)) { rig in
                try await rig.until("the reason") { !$0.errors(.sessionLimit).isEmpty }
                let error = try #require(rig.record.errors(.sessionLimit).first)
                #expect(error.text.contains("2 of 1000") && error.text.contains("3 shards"))
                #expect(await rig.journal.identifies.isEmpty)
                try await rig.until("all three") { record in (0..<3).allSatisfy { record.isActive($0) } }
                // Asked at the start, and again after the reset.
                #expect(Self.questions(await rig.journal) == 2)
                #expect(rig.record.errors.count == 1)
            }
        }

        @Test("when the last is used a further IDENTIFY is not sent, a RESUME is; then the API is asked again")
        func hardStop() async throws {
            try await Self.withBudget(shards: 2, remaining: 2, client: { $0.budget.maximumAge = 700_000_000 }) { rig in
                try await rig.until("both") { $0.isActive(0) && $0.isActive(1) }
                try rig.cluster.restartShard(0, resuming: false)
                try await rig.until("the stop") {
                    $0.state(0) == .awaitingIdentify && !$0.errors(.sessionLimit).isEmpty
                }
                // A RESUME never waits.
                await rig.sandbox.inject(.drop(), shard: 1)
                try await rig.until("resumed") { $0.trace(1).resumes == 1 }
                #expect(await rig.journal.identifies.count == 2)
                let asked = Self.questions(await rig.journal)
                try await rig.untilServer("another question") { Self.questions($0) > asked }
                #expect(await rig.journal.identifies.count == 2 && rig.record.state(0) == .awaitingIdentify)
                // Somebody gave some back.
                await rig.sandbox.setIdentifiesRemaining(5)
                try await rig.until("identified") { $0.isActive(0) && $0.trace(0).readies == 2 }
                #expect(await rig.journal.identifies.count == 3)
            }
        }

        @Test(
            "an old answer is asked for again before the next IDENTIFY; an API that is down does not stop it for ever")
        func refreshes() async throws {
            try await Self.withBudget(
                shards: 1, remaining: 50,
                client: {
                    $0.budget.maximumAge = 1
                    $0.budget.leastPause = 1_000_000
                }
            ) { rig in
                try await rig.untilActive()
                // At the start the answer was just there; now it is old.
                let asked = Self.questions(await rig.journal)
                try rig.cluster.restartShard(0, resuming: false)
                try await rig.until("again") { $0.trace().readies == 2 && $0.isActive() }
                #expect(Self.questions(await rig.journal) > asked)
                await rig.sandbox.inject(.answerREST(HTTPAnswer(status: 500)), times: 50)
                try rig.cluster.restartShard(0, resuming: false)
                try await rig.until("and again") { $0.trace().readies == 3 && $0.isActive() }
                let refused = await rig.journal.count { if case .rest(_, _, 500, _) = $0 { true } else { false } }
                #expect(refused == 3)
                #expect(rig.record.errors.isEmpty)
            }
        }

        @Test("a queue of the host's is not asked either while nobody may identify")
        func anyQueue() async throws {
            let queue = LocalIdentifyQueue(maxConcurrency: 2, intervalMilliseconds: 0)
            try await Self.withBudget(
                shards: 2, remaining: 0, period: .seconds(2), client: { $0.setIdentifyQueue(queue) }
            ) { rig in
                try await rig.until("the reason") { !$0.errors(.sessionLimit).isEmpty }
                try await rig.until("both wait") {
                    $0.state(0) == .awaitingIdentify && $0.state(1) == .awaitingIdentify
                }
                #expect(await rig.journal.identifies.isEmpty)
                try await rig.until("both") { $0.isActive(0) && $0.isActive(1) }
            }
        }
    }
}
