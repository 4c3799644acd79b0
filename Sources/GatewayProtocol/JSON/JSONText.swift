/// A string where it lies in JSON text, still escaped.
package struct JSONText {
    let cursor: JSONCursor
    /// Between its quotes.
    let content: Range<Int>
    let hasEscapes: Bool

    /// Bytes of the string, unescaped.
    package var count: Int {
        if !hasEscapes { return content.count }
        var decoder = JSONStringDecoder(cursor, content)
        var count = 0
        while decoder.next() != nil { count &+= 1 }
        return count
    }

    /// Writes the string, unescaped, into `buffer` as far as it fits, and returns the bytes it needs.
    package func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if !hasEscapes {
            let fitting = min(content.count, buffer.count)
            UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(fitting)).copyMemory(
                from: UnsafeRawBufferPointer(start: cursor.base + content.lowerBound, count: fitting))
            return content.count
        }
        var decoder = JSONStringDecoder(cursor, content)
        var count = 0
        while let byte = decoder.next() {
            if count < buffer.count { buffer[count] = byte }
            count &+= 1
        }
        return count
    }
}
