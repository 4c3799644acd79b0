import Testing

@testable import GatewayTransport

extension ZlibBackend: CustomTestStringConvertible {
    public var testDescription: String { name.description }

    /// Those that this machine has.
    static let installed: [ZlibBackend] = [system] + [nextGeneration].compactMap { $0 }
}

@Suite struct ZlibBackendTests {
    @Test func missingLibraryIsNotFound() {
        #expect(ZlibBackend.loadNextGeneration("libdoes-not-exist.so.2")?.name.description == nil)
        // A library that is not zlib-ng.
        #expect(ZlibBackend.loadNextGeneration("libz.so.1")?.name.description == nil)
    }

    @Test func fastestIsWhatThereIs() {
        #expect(ZlibBackend.fastest.name.description == (ZlibBackend.nextGeneration == nil ? "zlib" : "zlib-ng"))
    }
}
