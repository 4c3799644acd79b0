// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import GatewayProtocol
import SwiftGateway

extension sg_event {
    /// The event as C sees it; it borrows what the view borrows.
    @inline(__always)
    init(_ view: EventView) {
        self.init(
            struct_size: UInt32(MemoryLayout<sg_event>.size), kind: view.kind.rawValue, shard_id: view.shardID,
            type: view.type?.rawValue ?? 0, sequence: view.sequence,
            name: view.name.baseAddress?.assumingMemoryBound(to: CChar.self), name_length: view.name.count,
            data: view.data.baseAddress?.assumingMemoryBound(to: CChar.self), data_length: view.data.count,
            state: view.state.rawValue, code: view.code, status: view.status.rawValue, reserved: 0,
            value_ns: view.value, received_ns: view.received)
    }
}

/// An event's data and the pointer into it.
private func place(
    _ event: UnsafePointer<sg_event>?, _ pointer: UnsafePointer<CChar>?
) throws(GatewayError) -> (json: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer) {
    guard let event else { throw .invalid("event is NULL") }
    guard event.pointee.struct_size >= MemoryLayout<sg_event>.size else {
        throw .invalid("the struct_size of event is \(event.pointee.struct_size)")
    }
    guard let pointer else { throw .invalid("pointer is NULL") }
    let path = UnsafeRawBufferPointer(start: pointer, count: length(of: pointer))
    guard path.allSatisfy({ $0 < 0x80 }) || String(validating: path, as: UTF8.self) != nil else {
        throw .invalid("pointer is not UTF-8")
    }
    guard let data = event.pointee.data, event.pointee.data_length > 0 else {
        throw GatewayError(.notFound, "the event has no data")
    }
    return (
        UnsafeRawBufferPointer(start: data, count: event.pointee.data_length), path
    )
}

/// Reads the value that `pointer` names.
private func read<Value>(
    _ event: UnsafePointer<sg_event>?, _ pointer: UnsafePointer<CChar>?,
    _ reader: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(JSONFieldError) -> Value
) throws(GatewayError) -> Value {
    let (json, path) = try place(event, pointer)
    do throws(JSONFieldError) {
        return try reader(json, path)
    } catch {
        throw gatewayError(error, path)
    }
}

private func length(of text: UnsafePointer<CChar>) -> Int {
    var count = 0
    while text[count] != 0 { count += 1 }
    return count
}

private func gatewayError(_ error: JSONFieldError, _ path: UnsafeRawBufferPointer) -> GatewayError {
    let name = String(decoding: path.prefix(128), as: UTF8.self)
    return switch error {
    case .notFound: GatewayError(.notFound, "the event has no value at \"\(name)\"")
    case .wrongType: GatewayError(.notFound, "the value at \"\(name)\" is of another type")
    case .malformed: GatewayError(.protocolViolation, "the event's data is not JSON at \"\(name)\"")
    case .badPointer: GatewayError.invalid("\"\(name)\" is no JSON pointer: it is empty or begins with a slash")
    }
}

@implementation @_cdecl("sg_event_string")
public func sg_event_string(
    _ event: UnsafePointer<sg_event>?, _ pointer: UnsafePointer<CChar>?, _ buffer: UnsafeMutablePointer<CChar>?,
    _ length: UnsafeMutablePointer<Int>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        guard let length else { throw .invalid("length is NULL") }
        // A size_t beyond half the address space arrives as a negative number.
        let capacity = length.pointee < 0 ? Int.max : length.pointee
        if buffer == nil, capacity != 0 { throw .invalid("buffer is NULL and its capacity is not 0") }
        // Asked for the length first: a buffer that is too small stays as it was.
        let text = try read(event, pointer) { (json, path) throws(JSONFieldError) in
            try JSONField.text(json, pointer: path)
        }
        let needed = text.count
        length.pointee = needed
        guard let buffer, capacity > needed else {
            throw GatewayError(.bufferTooSmall, "the buffer holds \(capacity) bytes; \(needed + 1) are needed")
        }
        let target = UnsafeMutableRawBufferPointer(start: buffer, count: needed + 1)
        _ = text.write(into: target)
        target[needed] = 0
    }
}

@implementation @_cdecl("sg_event_uint64")
public func sg_event_uint64(
    _ event: UnsafePointer<sg_event>?, _ pointer: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<UInt64>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        guard let out else { throw .invalid("out is NULL") }
        out.pointee = try read(event, pointer) { (json, path) throws(JSONFieldError) in
            try JSONField.uint64(json, pointer: path)
        }
    }
}

@implementation @_cdecl("sg_event_double")
public func sg_event_double(
    _ event: UnsafePointer<sg_event>?, _ pointer: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<Double>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        guard let out else { throw .invalid("out is NULL") }
        out.pointee = try read(event, pointer) { (json, path) throws(JSONFieldError) in
            try JSONField.double(json, pointer: path)
        }
    }
}

@implementation @_cdecl("sg_event_bool")
public func sg_event_bool(
    _ event: UnsafePointer<sg_event>?, _ pointer: UnsafePointer<CChar>?, _ out: UnsafeMutablePointer<Bool>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        guard let out else { throw .invalid("out is NULL") }
        out.pointee = try read(event, pointer) { (json, path) throws(JSONFieldError) in
            try JSONField.bool(json, pointer: path)
        }
    }
}

@implementation @_cdecl("sg_event_json")
public func sg_event_json(
    _ event: UnsafePointer<sg_event>?, _ pointer: UnsafePointer<CChar>?,
    _ start: UnsafeMutablePointer<UnsafePointer<CChar>?>?, _ length: UnsafeMutablePointer<Int>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        guard let start, let length else { throw .invalid("start or length is NULL") }
        let value = try read(event, pointer) { (json, path) throws(JSONFieldError) in
            try JSONField.find(json, pointer: path)
        }
        start.pointee = value.baseAddress?.assumingMemoryBound(to: CChar.self)
        length.pointee = value.count
    }
}
