/// Where and how some bytes stop being JSON, or stop being what was asked for.
package struct JSONSyntaxError: Error, Equatable {
    /// The byte at which it was noticed, from the start of the text; the text's length when it ends too early.
    package var offset: Int
    /// What is wrong, as the rest of a sentence that begins with the text's name.
    package var reason: StaticString

    package init(offset: Int, reason: StaticString) {
        self.offset = offset
        self.reason = reason
    }

    package static func == (a: JSONSyntaxError, b: JSONSyntaxError) -> Bool {
        a.offset == b.offset && a.reason.description == b.reason.description
    }
}
