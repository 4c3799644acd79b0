import Testing

@testable import SwiftGateway

@Suite("The gateway's URL")
struct GatewayAddressTests {
    @Test("is asked for at the first failure, once at a time, and a minute later at the earliest")
    func renewal() {
        let (start, minute) = (5_000_000_000 as UInt64, GatewayAddress.Renewal.pause)
        #expect(minute == 60_000_000_000)
        var renewal = GatewayAddress.Renewal()
        var asks: [Bool] = []
        for (time, isAnswered) in [
            (start, false), (start, false), (start + 2 * minute, true), (start + minute - 1, false),
            (start + minute, true), (start + 2 * minute - 1, true), (start + 2 * minute, true),
        ] {
            asks.append(renewal.failed(now: time))
            if isAnswered { renewal.answered() }
        }
        #expect(asks == [true, false, false, false, true, false, true])
    }
}
