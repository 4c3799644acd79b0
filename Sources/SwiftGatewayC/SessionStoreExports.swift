// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import SwiftGateway

/// The host program's session store.
private struct HostSessionStore: SessionStoring {
    /// Enough for some eighty shards at the first call.
    private static let firstCapacity = 16 << 10
    private static let sizeLimit = 64 << 20
    /// How often the host may say that its text needs more room.
    private static let attempts = 8

    let loadFunction: sg_session_load_fn
    let saveFunction: sg_session_save_fn
    let user: UserPointer

    func load() throws(GatewayError) -> [UInt8]? {
        var capacity = Self.firstCapacity
        for _ in 0..<Self.attempts {
            var (status, length) = (SG_OK.rawValue, capacity)
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                // What the host leaves unwritten is not read as something of ours.
                buffer.initialize(repeating: 0)
                buffer.withMemoryRebound(to: CChar.self) {
                    status = loadFunction($0.baseAddress, &length, user.pointer)
                }
                count = capacity
            }
            switch status {
            case SG_OK.rawValue where length >= 0 && length <= capacity:
                return length == 0 ? nil : Array(bytes[..<length])
            case SG_ERROR_NOT_FOUND.rawValue: return nil
            case SG_OK.rawValue, SG_ERROR_BUFFER_TOO_SMALL.rawValue:
                guard length >= 0, length < Self.sizeLimit else {
                    throw GatewayError(.file, "the session store's text is larger than \(Self.sizeLimit) bytes")
                }
                capacity = max(length + 1, min(capacity * 2, Self.sizeLimit))
            default: throw failure("loaded", status)
            }
        }
        throw GatewayError(.file, "the session store asked for more room \(Self.attempts) times in a row")
    }

    func save(_ json: [UInt8], isLast: Bool) throws(GatewayError) {
        let status = (json + [0]).withUnsafeBytes { bytes in
            saveFunction(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), json.count, user.pointer)
        }
        guard status == SG_OK.rawValue else { throw failure("saved", status) }
    }

    private func failure(_ verb: String, _ status: UInt32) -> GatewayError {
        let name = Status(rawValue: status).map { "\($0.constantName)" } ?? "\(status)"
        return GatewayError(.file, "the sessions could not be \(verb): the session store answered \(name)")
    }
}

@implementation @_cdecl("sg_config_set_session_store")
public func sg_config_set_session_store(
    _ handle: OpaquePointer?, _ load: sg_session_load_fn?, _ save: sg_session_save_fn?,
    _ user: UnsafeMutableRawPointer?
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        switch (load, save) {
        case (let load?, let save?):
            c.setSessionStore(
                HostSessionStore(loadFunction: load, saveFunction: save, user: UserPointer(pointer: user)))
        case (nil, nil): c.setSessionStore(nil)
        case (nil, _): throw .invalid("load is NULL and save is not: a session store needs both")
        case (_, nil): throw .invalid("save is NULL and load is not: a session store needs both")
        }
    }
}
