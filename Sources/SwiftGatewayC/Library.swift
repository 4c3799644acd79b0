// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import SwiftGateway

@implementation @_cdecl("sg_version")
public func sg_version() -> UnsafePointer<CChar>? { cString(Version.string) }

@implementation @_cdecl("sg_status_name")
public func sg_status_name(_ status: UInt32) -> UnsafePointer<CChar>? {
    cString(Status(rawValue: status)?.constantName ?? "SG_STATUS_UNKNOWN")
}

@implementation @_cdecl("sg_last_error")
public func sg_last_error() -> UnsafePointer<CChar>? { LastError.text }

@implementation @_cdecl("sg_event_type_name")
public func sg_event_type_name(_ type: UInt32) -> UnsafePointer<CChar>? {
    EventType(rawValue: type).map { cString($0.staticName) }
}

@implementation @_cdecl("sg_event_intents")
public func sg_event_intents(_ type: UInt32) -> UInt64 { EventType(rawValue: type)?.intents.rawValue ?? 0 }

@implementation @_cdecl("sg_intents_for_events")
public func sg_intents_for_events(
    _ names: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int, _ out: UnsafeMutablePointer<UInt64>?,
    _ alternatives: UnsafeMutablePointer<UInt64>?
) -> sg_status {
    reporting { () throws(GatewayError) in
        guard let out else { throw .invalid("out is NULL") }
        let need = try Intents.needed(forNames: try texts(names, count, "names", limit: 10_000))
        out.pointee = need.intents.rawValue
        alternatives?.pointee = need.alternatives.rawValue
    }
}

@implementation @_cdecl("sg_shard_state_name")
public func sg_shard_state_name(_ state: UInt32) -> UnsafePointer<CChar>? {
    cString(ShardState(rawValue: state)?.staticName ?? "unknown")
}

@implementation @_cdecl("sg_shard_for_guild")
public func sg_shard_for_guild(_ guild: UInt64, _ total: UInt32) -> UInt32 {
    total == 0 ? 0 : UInt32(truncatingIfNeeded: (guild >> 22) % UInt64(total))
}
