import Testing

@testable import SwiftGateway

@Suite struct LagSamplerTests {
    private let millisecond: UInt64 = 1_000_000

    @Test func takesAllThatComeApart() {
        var sampler = LagSampler()
        for turn in 1...20 as ClosedRange<UInt64> {
            #expect(sampler.takes(turn * millisecond))
            #expect(!sampler.takes(turn * millisecond + millisecond - 1))
        }
    }

    @Test func takesEveryEighthOfThoseThatFollowCloseUp() {
        var sampler = LagSampler()
        let taken = (0..<80 as Range<UInt64>).filter { sampler.takes(5 * millisecond + $0) }
        #expect(taken == [0, 8, 16, 24, 32, 40, 48, 56, 64, 72])
    }
}
