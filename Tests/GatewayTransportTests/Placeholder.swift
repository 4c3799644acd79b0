import Testing

@testable import GatewayTransport
