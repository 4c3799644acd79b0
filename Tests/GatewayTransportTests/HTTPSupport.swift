@testable import GatewayTransport

/// Outcome of reading an answer.
enum SeenAnswer: Equatable {
    /// `rest`: bytes left in the input.
    case complete(HTTPResponseHead?, body: String, rest: String)
    case incomplete
    case failure(HTTPError.Kind)
}

/// Feeds `text` in pieces that end at `cuts`, offering unused bytes again with more behind them.
func readAnswer(
    _ text: String, cuts: [Int] = [], maxBodySize: Int = 1 << 20, isUpgrade: Bool = false, ends: Bool = false
) -> SeenAnswer {
    let stream = Array(text.utf8)
    var reader = HTTPResponseReader(maxBodySize: maxBodySize)
    var start = 0
    func complete() -> SeenAnswer {
        .complete(
            reader.head, body: String(decoding: reader.body, as: UTF8.self),
            rest: String(decoding: stream[start...], as: UTF8.self))
    }
    do throws(HTTPError) {
        for end in cuts + [stream.count] where end >= start {
            // Of the exact size, so that the address sanitizer sees reading past the end.
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
            defer { piece.deallocate() }
            piece.copyBytes(from: stream[start..<end])
            var consumed = 0
            let isComplete = try reader.consume(
                UnsafeRawBufferPointer(piece), consumed: &consumed, isUpgrade: isUpgrade)
            start += consumed
            if isComplete { return complete() }
        }
        guard ends else { return .incomplete }
        try reader.finish(isUpgrade: isUpgrade)
        return complete()
    } catch {
        return .failure(error.kind)
    }
}

/// A head from its lines.
func makeHead(_ status: Int, _ headers: [(String, String)] = [], reason: String = "") -> HTTPResponseHead {
    HTTPResponseHead(status: status, reason: reason, headers: headers.map { HTTPHeader($0.0, $0.1) })
}
