import GatewayProtocol
import GatewayTransport

/// What the session decides, carried out.
extension ShardRunner {
    func perform() {
        guard !performing else { return }
        performing = true
        while !actions.isEmpty {
            var batch: [SessionAction] = []
            swap(&batch, &actions)
            for action in batch { carryOut(action) }
        }
        performing = false
        if let deadline = session.nextDeadline(now: loop.now) {
            loop.set(timer, at: deadline)
        } else {
            loop.clear(timer)
        }
        publish()
    }

    func carryOut(_ action: SessionAction) {
        switch action {
        case .connect(let target): connect(target)
        case .send(let outgoing):
            do throws(GatewayError) {
                let bytes = try payload(of: outgoing)
                cell.snapshot.withLock { $0.bytesSent += UInt64(bytes.count) }
                socket?.sendText(bytes)
                if outgoing == .identify {
                    // The interval of the identify queue counts from here.
                    turn?.sent()
                    turn = nil
                }
            } catch {
                if outgoing == .identify { giveUpTurn() }
                session.fail(error, now: loop.now, &actions)
            }
        case .close(let code, let reason):
            engine.log.write(.debug, shard: cell.id) { "closing with \(code): \(reason)" }
            socket?.sendClose(code: code, reason: reason)
        case .drop(let code):
            // The connect timeout.
            if session.state == .backoff { noteFailedToConnect() }
            leaveSocket(code: code)
        case .requestIdentify: requestIdentify()
        case .cancelIdentify: giveUpTurn()
        case .report(let report): tell(report)
        }
    }

    func payload(of outgoing: SessionAction.Outgoing) throws(GatewayError) -> [UInt8] {
        switch outgoing {
        case .heartbeat(let sequence): return Payload.heartbeat(sequence: sequence)
        case .identify: return try engine.configuration.identify(shard: cell.id, total: cell.total, presence: presence)
        case .resume(let id, let sequence):
            return Payload.resume(token: engine.configuration.bareToken, sessionID: id, sequence: sequence)
        case .command(let bytes):
            cell.commands.wrappingSubtract(1, ordering: .relaxed)
            return bytes
        }
    }

    func requestIdentify() {
        giveUpTurn()
        turn = engine.identifies.request(shard: cell.id, total: cell.total, loop: loop) { [weak self] in
            self?.identifyGranted()
        }
    }

    /// The turn is over without an IDENTIFY.
    func giveUpTurn() {
        turn?.cancel()
        turn = nil
    }

    func identifyGranted() {
        if !session.identifyGranted(now: loop.now, &actions) { giveUpTurn() }
        perform()
    }

    func publish() {
        let resumable = session.resumableSession
        cell.snapshot.withLock { snapshot in
            snapshot.state = session.state
            snapshot.counters = session.counters
            snapshot.latency = session.latency
            snapshot.sends = session.sends
            snapshot.heartbeatInterval = session.heartbeatInterval
            snapshot.inflaterBytes = inflater?._withUnsafeGuaranteedRef { $0.heldBytes } ?? 0
            snapshot.resumable = resumable
            if resumable == nil { snapshot.identities = [] }
        }
    }
}
