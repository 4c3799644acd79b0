import GatewayTransport
import Synchronization

/// The consumer's side of a ring that no delivery thread empties: an `EventReader` takes records out of it by the buffer.
extension DeliveryQueue {
    /// Has everything been taken? Consumer only.
    var isTakenEmpty: Bool { head.load(ordering: .acquiring) == tail.load(ordering: .relaxed) }

    /// Moves the oldest records, up to `EventBuffer.limit` bytes and at least one, into a buffer: `buffer` itself when
    /// nobody else has it and they fit. Returns false when there are none. Consumer only.
    func take(into buffer: inout EventBuffer?) -> Bool {
        var position = tail.load(ordering: .relaxed)
        let end = head.load(ordering: .acquiring)
        guard position != end else { return false }
        // What the last lap left unused at the end of the ring.
        var first = record(at: position)
        while first.record.map({ $0.load(as: DeliveryRecord.self).tag == .wrap }) ?? true {
            position = first.after
            guard position < end else { break }
            first = record(at: position)
        }
        if position < end, let start = first.record {
            let run = run(at: position, end: end)
            let fits = buffer.map { $0.capacity >= run.bytes && $0.capacity <= EventBuffer.limit } ?? false
            let target = fits && isKnownUniquelyReferenced(&buffer) ? buffer : nil
            let filled = target ?? EventBuffer(capacity: run.bytes)
            filled.fill(from: start, count: run.bytes, boxes: run.boxes)
            buffer = filled
            position += run.bytes
        } else {
            buffer = nil
        }
        tail.store(position, ordering: .releasing)
        if producerWaits.load(ordering: .relaxed), head.load(ordering: .relaxed) - position < lowMark { tellRoom() }
        return true
    }

    /// How many bytes of records follow each other in memory from `position`, and the boxes they own.
    private func run(at position: Int, end: Int) -> (bytes: Int, boxes: [UnsafeMutableRawPointer]) {
        var boxes: [UnsafeMutableRawPointer] = []
        var bytes = 0
        var next = position
        let room = capacity - place(of: position)
        while next < end, room - bytes >= DeliveryRecord.headerSize {
            guard let record = record(at: next).record?.load(as: DeliveryRecord.self), record.tag != .wrap,
                bytes == 0 || bytes + record.size <= EventBuffer.limit
            else { break }
            if let box = record.boxed { boxes.append(box) }
            bytes += record.size
            next += record.size
        }
        return (bytes, boxes)
    }
}
