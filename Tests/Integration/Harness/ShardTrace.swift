import Foundation
import GatewayProtocol
import SwiftGateway

/// The strict check of one shard's dispatches: one READY of each session, every sequence of it once, rising, without a
/// gap; and the running number that the sandbox writes into each streamed MESSAGE_CREATE likewise.
struct ShardTrace: Sendable {
    private(set) var dispatches = 0
    /// The newest sequence of the running session.
    private(set) var sequence: UInt64 = 0
    /// The newest running number of the running session.
    private(set) var message: UInt64 = 0
    private(set) var readies = 0
    /// The session that the newest READY began.
    private var session: String?
    private(set) var resumes = 0
    private(set) var state = ShardState.idle
    /// What was lost, came twice or came out of order; the first few.
    private(set) var violations: [String] = []

    /// A shard that goes on where another process stopped.
    init(sequence: UInt64 = 0, message: UInt64 = 0) {
        self.sequence = sequence
        self.message = message
    }

    mutating func take(_ event: EventView) {
        switch event.kind {
        case .state: state = event.state
        case .dispatch: dispatch(event)
        case .closed, .latency, .error, .payload: break
        }
    }

    private mutating func dispatch(_ event: EventView) {
        dispatches += 1
        switch event.type {
        case .ready:
            readies += 1
            let began = JSONField.string(event.data, "/session_id")
            if began == session { violate("READY of \(began ?? "no session") came twice") }
            (session, sequence, message) = (began, 0, 0)
        case .resumed: resumes += 1
        default: break
        }
        // A dispatch may come without a sequence (`gateway.md` §4).
        if event.sequence != 0 {
            if event.sequence != sequence + 1 { violate("sequence \(event.sequence) came after \(sequence)") }
            sequence = event.sequence
        }
        if event.type == .messageCreate, let number = Self.number(in: event.data) {
            if number != message + 1 { violate("message \(number) came after \(message)") }
            message = number
        }
    }

    private mutating func violate(_ text: String) {
        if violations.count < 8 { violations.append(text) }
    }

    /// The running number of a streamed message; nil when it has none.
    static func number(in data: UnsafeRawBufferPointer) -> UInt64? {
        let mark = Array("\"content\":\"#".utf8)
        guard let base = data.baseAddress else { return nil }
        var at = 0
        // By way of the rare character at the mark's end: a debug build searches bytes slowly.
        while at < data.count, let found = memchr(base + at, 0x23, data.count - at) {
            at = UnsafeRawPointer(found) - base + 1
            guard at >= mark.count, memcmp(base + at - mark.count, mark, mark.count) == 0 else { continue }
            var number: UInt64 = 0
            while at < data.count, (0x30...0x39).contains(data[at]) {
                number = number &* 10 &+ UInt64(data[at] - 0x30)
                at += 1
            }
            return number
        }
        return nil
    }
}
