import SwiftGateway

/// An event as the handler saw it, copied.
struct SeenEvent: Sendable, CustomStringConvertible {
    let kind: EventKind
    let shard: UInt32
    let type: EventType?
    let name: String
    let sequence: UInt64
    let data: [UInt8]
    let state: ShardState
    let code: UInt32
    let status: Status
    let value: UInt64

    init(_ view: EventView) {
        kind = view.kind
        shard = view.shardID
        type = view.type
        name = String(decoding: view.name, as: UTF8.self)
        sequence = view.sequence
        data = Array(view.data)
        state = view.state
        code = view.code
        status = view.status
        value = view.value
    }

    var text: String { String(decoding: data, as: UTF8.self) }

    var description: String {
        switch kind {
        case .dispatch: "[\(shard)] \(name) \(sequence), \(data.count) bytes"
        case .state: "[\(shard)] \(state) (\(code))"
        case .closed: "[\(shard)] closed \(code) \"\(text)\", then \(state)"
        case .latency: "[\(shard)] latency \(value) ns"
        case .error: "[\(shard)] \(status.constantName): \(text) (\(state))"
        case .payload: "[\(shard)] payload of \(data.count) bytes"
        }
    }
}
