/// What a session sends, and when it may (`gateway.md` §§6, 12).
extension ShardSession {
    /// Queues a command payload; it is sent once the session is live and the send window lets it through. Commands
    /// survive reconnects. Throws `payloadTooLarge`, `queueFull` or `invalidState`.
    package mutating func enqueue(
        _ payload: [UInt8], now: UInt64, _ actions: inout [SessionAction]
    ) throws(GatewayError) {
        guard payload.count <= CommandQueue.payloadLimit else {
            throw GatewayError(
                .payloadTooLarge,
                "the command has \(payload.count) bytes; the gateway takes \(CommandQueue.payloadLimit) at most")
        }
        if phase == .stopped || phase == .fatal {
            throw GatewayError(.invalidState, "the shard has stopped and sends nothing any more")
        }
        guard commands.count < settings.commandLimit else {
            throw GatewayError(.queueFull, "\(settings.commandLimit) commands are waiting to be sent already")
        }
        commands.append(payload)
        sendCommands(now: now, &actions)
    }

    /// Gives the commands that wait to another session.
    package mutating func takeCommands() -> [[UInt8]] {
        var taken: [[UInt8]] = []
        while let command = commands.popFirst() { taken.append(command) }
        return taken
    }

    /// The identify queue lets this shard through. Returns whether the permit was used.
    package mutating func identifyGranted(now: UInt64, _ actions: inout [SessionAction]) -> Bool {
        guard phase == .awaitingIdentify else { return false }
        counters.identifies += 1
        sequence = 0
        enter(.identifying, &actions)
        sends.record(heartbeat: false, now: now)
        actions.append(.send(.identify))
        return true
    }

    mutating func beat(scheduled: Bool, now: UInt64, _ actions: inout [SessionAction]) {
        switch phase {
        case .awaitingHello, .awaitingIdentify, .identifying, .resuming, .active: break
        default: return
        }
        counters.heartbeatsSent += 1
        heartbeat?.sent(now: now, scheduled: scheduled)
        sends.record(heartbeat: true, now: now)
        actions.append(.send(.heartbeat(sequence: sequence == 0 ? nil : sequence)))
    }

    mutating func sendCommands(now: UInt64, _ actions: inout [SessionAction]) {
        guard case .active = phase else { return }
        while !commands.isEmpty, sends.permits(now: now) > 0, let command = commands.popFirst() {
            sends.record(heartbeat: false, now: now)
            actions.append(.send(.command(command)))
        }
    }
}
