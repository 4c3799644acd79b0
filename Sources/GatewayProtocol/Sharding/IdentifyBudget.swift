/// What is left of the identifies that a bot may send in a day (`session_start_limit`, `gateway.md` §2), and whose turn
/// may go on to the identify queue: never more than are left, as the gateway resets the token of a bot that sends more
/// (`gateway.md` §7).
///
/// Who wants to identify asks with `request` and reports `sent` or gives up with `cancel`. What the API said grows old:
/// once the reset has come, or after `Settings.maximumAge`, the next request is held until the API was asked again
/// (`Action.ask`, `answered`). Times are nanoseconds of one monotonic clock.
package struct IdentifyBudget: Sendable {
    /// What the API says.
    package struct Limit: Sendable, Equatable {
        /// Identifies left until the reset.
        package var remaining: UInt32
        /// Identifies per period.
        package var total: UInt32
        /// When `remaining` goes back to `total`.
        package var resetAt: UInt64

        package init(remaining: UInt32, total: UInt32, resetAt: UInt64) {
            self.remaining = remaining
            self.total = total
            self.resetAt = resetAt
        }
    }

    package struct Settings: Sendable {
        /// An older answer is asked for again before the next identify: other processes of the bot identify too. Default
        /// one hour (practice).
        package var maximumAge: UInt64 = 3_600_000_000_000
        /// The least time between an answer and the next question, should the API name a reset that has passed. Default
        /// 1 s (practice).
        package var leastPause: UInt64 = 1_000_000_000
        /// How often the API is asked in vain before the engine goes on with what it knows itself. Default 3 (practice).
        package var attempts = 3
        /// The period of the limit: 24 h (`gateway.md` §7).
        package var period: UInt64 = 24 * 3_600 * 1_000_000_000

        package init() {}
    }

    /// Why nobody identifies for now.
    package struct Stop: Sendable, Equatable {
        package var remaining: UInt32
        package var total: UInt32
        /// Who wanted to start when fewer were left than that; nil when the last one is taken.
        package var needed: Int?
        package var waiting: Int
        package var until: UInt64
    }

    package enum Action: Sendable, Equatable {
        /// The request may go on to the queue.
        case pass(UInt64)
        /// The API is to be asked; `answered` must follow.
        case ask
        /// Told once for each answer.
        case tell(Stop)
    }

    package let settings: Settings
    /// Nil when nothing is known of a limit: everything passes then.
    package private(set) var limit: Limit?
    private var askedAt: UInt64
    private var isAsking = false
    private var sentWhileAsking: UInt32 = 0
    private var failures = 0
    /// When to ask again after a failure.
    private var retryAt: UInt64 = 0
    /// More than were left wanted to start: all of them wait until `startAt`, instead of using up what is left
    /// (`gateway.md` §2).
    private var needed: Int
    private var startAt: UInt64 = 0
    private var hasTold = false
    /// In the order of asking, from `head` on; those who gave up stay until they come up.
    private var line: [UInt64] = []
    private var head = 0
    private var held: Set<UInt64> = []
    private var passed: Set<UInt64> = []

    /// `needed`: how many shards have to identify at the start.
    package init(limit: Limit? = nil, needed: Int = 0, now: UInt64 = 0, settings: Settings = Settings()) {
        self.limit = limit
        self.needed = needed
        self.settings = settings
        askedAt = now
        startAt = resetAt
    }

    /// How many wait for the budget.
    package var waitingCount: Int { held.count }

    /// How many were let through and have neither sent nor given up.
    package var passedCount: Int { passed.count }

    // MARK: Inputs

    package mutating func request(_ id: UInt64, now: UInt64) -> [Action] {
        guard !passed.contains(id), held.insert(id).inserted else { return [] }
        compact()
        line.append(id)
        return next(now)
    }

    /// Gives up; free of cost.
    package mutating func cancel(_ id: UInt64, now: UInt64) -> [Action] {
        held.remove(id)
        passed.remove(id)
        return next(now)
    }

    /// An IDENTIFY was sent.
    package mutating func sent(_ id: UInt64, now: UInt64) -> [Action] {
        held.remove(id)
        passed.remove(id)
        if isAsking { sentWhileAsking += 1 }
        if let left = limit?.remaining { limit?.remaining = left > 0 ? left - 1 : 0 }
        return next(now)
    }

    /// What the API answered to `ask`; nil when it could not be asked, with the nanoseconds it wants to be left alone.
    package mutating func answered(_ answer: Limit?, retryAfter: UInt64 = 0, now: UInt64) -> [Action] {
        isAsking = false
        hasTold = false
        if var answer {
            // Whether the API counted these already nobody knows.
            answer.remaining -= min(answer.remaining, sentWhileAsking)
            limit = answer
            askedAt = now
            failures = 0
            return next(now)
        }
        failures += 1
        if failures < settings.attempts {
            let wait = max(settings.leastPause << UInt64(min(failures - 1, 16)), retryAfter)
            retryAt = saturating(now, wait)
        } else {
            // On with what is known: what was counted here, and after the reset the whole again.
            failures = 0
            askedAt = now
            if let old = limit, now >= old.resetAt {
                let periods = (now - old.resetAt) / settings.period + 1
                let (later, tooLarge) = periods.multipliedReportingOverflow(by: settings.period)
                limit = Limit(
                    remaining: old.total, total: old.total,
                    resetAt: tooLarge ? .max : saturating(old.resetAt, later))
            }
        }
        return next(now)
    }

    /// A deadline may have come.
    package mutating func poll(now: UInt64) -> [Action] { next(now) }

    /// When `poll` should be called next; nil while nothing depends on time.
    package var nextDeadline: UInt64? {
        guard limit != nil, !held.isEmpty, !isAsking else { return nil }
        return max(staleAt, retryAt)
    }

    // MARK: Decisions

    private var resetAt: UInt64 { max(limit?.resetAt ?? 0, saturating(askedAt, settings.leastPause)) }
    private var staleAt: UInt64 { min(resetAt, saturating(askedAt, settings.maximumAge)) }

    private mutating func next(_ now: UInt64) -> [Action] {
        guard let limit else { return passAll() }
        guard !held.isEmpty, !isAsking else { return [] }
        if now >= staleAt {
            guard now >= retryAt else { return [] }
            isAsking = true
            sentWhileAsking = 0
            retryAt = 0
            return [.ask]
        }
        if needed > 0, Int(limit.remaining) >= needed || now >= startAt { needed = 0 }
        var actions: [Action] = []
        if needed == 0 {
            while limit.remaining > UInt32(clamping: passed.count), let id = takeFirst() {
                passed.insert(id)
                actions.append(.pass(id))
            }
        }
        if !held.isEmpty, !hasTold {
            hasTold = true
            actions.append(
                .tell(
                    Stop(
                        remaining: limit.remaining, total: limit.total, needed: needed > 0 ? needed : nil,
                        waiting: held.count, until: resetAt)))
        }
        return actions
    }

    private mutating func passAll() -> [Action] {
        var actions: [Action] = []
        while let id = takeFirst() {
            passed.insert(id)
            actions.append(.pass(id))
        }
        return actions
    }

    private mutating func takeFirst() -> UInt64? {
        while head < line.count {
            let id = line[head]
            head += 1
            if head == line.count {
                line.removeAll(keepingCapacity: false)
                head = 0
            }
            if held.remove(id) != nil { return id }
        }
        return nil
    }

    /// Drops who gave up once they are the larger part.
    private mutating func compact() {
        guard line.count > 2 * held.count + 16 else { return }
        line = line[head...].filter { held.contains($0) }
        head = 0
    }

    private func saturating(_ time: UInt64, _ duration: UInt64) -> UInt64 {
        let (sum, overflow) = time.addingReportingOverflow(duration)
        return overflow ? .max : sum
    }
}
