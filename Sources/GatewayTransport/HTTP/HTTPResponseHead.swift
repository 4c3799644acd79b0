/// Status line and headers of an answer.
package struct HTTPResponseHead: Equatable, Sendable {
    /// 100…999.
    package var status: Int
    /// What stands after the status; may be empty.
    package var reason: String
    /// In the order received.
    package var headers: [HTTPHeader]

    package init(status: Int, reason: String = "", headers: [HTTPHeader] = []) {
        self.status = status
        self.reason = reason
        self.headers = headers
    }

    /// The first header of this name, in any case.
    package func first(_ name: String) -> String? {
        headers.first { HTTPSyntax.isEqual($0.name, name) }?.value
    }

    /// All headers of this name, in any case.
    package func all(_ name: String) -> [String] {
        headers.filter { HTTPSyntax.isEqual($0.name, name) }.map(\.value)
    }

    /// The elements of a comma-separated list, over all headers of this name (RFC 9110 §5.6.1); empty ones left out.
    package func list(_ name: String) -> [String] {
        all(name).flatMap { value in
            value.split(separator: ",").map { String(HTTPSyntax.trim($0)) }.filter { !$0.isEmpty }
        }
    }

    /// Does the list have this element, in any case?
    package func listContains(_ name: String, _ element: String) -> Bool {
        list(name).contains { HTTPSyntax.isEqual($0, element) }
    }
}
