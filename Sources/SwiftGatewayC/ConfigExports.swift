// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The functions have the names of the C API.

import CSwiftGateway
import GatewayTransport
@_spi(Bindings) import SwiftGateway

/// What an `sg_config` handle stands for.
final class ConfigBox: Sendable {
    let configuration: Lock<Configuration>

    init(_ configuration: Configuration) { self.configuration = Lock(configuration) }
}

/// The configuration behind a handle.
func config(_ handle: OpaquePointer?) throws(GatewayError) -> ConfigBox {
    guard case .config(let box) = HandleTable.find(handle) else {
        throw .invalid(handle == nil ? "config is NULL" : "config is no live sg_config")
    }
    return box
}

/// Changes the configuration behind a handle.
func change(
    _ handle: OpaquePointer?, _ body: (inout Configuration) throws(GatewayError) -> Void
) -> sg_status {
    reporting { () throws(GatewayError) in
        let box = try config(handle)
        try box.configuration.withLock { configuration throws(GatewayError) in try body(&configuration) }
    }
}

@implementation @_cdecl("sg_config_new")
public func sg_config_new(_ token: UnsafePointer<CChar>?, _ intents: UInt64) -> OpaquePointer? {
    var handle: OpaquePointer?
    _ = reporting { () throws(GatewayError) in
        guard token != nil else {
            throw .invalid("token is NULL: where it should come from, such as an environment variable, there is none")
        }
        let configuration = try Configuration(token: try text(token, "token"), intents: Intents(rawValue: intents))
        handle = HandleTable.add(.config(ConfigBox(configuration)))
    }
    return handle
}

@implementation @_cdecl("sg_config_free")
public func sg_config_free(_ handle: OpaquePointer?) {
    guard handle != nil else { return }
    guard case .config = HandleTable.find(handle) else { return LastError.set("config is no live sg_config") }
    _ = HandleTable.remove(handle)
}

@implementation @_cdecl("sg_config_set_gateway_url")
public func sg_config_set_gateway_url(_ handle: OpaquePointer?, _ url: UnsafePointer<CChar>?) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setGatewayURL(try text(url, "url")) }
}

@implementation @_cdecl("sg_config_set_api_url")
public func sg_config_set_api_url(_ handle: OpaquePointer?, _ url: UnsafePointer<CChar>?) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setAPIURL(try text(url, "url")) }
}

@implementation @_cdecl("sg_config_set_ca_file")
public func sg_config_set_ca_file(_ handle: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setCAFile(try text(path, "pem_path")) }
}

@implementation @_cdecl("sg_config_set_compression")
public func sg_config_set_compression(_ handle: OpaquePointer?, _ compression: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setCompression(try choice(compression, "compression")) }
}

@implementation @_cdecl("sg_config_set_inflate_backend")
public func sg_config_set_inflate_backend(_ handle: OpaquePointer?, _ backend: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setInflateBackend(try choice(backend, "inflate backend")) }
}

@implementation @_cdecl("sg_config_set_shards")
public func sg_config_set_shards(
    _ handle: OpaquePointer?, _ first: UInt32, _ count: UInt32, _ total: UInt32
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        try c.setShards(.range(first: first, count: count, total: total))
    }
}

@implementation @_cdecl("sg_config_set_shards_auto")
public func sg_config_set_shards_auto(_ handle: OpaquePointer?) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setShards(.auto) }
}

@implementation @_cdecl("sg_config_set_shards_bucket")
public func sg_config_set_shards_bucket(
    _ handle: OpaquePointer?, _ bucket: UInt32, _ buckets: UInt32, _ total: UInt32
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        guard total > 0 else { throw .invalid("The total number of shards must not be 0.") }
        try c.setShards(.bucket(bucket: bucket, buckets: buckets, total: total))
    }
}

@implementation @_cdecl("sg_config_set_shards_split")
public func sg_config_set_shards_split(
    _ handle: OpaquePointer?, _ process: UInt32, _ processes: UInt32, _ total: UInt32
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        try c.setShards(.split(process: process, processes: processes, total: total))
    }
}

@implementation @_cdecl("sg_config_set_max_concurrency")
public func sg_config_set_max_concurrency(_ handle: OpaquePointer?, _ value: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setMaxConcurrency(value) }
}

@implementation @_cdecl("sg_config_set_identify_interval")
public func sg_config_set_identify_interval(_ handle: OpaquePointer?, _ milliseconds: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in c.setIdentifyInterval(milliseconds: milliseconds) }
}

@implementation @_cdecl("sg_config_set_identify_properties")
public func sg_config_set_identify_properties(
    _ handle: OpaquePointer?, _ os: UnsafePointer<CChar>?, _ browser: UnsafePointer<CChar>?,
    _ device: UnsafePointer<CChar>?
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        try c.setIdentifyProperties(
            os: try text(os, "os"), browser: try text(browser, "browser"), device: try text(device, "device"))
    }
}

@implementation @_cdecl("sg_config_set_large_threshold")
public func sg_config_set_large_threshold(_ handle: OpaquePointer?, _ members: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setLargeThreshold(members) }
}

@implementation @_cdecl("sg_config_set_presence")
public func sg_config_set_presence(_ handle: OpaquePointer?, _ json: UnsafePointer<CChar>?) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setPresence(try text(json, "json")) }
}

@implementation @_cdecl("sg_config_set_shard_presence")
public func sg_config_set_shard_presence(
    _ handle: OpaquePointer?, _ shard: UInt32, _ json: UnsafePointer<CChar>?
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setPresence(try text(json, "json"), shard: shard) }
}

@implementation @_cdecl("sg_config_set_event_filter")
public func sg_config_set_event_filter(
    _ handle: OpaquePointer?, _ names: UnsafePointer<UnsafePointer<CChar>?>?, _ count: Int
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        try c.setEventFilter(count == 0 ? nil : try texts(names, count, "names", limit: 10_000))
    }
}

@implementation @_cdecl("sg_config_set_event_kinds")
public func sg_config_set_event_kinds(_ handle: OpaquePointer?, _ mask: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setEventKinds(EventKinds(rawValue: mask)) }
}

@implementation @_cdecl("sg_config_set_session_file")
public func sg_config_set_session_file(_ handle: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setSessionFile(try text(path, "path")) }
}

@implementation @_cdecl("sg_config_set_backoff")
public func sg_config_set_backoff(_ handle: OpaquePointer?, _ first: UInt32, _ limit: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        try c.setBackoff(firstMilliseconds: first, limitMilliseconds: limit)
    }
}

@implementation @_cdecl("sg_config_set_connect_timeout")
public func sg_config_set_connect_timeout(_ handle: OpaquePointer?, _ milliseconds: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setConnectTimeout(milliseconds: milliseconds) }
}

@implementation @_cdecl("sg_config_set_invalid_session_wait")
public func sg_config_set_invalid_session_wait(_ handle: OpaquePointer?, _ low: UInt32, _ high: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        try c.setInvalidSessionWait(minMilliseconds: low, maxMilliseconds: high)
    }
}

@implementation @_cdecl("sg_config_set_zombie_policy")
public func sg_config_set_zombie_policy(_ handle: OpaquePointer?, _ policy: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in c.setZombiePolicy(strict: try flag(policy, "zombie policy")) }
}

@implementation @_cdecl("sg_config_set_max_message_size")
public func sg_config_set_max_message_size(_ handle: OpaquePointer?, _ bytes: Int) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        // A size_t beyond half the address space arrives as a negative number: no limit could be larger.
        try c.setMaxMessageSize(bytes < 0 ? .max : bytes)
    }
}

@implementation @_cdecl("sg_config_set_send_limit")
public func sg_config_set_send_limit(_ handle: OpaquePointer?, _ count: UInt32, _ window: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setSendLimit(count: count, windowMilliseconds: window) }
}

@implementation @_cdecl("sg_config_set_delivery")
public func sg_config_set_delivery(_ handle: OpaquePointer?, _ mode: UInt32, _ queueBytes: Int) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        try c.setDelivery(try choice(mode, "delivery mode"), queueBytes: queueBytes)
    }
}

@implementation @_cdecl("sg_config_set_io_threads")
public func sg_config_set_io_threads(_ handle: OpaquePointer?, _ count: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setIOThreads(count) }
}

@implementation @_cdecl("sg_config_set_handshake_limit")
public func sg_config_set_handshake_limit(_ handle: OpaquePointer?, _ count: UInt32) -> sg_status {
    change(handle) { (c) throws(GatewayError) in try c.setHandshakeLimit(count) }
}

/// A pointer of the host program, handed back to it and never followed.
struct UserPointer: @unchecked Sendable { let pointer: UnsafeMutableRawPointer? }

@implementation @_cdecl("sg_config_set_event_handler")
public func sg_config_set_event_handler(
    _ handle: OpaquePointer?, _ handler: sg_event_fn?, _ user: UnsafeMutableRawPointer?
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        guard let handler else {
            c.receiver = nil
            return
        }
        c.receiver = FunctionReceiver(handler, user)
    }
}

/// Hands events to a function of the host program.
private final class FunctionReceiver: EventReceiver, @unchecked Sendable {
    private let handler: sg_event_fn
    private let user: UnsafeMutableRawPointer?

    init(_ handler: @escaping sg_event_fn, _ user: UnsafeMutableRawPointer?) {
        self.handler = handler
        self.user = user
        super.init()
    }

    override func receive(_ event: EventView) {
        var record = sg_event(event)
        handler(&record, user)
    }
}

@implementation @_cdecl("sg_config_set_batch_handler")
public func sg_config_set_batch_handler(
    _ handle: OpaquePointer?, _ handler: sg_batch_fn?, _ user: UnsafeMutableRawPointer?
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        guard let handler else {
            c.batchHandler = nil
            return
        }
        let user = UserPointer(pointer: user)
        c.batchHandler = { batch in
            // The queue's scratch memory is laid out for this: a record of C for each event of the largest batch.
            let records = batch.scratch.bindMemory(to: sg_event.self)
            var count = 0
            for event in batch {
                records.initializeElement(at: count, to: sg_event(event))
                count += 1
            }
            return Int(clamping: UInt(bitPattern: handler(records.baseAddress, count, user.pointer)))
        }
    }
}

@implementation @_cdecl("sg_config_set_log_handler")
public func sg_config_set_log_handler(
    _ handle: OpaquePointer?, _ minimum: UInt32, _ handler: sg_log_fn?, _ user: UnsafeMutableRawPointer?
) -> sg_status {
    change(handle) { (c) throws(GatewayError) in
        let level: LogLevel = try choice(minimum, "log level")
        guard let handler else {
            c.logHandler = nil
            return
        }
        c.logLevel = level
        let user = UserPointer(pointer: user)
        c.logHandler = { level, target, message in handler(level.rawValue, target, message, user.pointer) }
    }
}

@implementation @_cdecl("sg_config_import_sessions")
public func sg_config_import_sessions(_ handle: OpaquePointer?, _ json: UnsafePointer<CChar>?, _ length: Int)
    -> sg_status
{
    change(handle) { (c) throws(GatewayError) in try c.importSessions(try bytes(json, length, "json", limit: 64 << 20))
    }
}
