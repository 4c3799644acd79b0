import Testing

@testable import GatewayProtocol

@Suite("The plan of a resharding")
struct ReshardPlanTests {
    private static func plan(outgoing: Set<UInt32> = [], now: UInt64 = 1_000) -> ReshardPlan {
        ReshardPlan(outgoing: outgoing, incoming: [0, 1], window: 100, patience: 500, now: now)
    }

    /// A plan that watches since 2,000.
    private static func watching() -> ReshardPlan {
        var plan = plan()
        plan.incoming(0, isAway: false, now: 1_500)
        plan.incoming(1, isAway: false, now: 2_000)
        #expect(plan.tick(now: 2_000) == .watch)
        return plan
    }

    @Test("it begins to watch when all new shards are active")
    func identifying() {
        var plan = Self.plan()
        #expect(plan.tick(now: 1_000) == nil)
        #expect(plan.nextDeadline(now: 1_000) == nil)
        plan.incoming(0, isAway: false, now: 1_100)
        #expect(plan.tick(now: 1_100) == nil)
        plan.incoming(1, isAway: false, now: 1_200)
        plan.incoming(0, isAway: true, now: 1_250)
        #expect(plan.tick(now: 1_300) == nil)
        plan.incoming(0, isAway: false, now: 1_400)
        #expect(plan.tick(now: 1_400) == .watch)
        #expect(plan.tick(now: 1_400) == nil)
    }

    @Test("it waits for the guilds of the new shards, but not for ever")
    func guilds() {
        var plan = Self.plan()
        plan.guilds(of: 0, areMissing: true, now: 1_100)
        plan.guilds(of: 1, areMissing: true, now: 1_200)
        plan.incoming(0, isAway: false, now: 1_100)
        plan.incoming(1, isAway: false, now: 1_200)
        #expect(plan.tick(now: 1_300) == nil)
        #expect(plan.nextDeadline(now: 1_300) == 1_700)
        plan.guilds(of: 0, areMissing: false, now: 1_300)
        #expect(plan.tick(now: 1_799) == nil)
        #expect(plan.tick(now: 1_800) == .watch)
        var other = Self.plan()
        other.guilds(of: 0, areMissing: true, now: 1_100)
        other.incoming(0, isAway: false, now: 1_100)
        other.incoming(1, isAway: false, now: 1_200)
        other.guilds(of: 0, areMissing: false, now: 1_300)
        #expect(other.tick(now: 1_300) == .watch)
    }

    @Test("it switches after two windows, and is over one after that")
    func steps() {
        var plan = Self.watching()
        #expect(plan.nextDeadline(now: 2_000) != nil)
        #expect(plan.tick(now: 2_199) == nil)
        #expect(plan.tick(now: 2_200) == .switchOver)
        #expect(plan.tick(now: 9_000) == nil)
        #expect(plan.nextDeadline(now: 9_000) == nil)
        plan.switched(now: 9_000)
        #expect(plan.tick(now: 9_099) == nil)
        #expect(plan.tick(now: 9_100) == .finish)
        #expect(plan.phase == .over)
        #expect(plan.tick(now: 99_000) == nil)
    }

    @Test("while a shard is away nothing is given up and nothing switches", arguments: [true, false])
    func away(isOld: Bool) {
        var plan = Self.watching()
        #expect(plan.expiry(now: 2_150) == 2_050)
        if isOld { plan.outgoing(7, isAway: true, now: 2_160) } else { plan.incoming(1, isAway: true, now: 2_160) }
        #expect(plan.expiry(now: 5_000) == nil)
        #expect(plan.tick(now: 5_000) == nil)
        if isOld { plan.outgoing(7, isAway: false, now: 5_000) } else { plan.incoming(1, isAway: false, now: 5_000) }
        // What it missed is replayed first.
        #expect(plan.expiry(now: 5_099) == nil)
        #expect(plan.tick(now: 5_099) == nil)
        #expect(plan.expiry(now: 5_100) == 5_000)
        #expect(plan.tick(now: 5_100) == .switchOver)
    }

    @Test("a shard that does not read is waited for like one that is away", arguments: [true, false])
    func paused(isOld: Bool) {
        var plan = Self.watching()
        plan.reading(of: 1, isOld: isOld, isPaused: true, now: 2_010)
        plan.reading(of: 1, isOld: !isOld, isPaused: false, now: 2_020)
        #expect(plan.expiry(now: 5_000) == nil)
        #expect(plan.tick(now: 5_000) == nil)
        plan.reading(of: 1, isOld: isOld, isPaused: false, now: 5_000)
        #expect(plan.tick(now: 5_099) == nil)
        #expect(plan.tick(now: 5_100) == .switchOver)
    }

    @Test("an old shard that is away from the beginning is waited for, too")
    func awayFromTheBeginning() {
        var plan = Self.plan(outgoing: [3])
        plan.incoming(0, isAway: false, now: 1_500)
        plan.incoming(1, isAway: false, now: 1_500)
        #expect(plan.tick(now: 1_500) == .watch)
        #expect(plan.tick(now: 9_000) == nil)
        plan.outgoing(3, isAway: false, now: 9_000)
        #expect(plan.tick(now: 9_100) == .switchOver)
    }

    @Test("after the switch a new shard that is away is waited for, an old one is not")
    func trailing() {
        var plan = Self.watching()
        #expect(plan.tick(now: 2_200) == .switchOver)
        plan.outgoing(7, isAway: true, now: 2_210)
        plan.incoming(0, isAway: true, now: 2_220)
        plan.switched(now: 2_230)
        #expect(plan.tick(now: 9_000) == nil)
        plan.incoming(0, isAway: false, now: 9_000)
        #expect(plan.tick(now: 9_100) == .finish)
    }
}
