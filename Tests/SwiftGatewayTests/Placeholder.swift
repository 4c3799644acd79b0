import Testing

@testable import SwiftGateway
