import GatewayProtocol

extension GatewayURL {
    /// A URL of one of the wanted schemes. Throws `invalidArgument`.
    static func checked(_ text: String, webSocket: Bool) throws(GatewayError) -> GatewayURL {
        let url: GatewayURL
        do throws(GatewayURLError) {
            url = try GatewayURL(text)
        } catch {
            throw .invalid(error.message)
        }
        guard url.scheme.isWebSocket == webSocket else {
            throw .invalid(
                "a \(webSocket ? "gateway URL begins with wss:// or ws://" : "URL of the API begins with https:// or http://"), "
                    + "not \(url.scheme.rawValue)://")
        }
        return url
    }

    /// The path that `more` is under this URL.
    func path(appending more: String) -> String {
        (path.hasSuffix("/") ? String(path.dropLast()) : path) + more
    }
}
