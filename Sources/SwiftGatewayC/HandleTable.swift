import GatewayTransport

/// Something a C program holds a handle of.
enum Held {
    case config(ConfigBox)
    case cluster(ClusterBox)
    case shard(ClusterBox)
}

/// All handles that are alive. A handle is a number dressed as a pointer and never followed, so one that was freed, or
/// never was one, is refused instead of crashing the program.
enum HandleTable {
    private struct Slot {
        var generation: UInt32
        var held: Held?
    }

    private struct Table {
        var slots: [Slot] = []
        var free: [Int] = []
    }

    private static let table = Lock(Table())

    static func add(_ held: Held) -> OpaquePointer? {
        table.withLock { table in
            let index: Int
            if let reused = table.free.popLast() {
                index = reused
                table.slots[index].held = held
            } else {
                index = table.slots.count
                table.slots.append(Slot(generation: 1, held: held))
            }
            return pointer(index: index, generation: table.slots[index].generation)
        }
    }

    static func find(_ handle: OpaquePointer?) -> Held? {
        guard let (index, generation) = split(handle) else { return nil }
        return table.withLock { table in
            guard index < table.slots.count, table.slots[index].generation == generation else { return nil }
            return table.slots[index].held
        }
    }

    /// Takes a handle out; nil when it was not in.
    static func remove(_ handle: OpaquePointer?) -> Held? {
        guard let (index, generation) = split(handle) else { return nil }
        return table.withLock { table in
            guard index < table.slots.count, table.slots[index].generation == generation,
                let held = table.slots[index].held
            else { return nil }
            table.slots[index].held = nil
            table.slots[index].generation = generation == 0x7FFF_FFFF ? 1 : generation + 1
            table.free.append(index)
            return held
        }
    }

    // 12 bits of zeros (no valid address looks like that by chance of arithmetic on pointers), 20 bits of index,
    // 31 bits of generation.
    private static func pointer(index: Int, generation: UInt32) -> OpaquePointer? {
        OpaquePointer(bitPattern: UInt(generation) << 32 | UInt(index & 0xFFFFF) << 12 | 0x8)
    }

    private static func split(_ handle: OpaquePointer?) -> (Int, UInt32)? {
        guard let handle else { return nil }
        let bits = UInt(bitPattern: handle)
        guard bits & 0xFFF == 0x8, bits >> 63 == 0 else { return nil }
        return (Int(bits >> 12 & 0xFFFFF), UInt32(truncatingIfNeeded: bits >> 32))
    }
}
