import Testing

@testable import GatewaySandbox

@Suite("Sandbox fault descriptions")
struct FaultParserTests {
    static let examples: [(String, FaultOrder)] = [
        ("drop", FaultOrder(.drop())),
        ("drop,reset=false,shard=3", FaultOrder(.drop(reset: false), shard: 3)),
        ("drop,at=accept,times=2", FaultOrder(.drop(), at: .accept, times: 2)),
        ("close,code=4000,reason=why not", FaultOrder(.close(code: 4000, reason: "why not"))),
        ("close", FaultOrder(.close(code: nil))),
        ("reconnect,at=hello", FaultOrder(.reconnect, at: .hello)),
        ("invalid-session,resumable=true", FaultOrder(.invalidSession(resumable: true))),
        ("acks,on=false", FaultOrder(.acknowledge(false))),
        ("delay-acks,seconds=0.5", FaultOrder(.delayAcks(.milliseconds(500)))),
        ("split,bytes=3", FaultOrder(.split(bytes: 3))),
        ("drip,bytes=2,pause=0.25", FaultOrder(.drip(bytes: 2, every: .milliseconds(250)))),
        ("raw,hex=81 02 7b7D", FaultOrder(.raw([0x81, 2, 0x7B, 0x7D]))),
        (
            "frame,opcode=9,final=false,text=hi",
            FaultOrder(.frame(RawFrame(opcode: 9, isFinal: false, payload: [0x68, 0x69])))
        ),
        ("oversize-frame,length=99", FaultOrder(.oversizeFrame(length: 99))),
        (
            "refuse,endpoint=resume,after=5,every=10",
            FaultOrder(.refuse, endpoint: .resume, after: .seconds(5), every: .seconds(10))
        ),
        ("certificate,kind=wrong-host", FaultOrder(.certificate(.wrongHost))),
        (
            "answer-upgrade,retry-after=3",
            FaultOrder(.answerUpgrade(HTTPAnswer(status: 503, headers: ["Retry-After": "3"])))
        ),
        (
            "answer-rest,status=401,body=no,times=1",
            FaultOrder(.answerREST(HTTPAnswer(status: 401, body: "no")), times: 1)
        ),
        ("{\"fault\":\"close\",\"code\":4009,\"reason\":\"a, b\"}", FaultOrder(.close(code: 4009, reason: "a, b"))),
    ]

    @Test("flags and JSON mean the same faults", arguments: examples.indices)
    func meaning(_ index: Int) throws {
        let (text, order) = Self.examples[index]
        #expect(try FaultOrder(parsing: text) == order)
    }

    @Test(
        "what is wrong is said",
        arguments: [
            ("nonsense", "unknown fault \"nonsense\""), ("drop,now", "expected key=value instead of \"now\""),
            ("drop,color=red", "unknown key \"color\""), ("drop,reset=maybe", "reset must be true or false"),
            ("split", "bytes is missing"), ("split,bytes=-1", "bytes must not be negative"),
            ("raw,hex=123", "hex must be hex"), ("raw,hex=zz", "hex must be hex"), ("certificate", "kind is missing"),
            ("drop,at=never", "at must be one of now, accept, upgrade, hello, identify, resume, started, rest"),
            ("delay,seconds=-1", "seconds must be a number of seconds"), ("[]", "unknown fault \"[]\""),
        ])
    func problems(text: String, problem: String) {
        #expect(throws: FaultSyntaxError(description: problem)) { _ = try FaultOrder(parsing: text) }
    }

    @Test("every fault of the reference can be ordered, and is named as it is ordered")
    func reference() throws {
        let names = [
            "drop", "half-open", "stop-reading", "close", "reconnect", "invalid-session", "request-heartbeat", "acks",
            "delay-acks,seconds=1", "forget-session", "delay,seconds=1", "split,bytes=1", "fragment,bytes=1", "drip",
            "corrupt-compression", "corrupt-json", "duplicate", "unknown-opcode", "unknown-event", "odd-dispatches",
            "reordered", "huge-dispatch", "huge-ready", "sequence-gap", "bomb", "frame", "raw,hex=00", "raw-tcp,hex=00",
            "refuse", "hang", "certificate,kind=expired", "answer-upgrade", "wrong-accept-key", "silence",
            "answer-rest",
        ]
        for text in names {
            let name = String(text.prefix { $0 != "," })
            #expect(try FaultOrder(parsing: text).fault.name == name)
            #expect(FaultOrder.reference.contains(name))
        }
        for name in [
            "reserved-bits", "reserved-opcode", "masked-frame", "invalid-utf8", "unsolicited-binary", "plain-text",
            "ping",
            "unsolicited-pong", "oversize-control", "fragmented-control", "orphan-continuation", "short-close",
            "oversize-frame",
        ] {
            #expect(try FaultOrder(parsing: name).fault.name == "frame")
            #expect(FaultOrder.reference.contains(name))
        }
    }
}

@Suite("Sandbox JSON")
struct JSONTests {
    @Test("values are read as they were written")
    func values() throws {
        let text =
            "{\"a\":[1,-2,1.5,1e3,true,false,null],\"b\":\"\\u00e9\\ud83d\\ude00\\n\\/\",\"c\":18446744073709551615}"
        let json = try JSON(parsing: text)
        #expect(json["a"] == [1, -2, 1.5, 1000.0, true, false, .null])
        #expect(json["b"] == "é😀\n/")
        #expect(json["c"] == .unsigned(.max))
        #expect(json["d"] == nil)
        #expect(try JSON(parsing: json.description) == json)
    }

    @Test(
        "what is no JSON is refused",
        arguments: [
            "", "{", "[1,]", "{\"a\":}", "{a:1}", "01", "1.", "\"a", "\"\\x\"", "\"\n\"", "tru", "1 2", "-", "[1 2]",
            "nul",
            "{\"a\" 1}", "\"\\u12\"",
        ])
    func refused(text: String) {
        #expect(throws: JSONError.self) { _ = try JSON(parsing: text) }
    }

    @Test("bad UTF-8 and endless nesting are refused")
    func hostile() {
        #expect(throws: JSONError.self) { _ = try JSON(parsing: [0x22, 0xFF, 0x22]) }
        #expect(throws: JSONError.self) { _ = try JSON(parsing: String(repeating: "[", count: 100_000)) }
    }
}
