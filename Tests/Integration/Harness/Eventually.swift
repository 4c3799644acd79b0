/// Waits for something that tells nobody when it happens, such as a file or another process; looks every 5 ms.
func eventually(
    _ what: String, timeout: Duration = .seconds(15), _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw NotReached(description: "not reached: \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}
