/// Commands that wait for a live session or a send permit, first in, first out.
package struct CommandQueue: Sendable {
    /// The gateway closes with 4002 on larger payloads (`gateway.md` §12).
    package static let payloadLimit = 4096

    private var items: [[UInt8]] = []
    private var head = 0

    package init() {}

    package var count: Int { items.count - head }
    package var isEmpty: Bool { count == 0 }

    package mutating func append(_ payload: [UInt8]) { items.append(payload) }

    package mutating func popFirst() -> [UInt8]? {
        guard head < items.count else { return nil }
        let payload = items[head]
        items[head] = []
        head += 1
        if head == items.count {
            items = []
            head = 0
        } else if head >= 64, head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
        return payload
    }
}
