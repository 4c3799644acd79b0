import GatewayTransport
import Synchronization

/// The consumer's side of a queue that no delivery thread empties: an `EventReader` takes records out of it by the buffer.
extension DeliveryQueue {
    /// Has everything been taken? Consumer only.
    var isTakenEmpty: Bool { head.load(ordering: .acquiring) == tail.load(ordering: .relaxed) }

    /// Moves the oldest records, up to `EventBuffer.limit` bytes and at least one, into a buffer: `buffer` itself when
    /// nobody else has it and they fit. Returns false when there are none. Consumer only.
    func take(into buffer: inout EventBuffer?) -> Bool {
        var position = tail.load(ordering: .relaxed)
        let end = head.load(ordering: .acquiring)
        guard position != end else { return false }
        // What was left unused at the end of a chunk.
        var first = record(at: position)
        while first.record.map({ $0.load(as: DeliveryRecord.self).tag == .rest }) ?? true {
            position = first.after
            guard position < end else { break }
            first = record(at: position)
        }
        if position < end, let start = first.record {
            noteLag(at: position)
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
        tellRoomIfAwaited()
        return true
    }

    /// How many bytes of records follow each other in memory from `position`, and the boxes they own, which the queue gives
    /// away. What is in a box counts against the limit as well.
    private func run(at position: Int, end: Int) -> (bytes: Int, boxes: [UnsafeMutableRawPointer]) {
        var boxes: [UnsafeMutableRawPointer] = []
        var bytes = 0
        var whole = 0
        var next = position
        let room = chunks.rest(at: position)
        while next < end, room - bytes >= DeliveryRecord.headerSize {
            guard let record = record(at: next).record?.load(as: DeliveryRecord.self), record.tag != .rest else {
                break
            }
            whole += record.size + (record.boxed == nil ? 0 : record.copiedSize)
            guard bytes == 0 || whole <= EventBuffer.limit else { break }
            if let box = record.boxed {
                boxes.append(box)
                noteUnboxed(record)
            }
            bytes += record.size
            next += record.size
        }
        return (bytes, boxes)
    }
}
