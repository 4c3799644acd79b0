import CLinux
import GatewayProtocol
import GatewayTransport
import Synchronization
import Testing

@testable import SwiftGateway

/// An event as the handler saw it, copied.
struct SeenEvent: Equatable, Sendable {
    var kind: EventKind
    var shard: UInt32
    var type: EventType?
    var name: [UInt8]
    var data: [UInt8]
    var sequence: UInt64
    var state: ShardState
    var code: UInt32
    var status: Status
    var value: UInt64
    var received: UInt64
    var nameEndsWithNUL: Bool

    init(_ event: EventView) {
        kind = event.kind
        shard = event.shardID
        type = event.type
        name = Array(event.name)
        data = Array(event.data)
        sequence = event.sequence
        state = event.state
        code = event.code
        status = event.status
        value = event.value
        received = event.received
        nameEndsWithNUL =
            event.name.baseAddress.map { $0.load(fromByteOffset: event.name.count, as: UInt8.self) == 0 } ?? true
    }
}

/// A queue with a handler that notes what it is given, and that stops at a gate when told to. The test's own thread is
/// the producer; `onRoom` comes on the loop's.
final class DeliveryRig {
    struct Recorder: Sendable {
        var seen: [SeenEvent] = []
        /// How many events each returned call had.
        var batches: [Int] = []
        /// Handler calls that may still return; nil for all.
        var permits: Int?
        var entered = 0
    }

    let loop: EventLoop
    let queue: DeliveryQueue
    let recorder: Monitor<Recorder>
    let rooms = Monitor(0)
    let cell = ShardCell(id: 3, total: 8)
    let other = ShardCell(id: 5, total: 8)

    /// `permits`: how many handler calls may return before `allow`. `keeping`: whether events are noted. `handles`: how
    /// many events of a batch the handler handles.
    init(
        capacity: Int = DeliveryQueue.minimumCapacity, permits: Int? = nil, started: Bool = true,
        keeping: Bool = true, batches: Bool = false, handles: Int = .max,
        onEvent: @escaping @Sendable (EventView) -> Void = { _ in }
    ) throws {
        let recorder = Monitor(Recorder(permits: permits))
        self.recorder = recorder
        loop = try EventLoop()
        // One call of the handler, with one event or a batch of them.
        let handle: @Sendable ([SeenEvent]) -> Void = { seen in
            recorder.update { $0.entered += 1 }
            _ = recorder.wait(until: nil) { recorder -> Bool? in
                guard recorder.permits != 0 else { return nil }
                if let permits = recorder.permits { recorder.permits = permits - 1 }
                return true
            }
            recorder.update {
                $0.seen += seen
                $0.batches.append(seen.count)
            }
        }
        let sink: EventSink =
            if batches {
                .batches { batch in
                    handle(
                        batch.map {
                            onEvent($0)
                            return SeenEvent($0)
                        })
                    return min(handles, batch.count)
                }
            } else {
                .each(
                    HandlerReceiver { event in
                        onEvent(event)
                        handle(keeping ? [SeenEvent(event)] : [])
                    })
            }
        queue = DeliveryQueue(capacity: capacity, loop: loop, sink: sink)
        let rooms = rooms
        queue.onRoom = { rooms.update { $0 += 1 } }
        try loop.start(name: "test-loop")
        if started { try queue.start(name: "test-delivery") }
    }

    deinit {
        allow(nil)
        _ = queue.drain(until: nil)
        loop.stop()
    }

    /// Lets that many more handler calls return; nil for all from now on.
    func allow(_ count: Int?) {
        recorder.update { recorder in
            if let count { recorder.permits = (recorder.permits ?? 0) + count } else { recorder.permits = nil }
        }
    }

    func push(
        _ sequence: UInt64, _ payload: [UInt8] = [], kind: EventKind = .dispatch, name: [UInt8]? = nil,
        from cell: ShardCell? = nil
    ) {
        let cell = cell ?? self.cell
        var event = EventView(kind: kind, shardID: cell.id)
        event.sequence = sequence
        let position = kind == .dispatch ? DeliveredPosition(epoch: 1, sequence: sequence) : .none
        payload.withUnsafeBytes { data in
            event.data = data
            if let name {
                (name + [0]).withUnsafeBytes {
                    event.name = UnsafeRawBufferPointer(rebasing: $0[..<name.count])
                    queue.push(event, position: position, cell: cell)
                }
            } else {
                if kind == .dispatch {
                    event.type = .messageCreate
                    event.name = EventType.messageCreate.wireName
                }
                queue.push(event, position: position, cell: cell)
            }
        }
    }

    /// Waits until that many events were noted.
    func waitSeen(_ count: Int) -> [SeenEvent] {
        queue.flush()
        let seen = recorder.wait(until: patience()) { $0.seen.count >= count ? $0.seen : nil }
        return seen ?? recorder.withLock { $0.seen }
    }

    /// Waits until the handler has been called that often, whether it returned or not.
    func waitEntered(_ count: Int) -> Bool {
        queue.flush()
        return recorder.wait(until: patience()) { $0.entered >= count ? true : nil } ?? false
    }

    /// Waits until there is room. Returns false when the word of it never comes.
    func waitForRoom() -> Bool {
        let before = rooms.withLock { $0 }
        if queue.hasRoom { return true }
        queue.flush()
        return rooms.wait(until: patience()) { $0 > before ? true : nil } ?? false
    }

    var delivered: DeliveredPosition { DeliveredPosition(raw: cell.delivered.load(ordering: .acquiring)) }

    /// Drains with a deadline that has passed; the handler's call that is under way may return only after that.
    func drainTooLate() throws -> Bool {
        let helper = try EngineThread(name: "test-release") { [recorder, queue] in
            while !queue.abandoned.load(ordering: .relaxed) { sched_yield() }
            recorder.update { $0.permits = nil }
        }
        let drained = queue.drain(until: Clock.now())
        helper.join()
        return drained
    }

    /// Bytes that a record without a payload takes.
    static func recordSize() throws -> Int {
        let rig = try DeliveryRig(permits: 0)
        rig.push(1)
        return rig.queue.depth
    }
}
