import NIOCore
enum ControlListener { static func open(_ server: GatewayServer) async throws -> Int? { nil } }
