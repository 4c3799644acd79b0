package enum Outgoing {
  package static func heartbeat(sequence: UInt64?) -> [UInt8] { [] }
  package static func identify(token: String, intents: UInt64, shard: UInt32, total: UInt32, os: String, browser: String, device: String, largeThreshold: UInt32, presenceJSON: [UInt8]?) -> [UInt8] { [] }
  package static func resume(token: String, sessionID: String, sequence: UInt64) -> [UInt8] { [] }
  package static func checkPresence(_ b: [UInt8]) throws(GatewayError) {}
  package static func checkRaw(_ b: [UInt8]) throws(GatewayError) -> [UInt8]? {nil}
}
public struct CommandError: Error { package var gatewayError: GatewayError }
public protocol GatewayCommand { func payload() throws(CommandError) -> [UInt8]; var presenceJSON: [UInt8]? {get} }
public struct PresenceUpdate: GatewayCommand { public init(json: [UInt8]) {}; public func payload() throws(CommandError) -> [UInt8] {[]}; public var presenceJSON: [UInt8]? {nil} }
public struct VoiceStateUpdate: GatewayCommand { public init(guildID: UInt64, channelID: UInt64?, selfMute: Bool, selfDeaf: Bool) {}; public func payload() throws(CommandError) -> [UInt8] {[]}; public var presenceJSON: [UInt8]? {nil} }
public struct RequestSoundboardSounds: GatewayCommand { public init(guildIDs: [UInt64]) {}; public func payload() throws(CommandError) -> [UInt8] {[]}; public var presenceJSON: [UInt8]? {nil} }
public struct RequestChannelInfo: GatewayCommand { public init(guildID: UInt64, fields: [String]) {}; public func payload() throws(CommandError) -> [UInt8] {[]}; public var presenceJSON: [UInt8]? {nil} }
public struct RequestGuildMembers: GatewayCommand { public enum Selection { case query(String, limit: UInt32), users([UInt64]) }; public init(guildID: UInt64, selection: Selection, presences: Bool, nonce: String?) {}; public func payload() throws(CommandError) -> [UInt8] {[]}; public var presenceJSON: [UInt8]? {nil} }
package struct GatewayURLError: Error { package var message: String }
package struct GatewayURL: Sendable { package var host: String {""}; package var port: UInt16 {0}; package var isSecure: Bool {true}; package var target: String {""}
 package init(_ t: String) throws(GatewayURLError) {}
 package static func checked(_ t: String, schemes: [String]) throws(GatewayError) -> GatewayURL { fatalError() }
 package func gatewayTarget(compression: String?) -> GatewayURL {self}
 package func appending(path: String) -> GatewayURL {self} }
