// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "swiftgateway",
    products: [
        .library(name: "swiftgateway", type: .dynamic, targets: ["SwiftGatewayC"]),
        .library(name: "SwiftGateway", targets: ["SwiftGateway"]),
        .library(name: "SwiftGatewayTesting", targets: ["SwiftGatewayTesting"]),
        .library(name: "SwiftGatewayLogging", targets: ["SwiftGatewayLogging"]),
        .library(name: "SwiftGatewayMetrics", targets: ["SwiftGatewayMetrics"]),
        .library(name: "GatewaySandbox", targets: ["GatewaySandbox"]),
        .executable(name: "gateway-sandbox", targets: ["gateway-sandbox"]),
    ],
    dependencies: [
        // Only the bridges use these, and only the sandbox and its tests the others; the engine has no dependency but
        // system libraries.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // The C API's header is the single source of truth: the exports are checked against it by the compiler.
        .systemLibrary(name: "CSwiftGateway", path: "include"),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        // Declarations only: libzstd is looked up at run time.
        .systemLibrary(name: "CZstd"),

        .target(name: "GatewayProtocol", dependencies: ["CLinux"]),
        .target(name: "GatewayTransport", dependencies: ["GatewayProtocol", "CLinux", "COpenSSL", "CZlib", "CZstd"]),
        .target(name: "SwiftGateway", dependencies: ["GatewayProtocol", "GatewayTransport", "CLinux"]),
        // Checks for what users plug into the engine: their tests use it.
        .target(name: "SwiftGatewayTesting", dependencies: ["SwiftGateway", "GatewayTransport"]),
        .target(
            name: "SwiftGatewayLogging",
            dependencies: ["SwiftGateway", .product(name: "Logging", package: "swift-log")]),
        .target(
            name: "SwiftGatewayMetrics",
            dependencies: ["SwiftGateway", .product(name: "Metrics", package: "swift-metrics")]),
        .target(name: "SwiftGatewayC", dependencies: ["SwiftGateway", "GatewayTransport", "CSwiftGateway"]),

        .target(
            name: "GatewaySandbox",
            dependencies: [
                "GatewayProtocol", "COpenSSL", "CZlib",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
        .executableTarget(
            name: "gateway-sandbox",
            dependencies: [
                "GatewaySandbox",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]
        ),

        .testTarget(name: "GatewayProtocolTests", dependencies: ["GatewayProtocol", "CLinux"]),
        .testTarget(
            name: "GatewayTransportTests", dependencies: ["GatewayTransport", "CLinux", "COpenSSL", "CZlib", "CZstd"]),
        .testTarget(
            name: "SwiftGatewayTests",
            dependencies: ["SwiftGateway", "SwiftGatewayTesting", "GatewayProtocol", "GatewayTransport", "CLinux"]),
        .testTarget(
            name: "SwiftGatewayBridgesTests",
            dependencies: [
                "SwiftGatewayLogging", "SwiftGatewayMetrics", "GatewaySandbox",
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ]),
        .executableTarget(
            name: "count-messages", dependencies: ["SwiftGateway"], path: "bindings/swift/count-messages"),
        .executableTarget(
            name: "many-shards", dependencies: ["SwiftGateway", "SwiftGatewayLogging"],
            path: "bindings/swift/many-shards"),
        .executableTarget(name: "autobahn-client", dependencies: ["GatewayTransport"], path: "Tests/Autobahn/client"),
        // A client in a process of its own, for the tests that kill it.
        .executableTarget(
            name: "integration-client", dependencies: ["SwiftGateway"], path: "Tests/Integration/Client"),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "SwiftGateway", "GatewayTransport", "GatewaySandbox", "integration-client", "count-messages",
                "many-shards",
            ],
            path: "Tests/Integration", exclude: ["Client"]),
        .testTarget(
            name: "GatewaySandboxTests",
            dependencies: [
                "GatewaySandbox", "gateway-sandbox", "GatewayProtocol", "CZlib",
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
