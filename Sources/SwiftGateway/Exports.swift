// A program that imports SwiftGateway needs the protocol's tables and errors by name.
@_exported import GatewayProtocol
