/// What survives a dropped connection (`gateway.md` §1): enough to RESUME.
package struct ResumableSession: Equatable, Sendable {
    package var id: String
    package var resumeURL: String
    /// The sequence to resume from: the last one received or, after a restart of the process, delivered.
    package var sequence: UInt64

    package init(id: String, resumeURL: String, sequence: UInt64) {
        self.id = id
        self.resumeURL = resumeURL
        self.sequence = sequence
    }
}
