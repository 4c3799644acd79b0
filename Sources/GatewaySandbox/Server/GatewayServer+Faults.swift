import NIOCore

extension GatewayServer {
    // MARK: Orders

    /// Carries out an order, now or when its time comes. The number of connections hit at once.
    @discardableResult
    func place(_ order: FaultOrder) -> Int {
        if let after = order.after {
            loop.scheduleTask(in: .nanoseconds(Int64(clamping: after.nanoseconds))) {
                var later = order
                later.after = nil
                self.place(later)
            }
            return 0
        }
        if let every = order.every {
            let remaining = order.times.map { $0 - 1 }
            if remaining.map({ $0 > 0 }) ?? true {
                var next = order
                next.after = every
                next.times = remaining
                place(next)
            }
        }
        if order.fault == .refuse {
            note(.fault(order.fault.name))
            armed.append((nextFault, order))
            nextFault += 1
            listeners?.close(order.endpoint)
            return 0
        }
        if case .hugeReady(let bytes) = order.fault { state.readyPadding = bytes }
        guard order.moment == .now else {
            var waiting = order
            // What is repeated on a schedule waits for one occasion at a time.
            if order.every != nil { waiting.times = 1 }
            armed.append((nextFault, waiting))
            nextFault += 1
            return 0
        }
        let hit = connections.values.filter { matches(order, $0) && $0.logic != nil }.sorted { $0.id < $1.id }
        for connection in hit { connection.apply(order.fault) }
        return hit.count
    }

    /// Ends all faults that wait or last, on open connections too.
    func clearFaults() {
        armed.removeAll()
        state.readyPadding = configuration.readyPadding
        for connection in connections.values { connection.clearFaults() }
    }

    private func matches(_ order: FaultOrder, _ connection: GatewayConnection) -> Bool {
        if let endpoint = order.endpoint, endpoint != connection.endpoint { return false }
        guard let shard = order.shard else { return true }
        let session = connection.logic?.session.flatMap { state.sessions[$0] }
        return (session.map { Int($0.shard) } ?? connection.lastShard) == shard
    }

    // MARK: Moments

    /// Whether any fault waits for this moment.
    func awaits(_ moment: Moment) -> Bool { armed.contains { $0.order.moment == moment } }

    /// Whether a fault will stand in for the answer that is due.
    func willReplace(_ moment: Moment, _ connection: GatewayConnection) -> Bool {
        armed.contains { $0.order.moment == moment && $0.order.fault.replacesAnswer && matches($0.order, connection) }
    }

    /// The faults that are due, each counted.
    func due(_ moment: Moment, _ connection: GatewayConnection) -> [Fault] {
        guard !armed.isEmpty else { return [] }
        var due: [Fault] = []
        for index in armed.indices where armed[index].order.moment == moment && matches(armed[index].order, connection)
        {
            if let times = armed[index].order.times {
                guard times > 0 else { continue }
                armed[index].order.times = times - 1
            }
            due.append(armed[index].order.fault)
        }
        armed.removeAll { $0.order.times == 0 }
        return due
    }

    /// Applies the faults that are due; true when one stands in for the answer.
    func strike(_ moment: Moment, _ connection: GatewayConnection) -> Bool {
        var replaces = false
        for fault in due(moment, connection) {
            connection.apply(fault)
            replaces = replaces || fault.replacesAnswer
        }
        return replaces
    }
}

extension GatewayConnection {
    /// Does it, and says so in the journal.
    func apply(_ fault: Fault) {
        server.note(.fault(fault.name), connection: self)
        switch fault {
        case .drop(let reset): end(reset: reset)
        case .halfOpen: freeze()
        case .stopReading: channel.setOption(.autoRead, value: false).whenFailure { _ in }
        case .close(let code, let reason): close(code: code, reason: reason)
        case .silence, .refuse, .acceptThenHang, .certificate, .answerUpgrade, .wrongAcceptKey, .answerREST, .hugeReady:
            break
        case .reconnect:
            send("{\"t\":null,\"s\":null,\"op\":7,\"d\":null}")
            server.note(.reconnectSent, connection: self)
        case .invalidSession(let resumable):
            let session = logic?.session
            invalidSession(resumable: resumable)
            if !resumable, let session { server.endSession(session) }
        case .requestHeartbeat: send("{\"t\":null,\"s\":null,\"op\":1,\"d\":null}")
        case .acknowledge(let acknowledges):
            self.acknowledges = acknowledges
            if acknowledges { ackDelay = .zero }
        case .delayAcks(let delay): ackDelay = delay
        case .forgetSession: if let session = logic?.session { server.endSession(session) }
        case .delay(let delay): writer.delay = .nanoseconds(Int64(clamping: delay.nanoseconds))
        case .split(let bytes): writer.splitBytes = max(0, bytes)
        case .fragment(let bytes): writer.fragmentBytes = max(0, bytes)
        case .drip(let bytes, let pause):
            writer.dripBytes = max(0, bytes)
            writer.dripPause = .nanoseconds(Int64(clamping: pause.nanoseconds))
        case .frame(let frame):
            writer.write(frame)
            writer.flush()
        case .raw(let bytes):
            writer.write(bytes)
            writer.flush()
        case .rawTCP(let bytes): socketTap.send(ByteBuffer(bytes: bytes))
        case .corruptCompression:
            let (bytes, isBinary) = writer.codec.corruptMessage
            writer.frame(bytes, isBinary: isBinary)
            writer.flush()
        case .corruptJSON: send("{\"t\":\"MESSAGE_CREATE\",\"s\":,\"op\":0,\"d\":{\"content\":\"cut")
        case .unknownOpcode: send("{\"t\":null,\"s\":null,\"op\":99,\"d\":{\"op\":7}}")
        case .bomb(let megabytes):
            var message: [UInt8] = []
            let isBinary = writer.codec.encodeBomb(megabytes: max(0, megabytes), into: &message)
            writer.frame(message, isBinary: isBinary)
            writer.flush()
        case .duplicateDispatch, .unknownEvent, .oddDispatches, .reorderedDispatch, .hugeDispatch, .sequenceGap:
            applyToSession(fault)
        }
    }

    /// The faults that are dispatches.
    private func applyToSession(_ fault: Fault) {
        guard let id = logic?.session, let session = server.state.sessions[id] else { return }
        func append(_ event: SessionEvent) { server.state.sessions[id]?.replay.append(event) }
        switch fault {
        case .duplicateDispatch:
            // The newest one the peer has been sent.
            guard cursor > 1, let event = session.replay[cursor - 1] else { return }
            var text: [UInt8] = []
            event.render(sequence: cursor - 1, catalogue: server.catalogue, into: &text)
            writer.send(text)
            writer.flush()
        case .unknownEvent: append(.event("SANDBOX_UNKNOWN_EVENT", "{\"sandbox\":true}"))
        case .oddDispatches:
            append(.event("SANDBOX_ARRAY", "[1,{\"op\":7},[]]"))
            append(.event("SANDBOX_NULL", "null"))
            append(.event("SANDBOX_STRING", "\"}]{[ \\\" \\u0022 \""))
            append(.event("SANDBOX_NUMBER", "-1.5e3"))
            pump()
            send("{\"t\":\"SANDBOX_NO_SEQUENCE\",\"op\":0,\"d\":{}}")
        case .reorderedDispatch:
            let before = """
                {  "d" : {"op":7,"t":"READY","s":999999,"d":{"op":9},"x":["\\"op\\":7", "}", {"s":1}]} ,
                \t"extra":{"op":1},"op" :\t0 , "s":
                """
            append(
                .text(
                    before: Array(before.utf8), after: Array(" , \"t\" : \"SANDBOX_REORDERED\" } ".utf8),
                    isResumed: false))
        case .hugeDispatch(let bytes):
            append(.event("SANDBOX_HUGE", "{\"padding\":\"\(String(repeating: "h", count: max(0, bytes)))\"}"))
        case .sequenceGap(let count):
            pump()
            server.state.sessions[id]?.replay.skip(UInt64(max(0, count)))
            if let last = server.state.sessions[id]?.sequence { cursor = last + 1 }
        default: break
        }
        pump()
    }

    /// Back to normal, as far as the connection can still be used.
    func clearFaults() {
        acknowledges = true
        ackDelay = .zero
        writer.delay = .zero
        writer.splitBytes = 0
        writer.fragmentBytes = 0
        writer.dripBytes = 0
        if !socketTap.isFrozen { channel.setOption(.autoRead, value: true).whenFailure { _ in } }
    }
}
