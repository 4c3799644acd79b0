import Testing

@testable import SwiftGateway

@Suite struct LagSamplerTests {
    private let millisecond: UInt64 = 1_000_000

    @Test func takesAllThatComeApart() {
        var sampler = LagSampler()
        let times = (1...20 as ClosedRange<UInt64>).flatMap { [$0 * millisecond, $0 * millisecond + millisecond - 1] }
        let taken = times.filter { sampler.takes($0) }
        #expect(taken == (1...20).map { $0 * millisecond })
    }

    @Test func takesEveryEighthOfThoseThatFollowCloseUp() {
        var sampler = LagSampler()
        let taken = (0..<80 as Range<UInt64>).filter { sampler.takes(5 * millisecond + $0) }
        #expect(taken == [0, 8, 16, 24, 32, 40, 48, 56, 64, 72])
    }
}
