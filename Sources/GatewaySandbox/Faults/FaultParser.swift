/// What is wrong with a fault's description.
public struct FaultSyntaxError: Error, Equatable, CustomStringConvertible {
    public let description: String
}

extension FaultOrder {
    /// Reads an order from JSON, as the control endpoint takes it:
    /// `{"fault":"close","code":4000,"reason":"why","shard":0,"at":"hello","endpoint":"resume","times":2,"after":1.5}`.
    /// Times are in seconds.
    public init(parsing json: JSON) throws(FaultSyntaxError) {
        guard let members = json.object else { throw FaultSyntaxError(description: "a fault must be a JSON object") }
        var reader = FaultReader(members: members)
        let fault = try reader.fault()
        let moment = try reader.choice("at", Moment.self)
        let endpoint = try reader.choice("endpoint", Endpoint.self)
        self.init(
            fault, at: moment, shard: try reader.optionalInteger("shard"), endpoint: endpoint,
            times: try reader.optionalInteger("times"), after: try reader.optionalSeconds("after"),
            every: try reader.optionalSeconds("every")
        )
        try reader.finish()
    }

    /// Reads an order from a flag: the fault's name, then `key=value` pairs, all separated by commas:
    /// `close,code=4000,reason=why,shard=0`. Values that contain commas need the JSON form, which starts with `{`.
    public init(parsing text: String) throws(FaultSyntaxError) {
        if text.hasPrefix("{") {
            let json: JSON
            do { json = try JSON(parsing: text) } catch {
                throw FaultSyntaxError(description: "not valid JSON: \(error)")
            }
            try self.init(parsing: json)
            return
        }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        var members: [String: JSON] = ["fault": .string(String(parts[0]))]
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else {
                throw FaultSyntaxError(description: "expected key=value instead of \"\(part)\"")
            }
            let value = String(part[part.index(after: equals)...])
            let parsed = try? JSON(parsing: value)
            // What reads as a number or a boolean is one; everything else is text, also without quotes.
            members[String(part[..<equals])] =
                switch parsed {
                case .integer, .double, .bool: parsed
                default: .string(value)
                }
        }
        try self.init(parsing: .object(members))
    }
}

/// Takes the members of a fault's description one by one, so that unknown ones can be told at the end.
struct FaultReader {
    private var members: [String: JSON]

    init(members: [String: JSON]) { self.members = members }

    mutating func take(_ key: String) -> JSON? { members.removeValue(forKey: key) }

    func finish() throws(FaultSyntaxError) {
        guard let key = members.keys.sorted().first else { return }
        throw FaultSyntaxError(description: "unknown key \"\(key)\"")
    }

    mutating func optionalInteger(_ key: String) throws(FaultSyntaxError) -> Int? {
        guard let value = take(key), !value.isNull else { return nil }
        guard let integer = value.integer else { throw FaultSyntaxError(description: "\(key) must be a whole number") }
        return Int(clamping: integer)
    }

    mutating func integer(_ key: String, default standard: Int? = nil) throws(FaultSyntaxError) -> Int {
        guard let value = try optionalInteger(key) ?? standard else {
            throw FaultSyntaxError(description: "\(key) is missing")
        }
        guard value >= 0 else { throw FaultSyntaxError(description: "\(key) must not be negative") }
        return value
    }

    mutating func flag(_ key: String, default standard: Bool) throws(FaultSyntaxError) -> Bool {
        guard let value = take(key) else { return standard }
        guard let flag = value.bool else { throw FaultSyntaxError(description: "\(key) must be true or false") }
        return flag
    }

    mutating func text(_ key: String, default standard: String? = nil) throws(FaultSyntaxError) -> String {
        switch take(key) {
        case .string(let text): return text
        case nil:
            guard let standard else { throw FaultSyntaxError(description: "\(key) is missing") }
            return standard
        case .some(let other): return other.description
        }
    }

    mutating func optionalSeconds(_ key: String) throws(FaultSyntaxError) -> Duration? {
        guard let value = take(key), !value.isNull else { return nil }
        guard let seconds = value.number, seconds >= 0, seconds < 1e9 else {
            throw FaultSyntaxError(description: "\(key) must be a number of seconds")
        }
        return .nanoseconds(Int64(seconds * 1e9))
    }

    mutating func seconds(_ key: String, default standard: Duration? = nil) throws(FaultSyntaxError) -> Duration {
        guard let value = try optionalSeconds(key) ?? standard else {
            throw FaultSyntaxError(description: "\(key) is missing")
        }
        return value
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, _: Choice.Type
    ) throws(FaultSyntaxError) -> Choice? where Choice.RawValue == String {
        guard let value = take(key), !value.isNull else { return nil }
        guard let choice = value.string.flatMap(Choice.init(rawValue:)) else {
            let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw FaultSyntaxError(description: "\(key) must be one of \(choices)")
        }
        return choice
    }

    /// Bytes as hex digits.
    mutating func bytes(_ key: String) throws(FaultSyntaxError) -> [UInt8] {
        let digits = try text(key, default: "").filter { $0 != " " }
        guard digits.utf8.count.isMultiple(of: 2) else { throw FaultSyntaxError(description: "\(key) must be hex") }
        var bytes: [UInt8] = []
        var high: Int?
        for digit in digits {
            guard let value = digit.hexDigitValue else { throw FaultSyntaxError(description: "\(key) must be hex") }
            if let first = high {
                bytes.append(UInt8(first << 4 | value))
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }

    mutating func answer(status: Int) throws(FaultSyntaxError) -> HTTPAnswer {
        var headers: [String: String] = [:]
        for (name, value) in take("headers")?.object ?? [:] { headers[name] = value.string ?? value.description }
        if let wait = take("retry-after") { headers["Retry-After"] = wait.string ?? wait.description }
        if let location = take("location")?.string { headers["Location"] = location }
        if let type = take("content-type")?.string { headers["Content-Type"] = type }
        let answer = HTTPAnswer(
            status: try integer("status", default: status), headers: headers, body: try text("body", default: "")
        )
        guard (100..<1000).contains(answer.status) else {
            throw FaultSyntaxError(description: "status must have three digits")
        }
        return answer
    }
}
