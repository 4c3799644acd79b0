import GatewayProtocol
import GatewayTransport

/// What goes to the handler, and when there is no room for it.
extension ShardRunner {
    // MARK: Events

    @inline(__always)
    func deliver(_ event: EventView, position: DeliveredPosition) {
        if let queue {
            queue._withUnsafeGuaranteedRef { $0.push(event, position: position, cell: cell) }
        } else {
            engine.receiver._withUnsafeGuaranteedRef { $0.receive(event) }
            context.noteInline(event.received)
            if position != .none {
                cell.noteDelivered(position)
                cell.eventsDelivered.addByOnlyWriter(1)
            }
        }
    }

    /// A name that is not in the table is delivered as it stands, with a NUL behind it.
    func deliverUnknown(
        _ event: inout EventView, name: UnsafeRawBufferPointer, position: DeliveredPosition
    ) {
        withUnsafeTemporaryAllocation(byteCount: name.count + 1, alignment: 1) { copy in
            copy.copyMemory(from: name)
            copy[name.count] = 0
            event.name = UnsafeRawBufferPointer(rebasing: copy[..<name.count])
            deliver(event, position: position)
        }
    }

    /// An event that the filter leaves out counts as delivered once everything before it is.
    @inline(__always)
    func skip(to position: DeliveredPosition) {
        if context.queue == nil {
            cell.noteDelivered(position)
        } else if !markPending {
            markPending = true
            context.mark(self)
        }
    }

    /// Returns whether the queue took it.
    func pushMark() -> Bool {
        guard let queue = context.queue, markPending else { return true }
        let position = DeliveredPosition(epoch: epoch, sequence: session.sequence)
        guard queue.pushPosition(position, cell: cell) else { return false }
        markPending = false
        if session.state == .stopped || session.state == .fatal { settle() }
        return true
    }

    /// The shard has ended: everything of it that is to be delivered is in the queue, or will be with its last mark.
    func settle() {
        guard let queue = context.queue else { return cell.settledAt.store(0, ordering: .releasing) }
        if markPending, !pushMark() { return }
        cell.settledAt.store(queue.end, ordering: .releasing)
    }

    /// Whether the shard has ended and everything of it is delivered. Any thread.
    var isSettled: Bool {
        let position = cell.settledAt.load(ordering: .acquiring)
        return position >= 0 && (context.queue?.hasDelivered(position) ?? true)
    }

    func tell(_ report: SessionReport) {
        var event = EventView(kind: .state, shardID: cell.id)
        event.state = session.state
        event.received = loop.now
        switch report {
        case .state(let state, let code, let delay):
            event.state = state
            event.code = code
            event.value = delay
            engine.log.write(.info, shard: cell.id) { "\(state)" }
            deliverIfWanted(event, text: "")
            if state == .backoff || state == .stopped || state == .fatal { setInflater(nil) }
            if state == .stopped || state == .fatal {
                settle()
                cell.hasEnded.store(true, ordering: .releasing)
            } else if cell.hasEnded.exchange(false, ordering: .relaxed) {
                cell.settledAt.store(-1, ordering: .relaxed)
            }
            // Who is woken by it must not see the state before.
            publish()
            engine.stateChanged(cell, to: state)
        case .closed(let code, let reason, let next):
            event.kind = .closed
            cell.snapshot.withLock {
                $0.closes[code, default: 0] += 1
                $0.lastClose = code
            }
            event.code = UInt32(code)
            event.state = next
            engine.log.write(.info, shard: cell.id) { "closed with \(code): \(reason)" }
            deliverIfWanted(event, text: reason)
        case .latency(let roundTrip):
            event.kind = .latency
            event.value = roundTrip
            context.metrics.heartbeats.record(roundTrip)
            deliverIfWanted(event, text: "")
        case .error(let error):
            event.kind = .error
            event.status = error.status
            cell.snapshot.withLock { $0.errors += 1 }
            engine.log.write(session.state == .fatal ? .error : .warning, shard: cell.id) { error.message }
            deliverIfWanted(event, text: error.message)
            if session.state == .fatal { engine.shardFailed(cell, error) }
        }
    }

    /// Tells where the shard is, though nothing changed.
    func tellState(_ state: ShardState) {
        var event = EventView(kind: .state, shardID: cell.id)
        event.state = state
        event.received = loop.now
        deliverIfWanted(event, text: "")
    }

    func deliverIfWanted(_ event: EventView, text: String) {
        guard engine.kinds.has(event.kind), event.kind == .error || reshard?.isSilent != true else { return }
        var event = event
        var text = text
        text.withUTF8 {
            event.data = UnsafeRawBufferPointer($0)
            deliver(event, position: .none)
        }
    }

    // MARK: Room in the queue

    var mayReceive: Bool { hasRoom }

    @inline(__always)
    var hasRoom: Bool {
        guard let queue, paused || !queue._withUnsafeGuaranteedRef({ $0.hasRoom }) else { return true }
        return makesRoom()
    }

    @inline(never)
    func makesRoom() -> Bool {
        if flushBacklog(), context.queue?.hasRoom ?? true { return true }
        pauseReading()
        return false
    }

    /// Until the delivery queue has room.
    func pauseReading() {
        guard !paused else { return }
        paused = true
        reshard?.reading(isPaused: true)
        session.setReadPaused(true)
        context.pause(self)
    }

    /// The delivery queue has room again.
    func roomAgain() {
        guard paused else { return }
        guard flushBacklog() else { return context.pause(self) }
        paused = false
        reshard?.reading(isPaused: false)
        session.setReadPaused(false)
        socket?.resumeReading()
        perform()
    }
}
