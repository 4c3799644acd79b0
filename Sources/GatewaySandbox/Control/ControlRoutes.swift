/// The control endpoint's routes; JSON in and out, curl's `-d` is enough.
public enum ControlRoutes {
    /// The routes, one a line.
    public static let reference = """
        GET    /status      addresses, sessions, waiting faults, identifies left
        GET    /journal     what the sandbox saw; ?from=N from entry N on
        POST   /faults      {"fault":"close","code":4000,"shard":0} or an array of
                            such; answers {"hit":N}, the connections hit at once
        DELETE /faults      end all faults, listen again
        POST   /emit        {"shard":0,"name":"MESSAGE_CREATE","data":{}}; answers
                            {"sequence":N}; with "guild":"ID" in place of "shard"
                            to all sessions of that guild; answers {"sessions":N}
        POST   /burst       {"count":1000}, or {"count":1000,"shard":0}
        POST   /rate        {"eventsPerSecond":10}
        POST   /identifies  {"remaining":5}
        POST   /token       make a revoked token valid again ({} as body)
        """

    static func answer(_ method: String, _ uri: String, _ body: [UInt8], _ server: GatewayServer) -> HTTPAnswer {
        let path = uri.prefix { $0 != "?" }
        switch (method, path) {
        case ("GET", "/"):
            return HTTPAnswer(status: 200, body: reference + "\n\n" + FaultOrder.reference + "\n")
        case ("GET", "/status"): return json(server.status)
        case ("GET", "/journal"):
            let from = UpgradeRequest.query(of: uri)["from"].flatMap { Int($0) } ?? 0
            return json(.array(server.journal.entries(from: from).map(\.json)))
        case ("DELETE", "/faults"):
            server.clearFaults()
            _ = server.listeners?.reopen()
            return json([:])
        case ("POST", "/token"):
            server.state.isTokenRevoked = false
            return json([:])
        case ("POST", _): return post(String(path), body, server)
        default: return problem(404, "no such route; GET / lists them")
        }
    }

    private static func post(_ path: String, _ body: [UInt8], _ server: GatewayServer) -> HTTPAnswer {
        let request: JSON
        do { request = try JSON(parsing: body) } catch { return problem(400, "the body is no JSON: \(error)") }
        let shard = request["shard"]?.integer.map { Int(clamping: $0) }
        switch path {
        case "/faults":
            do {
                var orders: [FaultOrder] = []
                for item in request.array ?? [request] { orders.append(try FaultOrder(parsing: item)) }
                return json(["hit": JSON(orders.reduce(0) { $0 + server.place($1) })])
            } catch {
                return problem(400, "\(error)")
            }
        case "/emit":
            guard let name = request["name"]?.string else { return problem(400, "name is missing") }
            if let guild = request["guild"] {
                guard let id = guild.string.flatMap({ UInt64($0) }) else { return problem(400, "guild is no id") }
                let data = (request["data"] ?? [:]).description
                return json(["sessions": JSON(server.broadcast(guild: id, name: name, json: data))])
            }
            let sequence = server.emit(shard: shard ?? 0, name: name, json: (request["data"] ?? [:]).description)
            guard let sequence else { return problem(409, "the shard has no session") }
            return json(["sequence": JSON(sequence)])
        case "/burst":
            guard let count = request["count"]?.integer, count >= 0 else { return problem(400, "count is missing") }
            server.burst(shard: shard, count: Int(clamping: count))
            return json([:])
        case "/rate":
            guard let rate = request["eventsPerSecond"]?.number, rate >= 0, rate.isFinite else {
                return problem(400, "eventsPerSecond is missing")
            }
            server.eventsPerSecond = rate
            server.startStream()
            return json([:])
        case "/identifies":
            guard let remaining = request["remaining"]?.integer else { return problem(400, "remaining is missing") }
            server.state.startLimit.set(remaining: Int(clamping: remaining))
            return json([:])
        default: return problem(404, "no such route; GET / lists them")
        }
    }

    private static func json(_ value: JSON) -> HTTPAnswer {
        HTTPAnswer(status: 200, headers: HTTPRoutes.json, body: value.description + "\n")
    }

    private static func problem(_ status: Int, _ text: String) -> HTTPAnswer {
        HTTPAnswer(
            status: status, headers: HTTPRoutes.json, body: JSON.object(["error": .string(text)]).description + "\n")
    }
}

extension GatewayServer {
    /// What `GET /status` answers.
    var status: JSON {
        [
            "gateway_url": .string(gatewayURL), "resume_url": .string(state.resumeURL),
            "identifies_remaining": JSON(state.startLimit.remaining), "token_revoked": .bool(state.isTokenRevoked),
            "connections": JSON(connections.count), "events_per_second": .double(eventsPerSecond),
            "faults": .array(
                armed.map {
                    [
                        "fault": .string($0.order.fault.name), "at": .string($0.order.moment.rawValue),
                        "times": JSON($0.order.times),
                    ]
                }
            ),
            "sessions": .array(
                snapshots().map {
                    [
                        "id": .string($0.id), "shard": JSON($0.shard), "shards": JSON($0.shardTotal),
                        "last_sequence": JSON($0.lastSequence), "last_sent": $0.lastSent.map { JSON($0) } ?? .null,
                        "oldest_replayable": JSON($0.oldestReplayable), "messages": JSON($0.messages),
                        "pending": JSON($0.pending), "connected": .bool($0.isConnected),
                    ]
                }
            ),
        ]
    }
}
