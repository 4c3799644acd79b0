import GatewayProtocol

/// A dispatch of a new shard that is kept until it is known whether the old shards hand it out as well.
struct HeldEvent: Sendable {
    let shard: UInt32
    let type: EventType?
    /// The name of one that is not in the table.
    let name: [UInt8]
    let data: [UInt8]
    let sequence: UInt64
    let received: UInt64
    let position: DeliveredPosition

    init(_ event: EventView, position: DeliveredPosition) {
        shard = event.shardID
        type = event.type
        name = event.type == nil ? Array(event.name) : []
        data = Array(event.data)
        sequence = event.sequence
        received = event.received
        self.position = position
    }

    /// What it takes, roughly.
    var size: Int { name.count + data.count + 128 }

    /// The event, which `body` must not keep.
    func withEvent(_ body: (EventView) -> Void) {
        data.withUnsafeBytes { data in
            var event = EventView(kind: .dispatch, shardID: shard)
            event.type = type
            event.sequence = sequence
            event.data = data
            event.received = received
            if let type {
                event.name = type.wireName
                body(event)
            } else {
                // With a NUL behind it, as every name.
                (name + [0]).withUnsafeBytes {
                    event.name = UnsafeRawBufferPointer(rebasing: $0[..<name.count])
                    body(event)
                }
            }
        }
    }
}
