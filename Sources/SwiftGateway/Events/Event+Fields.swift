import GatewayProtocol

/// Fields of an event's JSON without a JSON library.
///
/// `pointer` is an RFC 6901 pointer into the event's bytes: "/author/id", "/mentions/0/id", or "" for all of it. Values
/// beside the way are skipped, not parsed, so that a field near the front costs next to nothing. Of several equal keys the
/// first counts. Every reader gives nil when nothing is there, when it is of another type, and for what is no pointer.
extension Event {
    /// The string at `pointer`, unescaped.
    public func string(_ pointer: String) -> String? {
        read(pointer) { (json, path) throws(JSONFieldError) in
            // An unescaped string is never longer than its JSON, but mostly much shorter than the event: asked first.
            let raw = try JSONField.find(json, pointer: path)
            var failure: JSONFieldError?
            let text = String(unsafeUninitializedCapacity: raw.count) { buffer in
                do throws(JSONFieldError) {
                    return try JSONField.string(
                        raw, pointer: UnsafeRawBufferPointer(start: nil, count: 0),
                        into: UnsafeMutableRawBufferPointer(buffer))
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            return text
        }
    }

    /// The unsigned integer at `pointer`: a number without fraction, or a string of digits such as a snowflake.
    public func uint64(_ pointer: String) -> UInt64? {
        read(pointer) { (json, path) throws(JSONFieldError) in try JSONField.uint64(json, pointer: path) }
    }

    /// The number at `pointer`, correctly rounded.
    public func double(_ pointer: String) -> Double? {
        read(pointer) { (json, path) throws(JSONFieldError) in try JSONField.double(json, pointer: path) }
    }

    /// The boolean at `pointer`.
    public func bool(_ pointer: String) -> Bool? {
        read(pointer) { (json, path) throws(JSONFieldError) in try JSONField.bool(json, pointer: path) }
    }

    /// The raw JSON of the value at `pointer`, whatever it is, copied.
    public func json(_ pointer: String) -> [UInt8]? {
        read(pointer) { (json, path) throws(JSONFieldError) in Array(try JSONField.find(json, pointer: path)) }
    }

    private func read<Value>(
        _ pointer: String,
        _ reader: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(JSONFieldError) -> Value
    ) -> Value? {
        guard kind == .dispatch || kind == .payload else { return nil }
        var pointer = pointer
        return pointer.withUTF8 { path in
            do throws(JSONFieldError) { return try reader(rawData, UnsafeRawBufferPointer(path)) } catch { return nil }
        }
    }
}
