/// How the body of an answer is delimited (RFC 9112 §6.3), and the body so far.
struct HTTPBody {
    enum Framing: Equatable {
        /// Bytes still to come.
        case sized(Int)
        case chunked(ChunkPart)
        /// Until the connection ends.
        case untilEnd
    }

    enum ChunkPart: Equatable {
        case size
        case data(Int)
        case dataEnd
        case trailer
    }

    /// Most bytes of a chunk's size line, or of all trailers.
    private static let maxChunkLine = 4096

    private(set) var framing: Framing
    private(set) var bytes: [UInt8] = []
    /// Most bytes of the body.
    let limit: Int
    /// At the limit: give up the rest quietly instead of failing.
    let isCut: Bool
    private var trailerSize = 0

    init(head: HTTPResponseHead, limit: Int, isCut: Bool) throws(HTTPError) {
        self.limit = limit
        self.isCut = isCut
        framing = try Self.framing(of: head)
        if case .sized(let size) = framing, size > limit, !isCut {
            throw HTTPError(.tooLarge, "body of the answer too large")
        }
    }

    private static func framing(of head: HTTPResponseHead) throws(HTTPError) -> Framing {
        if head.status < 200 || head.status == 204 || head.status == 304 { return .sized(0) }
        let codings = head.list("Transfer-Encoding")
        let lengths = head.list("Content-Length")
        if !codings.isEmpty {
            guard lengths.isEmpty else { throw HTTPError(.malformed, "both Content-Length and Transfer-Encoding") }
            guard codings.count == 1, HTTPSyntax.isEqual(codings[0], "chunked") else {
                throw HTTPError(.unsupported, "unknown transfer coding")
            }
            return .chunked(.size)
        }
        guard let length = lengths.first else {
            guard head.first("Content-Length") == nil else { throw HTTPError(.malformed, "malformed Content-Length") }
            return .untilEnd
        }
        guard lengths.allSatisfy({ $0 == length }), length.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            throw HTTPError(.malformed, "malformed Content-Length")
        }
        guard let size = Int(length) else { throw HTTPError(.tooLarge, "body of the answer too large") }
        return .sized(size)
    }

    /// Takes what there is of the body.
    ///
    /// - Returns: true when it is complete, or cut at the limit.
    mutating func consume(_ input: UnsafeRawBufferPointer, consumed: inout Int) throws(HTTPError) -> Bool {
        while true {
            switch framing {
            case .sized(let rest):
                let taken = try append(input, consumed: &consumed, most: rest)
                framing = .sized(rest &- taken)
                return taken == rest || isFull
            case .untilEnd:
                _ = try append(input, consumed: &consumed, most: Int.max)
                return isFull
            case .chunked(let part):
                guard let next = try consumeChunk(part, input, consumed: &consumed) else { return isFull }
                framing = .chunked(next)
                if isFull { return true }
                if next == .size, case .trailer = part { return true }
            }
        }
    }

    /// The body was cut.
    private var isFull: Bool { isCut && bytes.count >= limit }

    /// One step through a chunked body (RFC 9112 §7.1).
    ///
    /// - Returns: what comes next, `size` after `trailer` at the end; nil when more input is needed.
    private mutating func consumeChunk(
        _ part: ChunkPart, _ input: UnsafeRawBufferPointer, consumed: inout Int
    ) throws(HTTPError) -> ChunkPart? {
        switch part {
        case .size:
            guard let line = try HTTPLine.next(input, consumed: &consumed, limit: Self.maxChunkLine) else { return nil }
            let size = try Self.chunkSize(line)
            guard size > 0 else { return .trailer }
            guard isCut || size <= limit &- bytes.count else {
                throw HTTPError(.tooLarge, "body of the answer too large")
            }
            return .data(size)
        case .data(let rest):
            let taken = try append(input, consumed: &consumed, most: rest)
            if taken == rest { return .dataEnd }
            framing = .chunked(.data(rest &- taken))
            return nil
        case .dataEnd:
            let there = input.count &- consumed
            guard there < 1 || input[consumed] == 0x0D, there < 2 || input[consumed &+ 1] == 0x0A else {
                throw HTTPError(.malformed, "chunk longer than its size")
            }
            guard there >= 2 else { return nil }
            consumed &+= 2
            return .size
        case .trailer:
            let start = consumed
            let left = Self.maxChunkLine &- trailerSize
            guard let line = try HTTPLine.next(input, consumed: &consumed, limit: left) else { return nil }
            trailerSize &+= consumed &- start
            return line.isEmpty ? .size : .trailer
        }
    }

    /// Hexadecimal digits, then maybe extensions, which are ignored.
    private static func chunkSize(_ line: UnsafeRawBufferPointer) throws(HTTPError) -> Int {
        var size = 0
        var digits = 0
        for byte in line {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- UInt8(ascii: "a") &+ 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte &- UInt8(ascii: "A") &+ 10
            case UInt8(ascii: ";"), 0x20, 0x09:
                guard digits > 0 else { throw HTTPError(.malformed, "malformed chunk size") }
                return size
            default: throw HTTPError(.malformed, "malformed chunk size")
            }
            digits &+= 1
            guard size <= Int.max >> 4 else { throw HTTPError(.tooLarge, "body of the answer too large") }
            size = size << 4 | Int(digit)
        }
        guard digits > 0 else { throw HTTPError(.malformed, "malformed chunk size") }
        return size
    }

    /// Moves at most `most` bytes of input to the body.
    ///
    /// - Returns: how many were taken off the input.
    private mutating func append(
        _ input: UnsafeRawBufferPointer, consumed: inout Int, most: Int
    ) throws(HTTPError) -> Int {
        let count = min(most, input.count &- consumed)
        let room = limit &- bytes.count
        guard isCut || count <= room else { throw HTTPError(.tooLarge, "body of the answer too large") }
        bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[consumed..<(consumed &+ min(count, room))]))
        consumed &+= count
        return count
    }
}
