/// A REST request, as far as the gateway's routes look at it.
struct RESTRequest {
    let method: String
    /// With its query.
    let uri: String
    let authorization: String?
    let userAgent: String?

    var path: String { String(uri.prefix { $0 != "?" }) }
}

/// The routes of `gateway.md` §2, and those few that bot libraries ask before they connect. Without sockets.
enum HTTPRoutes {
    static let json = ["Content-Type": "application/json"]

    /// Whether a fault may stand in for the answer.
    static func isGatewayRoute(_ path: String) -> Bool {
        path.hasSuffix("/gateway") || path.hasSuffix("/gateway/bot")
    }

    static func answer(_ request: RESTRequest, gatewayURL: String, state: inout GatewayState, now: UInt64) -> HTTPAnswer
    {
        var path = request.path
        if path.hasPrefix("/api") {
            path.removeFirst(4)
            if path.hasPrefix("/v") {
                let version = path.dropFirst(2).prefix { $0 != "/" }
                guard version == "10" || version == "9" else {
                    return error(400, code: 50041, "Invalid API version")
                }
                path.removeFirst(2 + version.count)
            }
        }
        let configuration = state.configuration
        if configuration.requiresUserAgent, !(request.userAgent?.hasPrefix("DiscordBot (") ?? false) {
            return error(403, code: 40333, "internal network error")
        }
        switch path {
        case "/gateway", "/gateway/bot", "/users/@me", "/oauth2/applications/@me", "/applications/@me":
            guard request.method == "GET" else { return error(405, code: 0, "405: Method Not Allowed") }
        default: return error(404, code: 0, "404: Not Found")
        }
        guard path != "/gateway" else {
            return HTTPAnswer(status: 200, headers: json, body: JSON.object(["url": .string(gatewayURL)]).description)
        }
        guard let token = state.acceptedToken, request.authorization == "Bot \(token)" else {
            return error(401, code: 0, "401: Unauthorized")
        }
        // Bot libraries ask who they are before they connect.
        if path == "/users/@me" { return HTTPAnswer(status: 200, headers: json, body: user.description) }
        if path != "/gateway/bot" { return HTTPAnswer(status: 200, headers: json, body: application.description) }
        let body: JSON = [
            "url": .string(gatewayURL), "shards": JSON(configuration.recommendedShards),
            "session_start_limit": [
                "total": JSON(configuration.sessionStartTotal),
                "reset_after": JSON(state.startLimit.resetAfter(at: now)),
                "remaining": JSON(state.startLimit.remaining), "max_concurrency": JSON(configuration.maxConcurrency),
            ],
        ]
        return HTTPAnswer(status: 200, headers: json, body: body.description)
    }

    private static let user: JSON = [
        "id": JSON(String(MemberDirectory.botID)), "username": "harbor_bot", "discriminator": "4417",
        "global_name": .null, "avatar": .null, "bot": true, "verified": true, "mfa_enabled": true, "flags": 0,
        "public_flags": 4_194_304, "banner": .null, "accent_color": .null,
    ]

    private static let application: JSON = [
        "id": JSON(String(MemberDirectory.botID)), "name": "harbor_bot", "icon": .null, "description": "",
        "bot_public": true, "bot_require_code_grant": false, "verify_key": "00", "flags": 565_248, "team": .null,
        "rpc_origins": [], "summary": "", "owner": user,
    ]

    static func error(_ status: Int, code: Int, _ message: String) -> HTTPAnswer {
        HTTPAnswer(
            status: status, headers: json,
            body: JSON.object(["message": .string(message), "code": JSON(code)]).description
        )
    }
}
