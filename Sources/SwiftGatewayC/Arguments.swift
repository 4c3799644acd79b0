import CLinux
import CSwiftGateway
import SwiftGateway

/// A text from C: NUL-terminated UTF-8, copied.
func text(_ pointer: UnsafePointer<CChar>?, _ name: StaticString) throws(GatewayError) -> String {
    guard let pointer else { throw .invalid("\(name) is NULL") }
    guard let text = String(validatingCString: pointer) else { throw .invalid("\(name) is not UTF-8") }
    return text
}

/// Bytes from C, copied; they must be UTF-8.
func bytes(
    _ pointer: UnsafePointer<CChar>?, _ length: Int, _ name: StaticString, limit: Int
) throws(GatewayError) -> [UInt8] {
    guard length >= 0 else { throw .invalid("the length of \(name) exceeds what memory can hold") }
    guard let pointer else { throw .invalid("\(name) is NULL") }
    guard length <= limit else {
        throw GatewayError(.payloadTooLarge, "\(name) has \(length) bytes; \(limit) at most are taken")
    }
    let copy = Array(UnsafeRawBufferPointer(start: pointer, count: length))
    guard String(validating: copy, as: UTF8.self) != nil else { throw .invalid("\(name) is not UTF-8") }
    return copy
}

/// An array from C, copied.
func array<Element>(
    _ pointer: UnsafePointer<Element>?, _ count: Int, _ name: StaticString, limit: Int
) throws(GatewayError) -> [Element] {
    guard count >= 0, count <= limit else { throw .invalid("\(name) has more than \(limit) entries") }
    if count == 0 { return [] }
    guard let pointer else { throw .invalid("\(name) is NULL") }
    return Array(UnsafeBufferPointer(start: pointer, count: count))
}

/// Texts from C, copied.
func texts(
    _ pointer: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int, _ name: StaticString, limit: Int
) throws(GatewayError) -> [String] {
    var result: [String] = []
    for entry in try array(pointer, count, name, limit: limit) { result.append(try text(entry, name)) }
    return result
}

func choice<Choice: RawRepresentable<UInt32>>(
    _ value: UInt32, _ name: StaticString, _: Choice.Type = Choice.self
) throws(GatewayError) -> Choice {
    guard let choice = Choice(rawValue: value) else { throw .invalid("\(value) is no \(name)") }
    return choice
}

/// A mode where 0 and 1 are all there is.
func flag(_ value: UInt32, _ name: StaticString) throws(GatewayError) -> Bool {
    guard value <= 1 else { throw .invalid("\(value) is no \(name)") }
    return value == 1
}

/// A timeout of the C API in nanoseconds; nil for ever.
func nanoseconds(_ milliseconds: UInt32) -> UInt64? {
    milliseconds == SG_WAIT_FOREVER ? nil : UInt64(milliseconds) * 1_000_000
}

/// Whether a text could go there, by the rule of the header's "Strings".
func checkBuffer(
    _ buffer: UnsafeMutablePointer<CChar>?, _ length: UnsafeMutablePointer<Int>?
) throws(GatewayError) {
    guard let length else { throw .invalid("length is NULL") }
    if buffer == nil, length.pointee != 0 { throw .invalid("buffer is NULL and its capacity is not 0") }
}

/// Writes text by the rule of the header's "Strings": all of it or nothing, the length in any case.
func copyOut(
    _ text: [UInt8], _ buffer: UnsafeMutablePointer<CChar>?, _ length: UnsafeMutablePointer<Int>?
) throws(GatewayError) {
    try checkBuffer(buffer, length)
    guard let length else { return }
    let capacity = length.pointee
    length.pointee = text.count
    guard let buffer, capacity < 0 || capacity > text.count else {
        throw GatewayError(
            .bufferTooSmall, "the buffer holds \(capacity) bytes; \(text.count + 1) are needed")
    }
    let target = UnsafeMutableRawPointer(buffer)
    text.withUnsafeBytes { if let base = $0.baseAddress { target.copyMemory(from: base, byteCount: text.count) } }
    target.storeBytes(of: 0, toByteOffset: text.count, as: UInt8.self)
}

/// Copies a text into a fixed array of a struct, cut at a character's start, NUL-terminated.
func fill<Tuple>(_ tuple: inout Tuple, with text: String) {
    withUnsafeMutableBytes(of: &tuple) { target in
        var at = 0
        for scalar in text.unicodeScalars {
            guard let encoded = UTF8.encode(scalar) else { continue }
            guard at + encoded.count < target.count else { break }
            for byte in encoded {
                target[at] = byte
                at += 1
            }
        }
        while at < target.count {
            target[at] = 0
            at += 1
        }
    }
}

/// Writes as much of a struct as the caller's version of it has.
func copyOut<Struct>(
    _ value: Struct, to target: UnsafeMutablePointer<Struct>?, size: UInt32?, least: Int, _ name: StaticString
) throws(GatewayError) {
    try checkSize(size, least: least, name)
    guard let target, let size else { throw .invalid("\(name) is NULL") }
    withUnsafeBytes(of: value) {
        guard let base = $0.baseAddress else { return }
        UnsafeMutableRawPointer(target).copyMemory(from: base, byteCount: min(Int(size), MemoryLayout<Struct>.size))
    }
}
