import Testing

@testable import GatewayTransport

@Suite struct RetryAfterTests {
    private func wait(_ value: String?, date: String? = nil) -> UInt64? {
        var headers: [(String, String)] = []
        if let value { headers.append(("retry-after", value)) }
        if let date { headers.append(("Date", date)) }
        return RetryAfter.nanoseconds(makeHead(429, headers))
    }

    @Test func seconds() {
        #expect(wait("0") == 0)
        #expect(wait("1") == 1_000_000_000)
        #expect(wait("65") == 65_000_000_000)
        #expect(wait("1.337") == 1_337_000_000)
        #expect(wait("86400") == 86_400_000_000_000)
        // More than a day is a day.
        #expect(wait("86401") == 86_400_000_000_000)
        #expect(wait("99999999999999999999999999") == 86_400_000_000_000)
    }

    @Test func unusable() {
        for value in [nil, "", "soon", "-1", "+1", "1e9", "inf", "nan", "0x10", ".5", "1.2.3", "1 2"] {
            #expect(wait(value) == nil, "\(value ?? "none")")
        }
        #expect(wait(String(repeating: "9", count: 400)) == nil)
    }

    @Test func dates() {
        let now = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(wait("Sun, 06 Nov 1994 08:49:47 GMT", date: now) == 10_000_000_000)
        #expect(wait("Mon, 07 Nov 1994 00:00:00 GMT", date: now) == 54_623_000_000_000)
        #expect(wait("Sun, 06 Nov 1994 08:49:00 GMT", date: now) == 0)
        #expect(wait("Sun, 06 Nov 1994 08:49:47 GMT") == nil)
        #expect(wait("Sun, 06 Nov 1994 08:49:47 GMT", date: "now") == nil)
    }

    @Test func secondsSince1970() {
        #expect(HTTPDate.seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(HTTPDate.seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(HTTPDate.seconds("Tue, 29 Feb 2000 12:00:00 GMT") == 951_825_600)
        #expect(HTTPDate.seconds("Wed, 01 Mar 2000 00:00:00 GMT") == 951_868_800)
        #expect(HTTPDate.seconds("Thu, 31 Dec 2099 23:59:59 GMT") == 4_102_444_799)
        for text in [
            "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1969 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMTx",
        ] {
            #expect(HTTPDate.seconds(text) == nil, "\(text)")
        }
    }

    /// Day after day, through every kind of leap year.
    @Test func daysFollowEachOther() {
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var expected = 0
        for year in 1970...2410 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for (month, name) in names.enumerated() {
                let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month]
                for day in [1, days] {
                    let text = "Xxx, \(day < 10 ? "0" : "")\(day) \(name) \(year) 00:00:00 GMT"
                    if HTTPDate.seconds(text) != (expected + day - 1) * 86400 { Issue.record("\(text)") }
                }
                expected += days
            }
        }
    }
}
