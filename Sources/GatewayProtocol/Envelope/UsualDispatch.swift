import CLinuxSIMD

/// A dispatch as the gateway writes it (`gateway.md` §4): `{"t":"…","s":…,"op":0,"d":{…}}`, with the name of an event that
/// this build knows. Comparing whole words is several times cheaper than reading key by key.
///
/// What differs from this in any way, be it wrong or only unusual, is left to the general way, ``Envelope/scan(_:)``: this
/// decides nothing but speed.
package struct UsualDispatch {
    package let type: EventType
    /// The event's name in static storage, with a NUL behind it that is not counted.
    package let name: UnsafeRawBufferPointer
    package let sequence: UInt64
    /// The value of `d`, an object.
    package let data: UnsafeRawBufferPointer
    /// All bytes outside of this part are ASCII, so that no character of more than one byte crosses its ends; empty when
    /// the whole frame is ASCII.
    package let wide: UnsafeRawBufferPointer

    /// Nil leaves the frame to the general way.
    package init?(_ bytes: UnsafeRawBufferPointer, names: EventNameIndex) {
        // No step looks further ahead than 32 bytes, which is compared with what is left each time.
        guard let base = bytes.baseAddress, bytes.count >= 64 else { return nil }
        let count = bytes.count
        guard Self.word(base, 0) & 0xFFFF_FFFF_FFFF == Self.start else { return nil }
        let length = Int(clinux_quote_within_32((base + 6).assumingMemoryBound(to: UInt8.self)))
        // A name of the table has no byte that would need an escape.
        guard length > 0, let event = names.find(base + 6, length) else { return nil }

        var position = 6 &+ length
        guard count &- position >= 32, Self.word(base, position) & 0xFFFF_FFFF_FFFF == Self.sequence else { return nil }
        position &+= 6
        let digits = Self.word(base, position) ^ Self.zeros
        // What is no digit has the high bit set here, and nothing below the first of those has.
        let marks = ((digits &+ 0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080
        if marks == 0 {
            guard let number = Self.longNumber(base, &position) else { return nil }
            sequence = number
        } else {
            let width = marks.trailingZeroBitCount >> 3
            guard width > 0, digits & 0xFF != 0 else { return nil }
            position &+= width
            sequence = Self.number(digits << UInt64(truncatingIfNeeded: 64 &- width &* 8))
        }
        guard count &- position >= 16, Self.word(base, position) == Self.opcode,
            Self.word(base, position &+ 5) == Self.data
        else { return nil }

        position &+= 12
        var wide = clinux_wide()
        let end = clinux_json_close(base.assumingMemoryBound(to: UInt8.self), count, position &+ 1, &wide)
        guard end &+ 1 == count,
            base.loadUnaligned(fromByteOffset: count &- 2, as: UInt16.self) == 0x7D7D  // }}
        else { return nil }
        type = event.type
        name = event.name
        data = UnsafeRawBufferPointer(start: base + position, count: end &- position)
        self.wide = UnsafeRawBufferPointer(start: base + wide.first, count: min(wide.end, count) &- wide.first)
    }

    @inline(__always)
    private static func word(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The value of eight digits of a byte each, the first one lowest: pairs, then fours, then all are joined.
    @inline(__always)
    private static func number(_ digits: UInt64) -> UInt64 {
        let pairs = (digits &* 2561) >> 8 & 0x00FF_00FF_00FF_00FF
        let fours = (pairs &* 6_553_601) >> 16 & 0x0000_FFFF_0000_FFFF
        return (fours &* 42_949_672_960_001) >> 32
    }

    /// A number of eight to nineteen digits, which always fits.
    @inline(never)
    private static func longNumber(_ base: UnsafeRawPointer, _ position: inout Int) -> UInt64? {
        let limit = position &+ 19
        var digit = base.load(fromByteOffset: position, as: UInt8.self) &- UInt8(ascii: "0")
        guard digit > 0 else { return nil }
        var value: UInt64 = 0
        while digit < 10, position < limit {
            value = value &* 10 &+ UInt64(digit)
            position &+= 1
            digit = base.load(fromByteOffset: position, as: UInt8.self) &- UInt8(ascii: "0")
        }
        return value
    }

    // The pieces, as little-endian words.

    /// `{"t":"`
    private static let start: UInt64 = 0x223A_2274_227B
    /// `","s":`
    private static let sequence: UInt64 = 0x3A22_7322_2C22
    /// `,"op":0,`
    private static let opcode: UInt64 = 0x2C30_3A22_706F_222C
    /// `:0,"d":{`
    private static let data: UInt64 = 0x7B3A_2264_222C_303A
    private static let zeros: UInt64 = 0x3030_3030_3030_3030
}

extension Envelope {
    /// What the general way reads from the same frame.
    init(_ dispatch: UsualDispatch, in frame: UnsafeRawBufferPointer) {
        op = Opcode.dispatch.rawValue
        sequence = dispatch.sequence
        name = 6..<6 + dispatch.name.count
        let end = frame.count - 1
        data = end - dispatch.data.count..<end
    }
}
