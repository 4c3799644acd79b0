import Foundation

/// A path for a file of one test, in a directory of its own.
struct TemporaryFile: Sendable {
    let path: String
    private var directory: String { String(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex)) }

    /// Runs `body` with a path at which there is no file yet; removes the directory afterwards.
    static func with(_ name: String = "sessions.json", _ body: (TemporaryFile) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.path + "/swiftgateway-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let file = TemporaryFile(path: "\(directory)/\(name)")
        do {
            try await body(file)
        } catch {
            try? FileManager.default.removeItem(atPath: directory)
            throw error
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    func sibling(_ name: String) -> String { "\(directory)/\(name)" }

    /// The file's text; empty while there is none.
    var text: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }

    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
}
