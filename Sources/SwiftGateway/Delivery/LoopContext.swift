import GatewayTransport

/// What the shards of one event loop share. Loop thread only, but for what is set up before the loop starts.
final class LoopContext: @unchecked Sendable {
    let loop: EventLoop
    let scratch = InflateScratch()
    /// Nil for inline delivery.
    let queue: DeliveryQueue?
    let metrics = LoopMetrics()
    /// Handshakes under way, and shards that wait for one of them to end.
    private var handshakes = 0 {
        didSet { metrics.handshakes.store(handshakes, ordering: .relaxed) }
    }
    private var waiting: [ShardRunner] = [] {
        didSet { metrics.handshakesWaiting.store(waiting.count, ordering: .relaxed) }
    }
    /// When the first event that was delivered inline in this wakeup had been read; 0 before there is one.
    private var firstRead: UInt64 = 0
    private var lagSampler = LagSampler()
    /// Handshakes of one loop at once. A storm of reconnects goes through in turns of these: each holds some 40 KB while
    /// it lasts, and a thousand at once would leave as many holes in the heap (measured: 14 KB a shard).
    private let handshakeLimit: Int
    /// Shards that stopped reading because the queue was full.
    private var paused: [ShardRunner] = []
    /// Shards with events that the filter left out since the last record of theirs.
    private var unmarked: [ShardRunner] = []

    init(loop: EventLoop, queue: DeliveryQueue?, handshakeLimit: Int = 16) {
        self.loop = loop
        self.handshakeLimit = handshakeLimit
        self.queue = queue
        guard let queue else {
            loop.endOfBatch = { [unowned self] in sampleLag() }
            return
        }
        queue.onRoom = { [unowned self] in resumePaused() }
        loop.endOfBatch = { [unowned self] in endBatch() }
    }

    /// Is it the runner's turn to connect? If not, `connectNow` is called on it later.
    func beginHandshake(_ runner: ShardRunner) -> Bool {
        guard handshakes < handshakeLimit else {
            waiting.append(runner)
            return false
        }
        handshakes += 1
        return true
    }

    /// A handshake that had its turn is over, one way or another.
    func endHandshake() {
        handshakes -= 1
        guard !waiting.isEmpty, !resumesWaiting else { return }
        // From the loop, not from here: the caller is in the middle of something.
        resumesWaiting = true
        loop.post { [self] in
            resumesWaiting = false
            while handshakes < handshakeLimit, !waiting.isEmpty {
                handshakes += 1
                if !waiting.removeFirst().connectNow() { handshakes -= 1 }
            }
        }
    }

    private var resumesWaiting = false

    /// The runner does not want to connect any more.
    func cancelHandshake(_ runner: ShardRunner) { waiting.removeAll { $0 === runner } }

    /// An event that was read at `time` was delivered inline.
    @inline(__always)
    func noteInline(_ time: UInt64) { if firstRead == 0 { firstRead = time } }

    /// At the end of a wakeup.
    private func sampleLag() {
        guard firstRead != 0 else { return }
        if lagSampler.takes(firstRead) { metrics.lag.record(Clock.now() &- firstRead) }
        firstRead = 0
    }

    func pause(_ runner: ShardRunner) { paused.append(runner) }

    func mark(_ runner: ShardRunner) { unmarked.append(runner) }

    /// After the loop's end: shards that wait for something hold this, and nothing will come any more.
    func letGo() {
        paused = []
        unmarked = []
        waiting = []
    }

    private func resumePaused() {
        let runners = paused
        paused = []
        for runner in runners { runner.roomAgain() }
    }

    private func endBatch() {
        if !unmarked.isEmpty {
            unmarked.removeAll { $0.pushMark() }
        }
        queue?.flush()
    }
}
