import Testing

@testable import GatewayProtocol
