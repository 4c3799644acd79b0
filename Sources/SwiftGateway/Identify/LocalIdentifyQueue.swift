import GatewayProtocol
import GatewayTransport

/// The queue that the engine uses by default, for the shards of one process: one IDENTIFY per interval and rate-limit
/// key, counted from when it was sent; in the order of asking; and a shard that gives up costs nobody anything.
///
/// Make one yourself to let several clusters of one process share it: those of one token must.
public final class LocalIdentifyQueue: IdentifyQueueing, AlarmClient {
    private struct State {
        var queue: IdentifyQueue
        /// The permit of each shard id that waits or is granted.
        var current: [UInt32: IdentifyPermit] = [:]
        /// Further permits for the same shard id, such as those of a cluster with another total.
        var later: [UInt32: [IdentifyPermit]] = [:]
    }

    private let state: Lock<State>
    private let alarm: any Alarm

    /// `maxConcurrency`: as `/gateway/bot` says (`GatewayBot.fetch`); at least 1. `intervalMilliseconds`: default 5000
    /// (`gateway.md` §16), to which 100 ms are added against the jitter of the network (practice); 0 does not space.
    public convenience init(maxConcurrency: UInt32, intervalMilliseconds: UInt32 = 5_000) {
        self.init(
            maxConcurrency: maxConcurrency, interval: UInt64(intervalMilliseconds) * 1_000_000, alarm: ThreadAlarm())
    }

    /// `interval` in nanoseconds.
    init(maxConcurrency: UInt32, interval: UInt64, alarm: any Alarm) {
        let queue =
            interval == 0
            ? IdentifyQueue(maxConcurrency: maxConcurrency, interval: 0, margin: 0)
            : IdentifyQueue(maxConcurrency: maxConcurrency, interval: interval)
        state = Lock(State(queue: queue))
        self.alarm = alarm
        alarm.serve(self)
    }

    public func request(_ permit: IdentifyPermit) {
        state.withLock { state in
            if state.current[permit.shardID] == nil {
                state.current[permit.shardID] = permit
                state.queue.request(permit.shardID, now: Clock.now())
            } else {
                state.later[permit.shardID, default: []].append(permit)
            }
        }
        ring()
    }

    public func cancel(_ permit: IdentifyPermit) {
        state.withLock { state in
            let id = permit.shardID
            guard state.current[id]?.number == permit.number else {
                state.later[id]?.removeAll { $0.number == permit.number }
                return
            }
            state.queue.cancel(id)
            Self.bringForward(id, &state)
        }
        ring()
    }

    public func sent(_ permit: IdentifyPermit) {
        state.withLock { state in
            guard state.current[permit.shardID]?.number == permit.number else { return }
            state.queue.sent(permit.shardID, now: Clock.now())
            Self.bringForward(permit.shardID, &state)
        }
        ring()
    }

    /// The next permit of a shard id takes the place of the one that is done.
    private static func bringForward(_ id: UInt32, _ state: inout State) {
        state.current[id] = nil
        guard var later = state.later.removeValue(forKey: id), !later.isEmpty else { return }
        state.current[id] = later.removeFirst()
        if !later.isEmpty { state.later[id] = later }
        state.queue.request(id, now: Clock.now())
    }

    // MARK: Time

    var nextDeadline: UInt64? { state.withLock { $0.queue.nextDeadline } }

    func ring() {
        let granted = state.withLock { state in
            state.queue.poll(now: Clock.now()).compactMap { state.current[$0] }
        }
        for permit in granted {
            // One that was cancelled this moment: its `cancel` is on the way and gives the turn to the next.
            do throws(GatewayError) { try permit.grant() } catch {}
        }
        alarm.reconsider()
    }
}
