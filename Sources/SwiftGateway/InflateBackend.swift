import GatewayTransport

/// What inflates zlib-stream. The raw values are the `SG_INFLATE_…` numbers of the C API.
public enum InflateBackend: UInt32, CaseIterable, Sendable {
    /// zlib-ng where it is installed, zlib otherwise.
    case auto = 0
    /// The zlib that this library is linked with.
    case zlib = 1
    /// zlib-ng, which takes less CPU (measured: 5 to 15 % of an event); needs `libz-ng.so.2` at run time.
    case zlibNG = 2

    /// Nil where it is not installed.
    var library: ZlibBackend? {
        switch self {
        case .auto: .fastest
        case .zlib: .system
        case .zlibNG: .nextGeneration
        }
    }

    /// The one that is meant on this machine, `auto` resolved.
    var resolved: InflateBackend {
        if case .auto = self { ZlibBackend.nextGeneration == nil ? .zlib : .zlibNG } else { self }
    }
}
