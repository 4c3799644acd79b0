import Testing

@testable import GatewayProtocol

private let interval: UInt64 = 41_250 * millisecond

/// `HeartbeatSchedule` by itself (`gateway.md` §6).
@Suite struct SessionHeartbeatScheduleTests {
    private func schedule(seed: UInt64 = 1) -> HeartbeatSchedule {
        var random = SeededGenerator(seed: seed)
        return HeartbeatSchedule(interval: interval, now: 0, random: &random)
    }

    /// Beats at `time`, which must be due.
    private func beat(
        _ schedule: inout HeartbeatSchedule, at time: UInt64, policy: SessionSettings.ZombiePolicy = .grace,
        readPaused: Bool = false
    ) -> HeartbeatSchedule.Verdict {
        let verdict = schedule.due(now: time, policy: policy, readPaused: readPaused)
        if verdict == .beat { schedule.sent(now: time, scheduled: true) }
        return verdict
    }

    @Test func spreadsTheFirstBeatOverTheWholeInterval() {
        var random = SeededGenerator(seed: 3)
        for length in [1, 2, 1_000, interval] as [UInt64] {
            var firsts: [UInt64] = []
            for _ in 0..<2_000 {
                firsts.append(HeartbeatSchedule(interval: length, now: 900, random: &random).nextBeat)
            }
            #expect(firsts.allSatisfy { $0 >= 900 && $0 < 900 + length })
            if length >= 1_000 {
                for tenth in 0..<10 as Range<UInt64> {
                    let part = firsts.filter { ($0 - 900) * 10 / length == tenth }
                    #expect(part.count > 120 && part.count < 280, "tenth \(tenth)")
                }
            }
        }
        #expect(HeartbeatSchedule(interval: 0, now: 900, random: &random).nextBeat == 900)
    }

    @Test func beatsEveryIntervalFromTheFirstOn() {
        var schedule = schedule()
        let first = schedule.nextBeat
        #expect(beat(&schedule, at: first - 1) == .notDue)
        for turn in 0..<5 as Range<UInt64> {
            // A timer that comes late does not shift what follows.
            #expect(beat(&schedule, at: first + turn * interval + turn * millisecond) == .beat)
            #expect(schedule.nextBeat == first + (turn + 1) * interval)
            _ = schedule.acknowledged(now: schedule.nextBeat - 1)
        }
    }

    @Test func doesNotMakeUpForBeatsThatWereMissedAltogether() {
        var schedule = schedule()
        let late = schedule.nextBeat + 10 * interval + 5
        #expect(beat(&schedule, at: late) == .beat)
        #expect(schedule.nextBeat == late + interval)
        #expect(beat(&schedule, at: late + 1) == .notDue)
    }

    @Test func measuresFromTheOldestUnansweredBeat() {
        var schedule = schedule()
        #expect(schedule.acknowledged(now: 1) == nil)
        let first = schedule.nextBeat
        #expect(beat(&schedule, at: first) == .beat)
        schedule.sent(now: first + 5, scheduled: false)
        #expect(schedule.acknowledged(now: first + 30) == 30)
        // The answer to the second of the two: there is nothing left to measure.
        #expect(schedule.acknowledged(now: first + 31) == nil)
    }

    @Test func isDeadAtOnceWhenNothingWasReadSinceTheBeat() {
        var schedule = schedule()
        schedule.noteRead()
        #expect(beat(&schedule, at: schedule.nextBeat) == .beat)
        #expect(beat(&schedule, at: schedule.nextBeat) == .zombie)
    }

    @Test func givesOneIntervalOfGraceWhileDataFlows() {
        var schedule = schedule()
        for expected in [.beat, .beat, .zombie] as [HeartbeatSchedule.Verdict] {
            #expect(beat(&schedule, at: schedule.nextBeat) == expected)
            schedule.noteRead()
        }
    }

    @Test func needsDataInTheIntervalOfGraceItself() {
        var schedule = schedule()
        #expect(beat(&schedule, at: schedule.nextBeat) == .beat)
        schedule.noteRead()
        #expect(beat(&schedule, at: schedule.nextBeat) == .beat)
        #expect(beat(&schedule, at: schedule.nextBeat) == .zombie)
    }

    @Test func hasItsGraceBackAfterAnAnswer() {
        var schedule = schedule()
        for _ in 0..<3 {
            #expect(beat(&schedule, at: schedule.nextBeat) == .beat)
            schedule.noteRead()
            #expect(beat(&schedule, at: schedule.nextBeat) == .beat)
            schedule.noteRead()
            #expect(schedule.acknowledged(now: schedule.nextBeat - 1) != nil)
        }
    }

    @Test func hasNoGraceWhenStrict() {
        var schedule = schedule()
        #expect(beat(&schedule, at: schedule.nextBeat, policy: .strict) == .beat)
        schedule.noteRead()
        #expect(beat(&schedule, at: schedule.nextBeat, policy: .strict) == .zombie)
    }

    @Test(arguments: [SessionSettings.ZombiePolicy.grace, .strict])
    func judgesNobodyWhileNotReading(policy: SessionSettings.ZombiePolicy) {
        var schedule = schedule()
        #expect(beat(&schedule, at: schedule.nextBeat, policy: policy) == .beat)
        for _ in 0..<4 { #expect(beat(&schedule, at: schedule.nextBeat, policy: policy, readPaused: true) == .beat) }
        // Reading goes on, but the last beat went out while it did not.
        #expect(beat(&schedule, at: schedule.nextBeat, policy: policy) == .beat)
        #expect(beat(&schedule, at: schedule.nextBeat, policy: policy) == .zombie)
    }

    @Test func judgesNobodyForAPauseBetweenTwoBeats() {
        var schedule = schedule()
        #expect(beat(&schedule, at: schedule.nextBeat, policy: .strict) == .beat)
        schedule.noteReadPause()
        #expect(beat(&schedule, at: schedule.nextBeat, policy: .strict) == .beat)
        #expect(beat(&schedule, at: schedule.nextBeat, policy: .strict) == .zombie)
    }

    @Test func doesNotCountABeatThatWasAskedFor() {
        var schedule = schedule()
        schedule.sent(now: schedule.nextBeat - 1, scheduled: false)
        #expect(beat(&schedule, at: schedule.nextBeat, policy: .strict) == .beat)
        // Nor does it hide that the scheduled one is without an answer.
        schedule.sent(now: schedule.nextBeat - 1, scheduled: false)
        #expect(beat(&schedule, at: schedule.nextBeat, policy: .strict) == .zombie)
    }
}
