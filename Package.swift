// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "swiftgateway",
    products: [
        .library(name: "swiftgateway", type: .dynamic, targets: ["SwiftGatewayC"]),
        .library(name: "SwiftGateway", targets: ["SwiftGateway"]),
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
        .target(name: "SwiftGatewayC", dependencies: ["SwiftGateway", "CSwiftGateway"]),

        .testTarget(name: "GatewayProtocolTests", dependencies: ["GatewayProtocol", "CLinux"]),
        .testTarget(name: "GatewayTransportTests", dependencies: ["GatewayTransport", "CLinux", "CZlib", "CZstd"]),
        .testTarget(name: "SwiftGatewayTests", dependencies: ["SwiftGateway"]),
    ],
    swiftLanguageModes: [.v6]
)
