/// A dispatch as a session remembers it: enough to write it again, with the same sequence, whenever it is missed.
enum SessionEvent: Sendable {
    /// A catalogue event; a few numbers instead of its text, so that ten thousand of them cost little.
    case template(index: Int, guild: UInt64, number: UInt64)
    /// Text before and after the sequence.
    case text(before: [UInt8], after: [UInt8], isResumed: Bool)

    /// An event with the keys of its envelope in wire order (`gateway.md` §4).
    static func event(_ name: String, _ data: String) -> SessionEvent {
        .text(
            before: Array("{\"t\":\(JSON.quoted(name)),\"s\":".utf8),
            after: Array(",\"op\":0,\"d\":\(data)}".utf8),
            isResumed: name == "RESUMED"
        )
    }

    var isResumed: Bool {
        if case .text(_, _, true) = self { true } else { false }
    }

    func render(sequence: UInt64, catalogue: Catalogue, into text: inout [UInt8]) {
        switch self {
        case .template(let index, let guild, let number):
            catalogue.templates[index].render(sequence: sequence, guild: guild, number: number, into: &text)
        case .text(let before, let after, _):
            text.append(contentsOf: before)
            text.appendDecimal(sequence)
            text.append(contentsOf: after)
        }
    }
}

/// The last dispatches of a session, by sequence; bounded, the oldest go first.
struct ReplayBuffer: Sendable {
    let limit: Int
    /// Sequence of the newest event; 0 before the first.
    private(set) var last: UInt64 = 0
    private var ring: [SessionEvent] = []
    private var head = 0

    init(limit: Int) { self.limit = max(1, limit) }

    /// Sequence of the oldest event still held; `last + 1` when there is none.
    var first: UInt64 { last + 1 - UInt64(ring.count) }

    mutating func append(_ event: SessionEvent) {
        last += 1
        if ring.count < limit {
            ring.append(event)
        } else {
            ring[head] = event
            head = (head + 1) % limit
        }
    }

    subscript(sequence: UInt64) -> SessionEvent? {
        guard sequence >= first, sequence <= last else { return nil }
        return ring[(head + Int(sequence - first)) % ring.count]
    }

    /// Leaves a gap: the next event's sequence is `count` higher than it would have been. Forgets what came before, so
    /// it is only useful to provoke clients.
    mutating func skip(_ count: UInt64) {
        ring.removeAll()
        head = 0
        last += count
    }
}
