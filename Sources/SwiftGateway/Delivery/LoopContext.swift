import GatewayTransport

/// What the shards of one event loop share. Loop thread only, but for what is set up before the loop starts.
final class LoopContext: @unchecked Sendable {
    let loop: EventLoop
    let scratch = InflateScratch()
    /// Nil for inline delivery.
    let queue: DeliveryQueue?
    /// Shards that stopped reading because the queue was full.
    private var paused: [ShardRunner] = []
    /// Shards with events that the filter left out since the last record of theirs.
    private var unmarked: [ShardRunner] = []

    init(loop: EventLoop, queue: DeliveryQueue?) {
        self.loop = loop
        self.queue = queue
        guard let queue else { return }
        queue.onRoom = { [unowned self] in resumePaused() }
        loop.endOfBatch = { [unowned self] in endBatch() }
    }

    func pause(_ runner: ShardRunner) { paused.append(runner) }

    func mark(_ runner: ShardRunner) { unmarked.append(runner) }

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
