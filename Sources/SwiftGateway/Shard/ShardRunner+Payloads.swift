import GatewayProtocol
import GatewayTransport

/// Payloads: out of their compression, read, and given to the session.
extension ShardRunner {
    func receive(_ payload: UnsafeRawBufferPointer, inflating inflater: Unmanaged<Inflater>) {
        let result = inflater._withUnsafeGuaranteedRef { inflater in
            scratch._withUnsafeGuaranteedRef { scratch in
                Result { () throws(InflateError) in try inflater.decompress(payload, into: scratch) }
            }
        }
        switch result {
        // What is compressed is no text to the websocket, and its UTF-8 the business of whoever reads it.
        case .success(let inflated?): receive(inflated, isChecked: true)
        case .success(nil): break
        case .failure(let error): protocolFailed("the compressed stream is broken: \(error.reason)")
        }
    }

    /// `isChecked`: not text, or text whose UTF-8 the websocket has checked.
    @inline(__always)
    func receive(_ bytes: UnsafeRawBufferPointer, isChecked: Bool) {
        cell.bytesInflated.addByOnlyWriter(UInt64(bytes.count))
        guard !engine.kinds.has(.payload), let usual = UsualDispatch(bytes, names: engine.names) else {
            return receiveUnusual(bytes, isChecked: isChecked)
        }
        if !isChecked, !usual.wide.isEmpty { guard isUTF8(usual.wide) else { return } }
        dispatch(usual.type, name: usual.name, sequence: usual.sequence, data: usual.data)
    }

    /// A payload of any kind.
    @inline(never)
    func receiveUnusual(_ bytes: UnsafeRawBufferPointer, isChecked: Bool) {
        guard isChecked || isUTF8(bytes) else { return }
        if engine.kinds.has(.payload), reshard?.isSilent != true {
            var event = EventView(kind: .payload, shardID: cell.id)
            event.data = bytes
            event.received = lastRead
            deliver(event, position: .none)
        }
        let envelope: Envelope
        do throws(EnvelopeError) {
            envelope = try Envelope.scan(bytes)
        } catch {
            protocolFailed("a payload is not a gateway payload: \(error.reason) at byte \(error.offset)")
            return
        }
        guard envelope.op == Opcode.dispatch.rawValue else { return control(envelope, bytes) }
        let data = UnsafeRawBufferPointer(rebasing: bytes[envelope.data])
        if envelope.nameHasEscapes {
            // The gateway writes no name with escapes, but may.
            envelope.decodedName(in: bytes).withUnsafeBytes {
                let type = EventType(wireName: $0)
                dispatch(type, name: type?.wireName ?? $0, sequence: envelope.sequence, data: data)
            }
        } else {
            let name = UnsafeRawBufferPointer(rebasing: bytes[envelope.name])
            let type = EventType(wireName: name)
            dispatch(type, name: type?.wireName ?? name, sequence: envelope.sequence, data: data)
        }
    }

    /// Text that the websocket left unchecked. When it is not UTF-8, the connection has failed (RFC 6455 §8.1).
    @inline(never)
    func isUTF8(_ text: UnsafeRawBufferPointer) -> Bool {
        var validator = UTF8Validator()
        if validator.consume(text), validator.isComplete { return true }
        webSocketBroken(WebSocketError(closeCode: 1007, reason: "text message is not UTF-8"))
        return false
    }

    /// `name` is static storage for a type that is known.
    @inline(__always)
    func dispatch(
        _ type: EventType?, name: UnsafeRawBufferPointer, sequence number: UInt64, data: UnsafeRawBufferPointer
    ) {
        let isNew =
            if type == .ready {
                beginSession(sequence: number, data)
            } else {
                session.dispatch(sequence: number, type: type, now: loop.now, &actions)
            }
        guard isNew else {
            // Rare, and counted: the count is published with the rest.
            perform()
            return
        }
        let sequence = session.sequence
        cell.received.store(sequence, ordering: .relaxed)
        cell.events.addByOnlyWriter(1)
        context.metrics.events.add(at: Int(type?.rawValue ?? 0))
        let position = DeliveredPosition(epoch: epoch, sequence: sequence)
        if engine.passes(type, name: name) {
            var event = EventView(kind: .dispatch, shardID: cell.id)
            event.type = type
            event.sequence = number
            event.data = data
            event.received = lastRead
            event.name = name
            if let reshard, !mayDeliver(event, position: position, through: reshard) {
                // Another shard's to deliver, or nobody's.
            } else if type != nil {
                deliver(event, position: position)
            } else {
                deliverUnknown(&event, name: name, position: position)
            }
        } else {
            skip(to: position)
        }
        if !actions.isEmpty { perform() }
    }

    /// READY: what the session is to be resumed with. Returns whether it is to be delivered.
    @inline(never)
    func beginSession(sequence: UInt64, _ data: UnsafeRawBufferPointer) -> Bool {
        guard session.listening else { return false }
        guard let id = JSONField.string(data, "/session_id"), !id.isEmpty,
            let url = JSONField.string(data, "/resume_gateway_url")
        else {
            protocolFailed("READY came without session_id or resume_gateway_url")
            return false
        }
        guard session.ready(sequence: sequence, sessionID: id, resumeURL: url, now: loop.now, &actions) else {
            return false
        }
        epoch = epoch == .max ? 1 : epoch + 1
        cell.snapshot.withLock {
            $0.identities.append((epoch, id, url))
            if $0.identities.count > 4 { $0.identities.removeFirst() }
        }
        return true
    }

    func control(_ envelope: Envelope, _ bytes: UnsafeRawBufferPointer) {
        let data = UnsafeRawBufferPointer(rebasing: bytes[envelope.data])
        let payload: ControlPayload
        switch Opcode(rawValue: envelope.op) {
        case .heartbeat: payload = .heartbeatRequest
        case .heartbeatAck: payload = .heartbeatAck
        case .reconnect: payload = .reconnect
        case .invalidSession: payload = .invalidSession(resumable: JSONField.bool(data, "") ?? false)
        case .hello:
            guard let interval = JSONField.uint64(data, "/heartbeat_interval") else {
                protocolFailed("HELLO came without a heartbeat interval")
                return
            }
            payload = .hello(milliseconds: interval)
        default:
            engine.log.write(.debug, shard: cell.id) { "ignored a payload with opcode \(envelope.op)" }
            return
        }
        session.control(payload, now: loop.now, &actions)
        perform()
    }

    func protocolFailed(_ reason: String) {
        session.protocolFailed(GatewayError(.protocolViolation, reason), closeCode: 4000, now: loop.now, &actions)
        perform()
    }
}
