/// Lines of HTTP/1.1 end in CR LF and nothing else: leniency there is what request smuggling lives on.
enum HTTPLine {
    /// Takes a line out of `input`, without its end.
    ///
    /// - Parameters:
    ///   - consumed: offset of the line; moved behind it when it is complete.
    ///   - limit: most bytes of the line with its end.
    /// - Returns: nil when the line is not complete yet.
    static func next(
        _ input: UnsafeRawBufferPointer, consumed: inout Int, limit: Int
    ) throws(HTTPError) -> UnsafeRawBufferPointer? {
        var index = consumed
        while index < input.count {
            guard index &- consumed &+ 2 <= limit else { throw HTTPError(.tooLarge, "head of the answer too large") }
            switch input[index] {
            case 0x0A: throw HTTPError(.malformed, "line feed without a carriage return")
            case 0x0D:
                guard index &+ 1 < input.count else { return nil }
                guard input[index &+ 1] == 0x0A else {
                    throw HTTPError(.malformed, "carriage return without a line feed")
                }
                let line = UnsafeRawBufferPointer(rebasing: input[consumed..<index])
                consumed = index &+ 2
                return line
            default: index &+= 1
            }
        }
        return nil
    }
}
