import Testing

@testable import GatewayProtocol

private func message(_ scheme: ShardScheme, recommended: UInt32 = 10) -> String? {
    do {
        _ = try scheme.resolve(recommended: recommended)
        return nil
    } catch { return error.message }
}

@Suite struct ShardSchemeTests {
    @Test func resolves() throws {
        let all = try ShardScheme.auto.resolve(recommended: 7)
        #expect(all == ShardRange(first: 0, end: 7, total: 7) && Array(all.ids) == [0, 1, 2, 3, 4, 5, 6])
        #expect(Array(try ShardScheme.range(first: 2, count: 3, total: 9).resolve(recommended: 0).ids) == [2, 3, 4])
        let most = ShardScheme.maximumTotal
        #expect(try ShardScheme.range(first: 0, count: most, total: most).resolve(recommended: 0).total == most)
        let bucket = try ShardScheme.bucket(1, of: 2, total: 0).resolve(recommended: 6)
        #expect(Array(bucket.ids) == [1, 3, 5] && bucket.total == 6)
    }

    @Test(arguments: [(1, 1), (7, 3), (16, 16), (1_000, 7), (16_384, 48)] as [(UInt32, UInt32)])
    func bucketsHoldEveryShardOnce(_ total: UInt32, _ buckets: UInt32) throws {
        var seen: Set<UInt32> = []
        for bucket in 0..<buckets {
            let ids = Array(try ShardScheme.bucket(bucket, of: buckets, total: total).resolve(recommended: 0).ids)
            #expect(ids.allSatisfy { $0 % buckets == bucket && $0 < total && seen.insert($0).inserted })
            #expect(UInt32(ids.count) == total / buckets || UInt32(ids.count) == total / buckets + 1)
        }
        #expect(seen.count == Int(total))
    }

    @Test func splitsEvenly() throws {
        let first = Array(try ShardScheme.split(0, of: 2, total: 25).resolve(recommended: 0).ids)
        let second = Array(try ShardScheme.split(1, of: 2, total: 25).resolve(recommended: 0).ids)
        #expect(first == Array(0..<13) && second == Array(13..<25))
        let recommended = try ShardScheme.split(2, of: 3, total: 0).resolve(recommended: 7)
        #expect(Array(recommended.ids) == [5, 6] && recommended.total == 7)
    }

    /// Every scheme, any numbers: the processes together have every shard once, and their last ids are right.
    @Test func everySchemeCoversEveryShardOnce() throws {
        var random = SeededGenerator(seed: 17)
        for _ in 0..<2_000 {
            let total = UInt32.random(in: 1...300, using: &random)
            let processes = UInt32.random(in: 1...total, using: &random)
            var split: [UInt32] = []
            var bucket: Set<UInt32> = []
            for process in 0..<processes {
                let mine = Array(
                    try ShardScheme.split(process, of: processes, total: total).resolve(recommended: 0).ids)
                // Consecutive from process to process, and never more than one apart.
                #expect(mine.first == split.last.map { $0 + 1 } ?? 0)
                #expect(mine.count == total / processes || mine.count == total / processes + 1)
                split += mine
                let spread = Array(
                    try ShardScheme.bucket(process, of: processes, total: total).resolve(recommended: 0).ids)
                #expect(spread.last == total - 1 - (total - 1 - process) % processes)
                bucket.formUnion(spread)
            }
            #expect(split == Array(0..<total) && bucket == Set(0..<total))
            let first = UInt32.random(in: 0..<total, using: &random)
            let count = UInt32.random(in: 1...(total - first), using: &random)
            let range = Array(
                try ShardScheme.range(first: first, count: count, total: total).resolve(recommended: 0).ids)
            #expect(range.first == first && range.last == first + count - 1 && range.count == Int(count))
            #expect(Array(try ShardScheme.auto.resolve(recommended: total).ids).last == total - 1)
        }
        let most = ShardScheme.maximumTotal
        #expect(Array(try ShardScheme.split(most - 1, of: most, total: most).resolve(recommended: 0).ids) == [most - 1])
    }

    @Test func saysWhichNumberIsWrong() {
        #expect(message(.split(0, of: 0, total: 4)) == "The number of processes must not be 0.")
        #expect(message(.split(3, of: 3, total: 4)) == "Process 3 does not exist with 3 in total; the last one is 2.")
        #expect(message(.split(0, of: 5, total: 4)) == "4 shards in total are too few for 5 processes.")
        #expect(message(.split(0, of: 11, total: 0)) == "10 shards in total are too few for 11 processes.")
        #expect(message(.split(0, of: 1, total: 1_000_001)) == "1000001 shards in total are more than 1000000.")
        #expect(message(.range(first: 0, count: 1, total: 0)) == "The total number of shards must not be 0.")
        #expect(message(.range(first: 0, count: 0, total: 1)) == "The number of shards to run must not be 0.")
        #expect(
            message(.range(first: 3, count: 2, total: 4))
                == "Shards 3 to 4 do not exist with 4 in total; the last one is 3.")
        #expect(message(.range(first: .max, count: .max, total: .max)) != nil)
        #expect(message(.bucket(0, of: 0, total: 1)) == "The number of buckets must not be 0.")
        #expect(message(.bucket(2, of: 2, total: 4)) == "Bucket 2 does not exist with 2 in total; the last one is 1.")
        #expect(message(.bucket(0, of: 5, total: 4)) == "4 shards in total are too few for 5 buckets.")
        #expect(message(.bucket(0, of: 11, total: 0)) == "10 shards in total are too few for 11 buckets.")
        #expect(
            message(.range(first: 0, count: 1, total: 1_000_001))
                == "1000001 shards in total are more than 1000000.")
        #expect(message(.bucket(0, of: 1, total: .max)) != nil)
        #expect(message(.auto, recommended: 1_000_001) != nil)
        #expect(message(.auto, recommended: 0) == "The API recommends 0 shards; set their number yourself.")
        #expect(message(.range(first: 0, count: 1, total: 1), recommended: 0) == nil)
    }

    @Test func tellsWhenItNeedsTheAPI() {
        #expect(ShardScheme.auto.needsRecommendation)
        #expect(ShardScheme.bucket(0, of: 1, total: 0).needsRecommendation)
        #expect(ShardScheme.split(0, of: 1, total: 0).needsRecommendation)
        #expect(!ShardScheme.split(0, of: 1, total: 1).needsRecommendation)
        #expect(!ShardScheme.bucket(0, of: 1, total: 1).needsRecommendation)
        #expect(!ShardScheme.range(first: 0, count: 1, total: 1).needsRecommendation)
    }

    @Test func routesGuilds() {
        #expect(ShardRange.shard(ofGuild: 641_169_830_708_318_210, total: 1) == 0)
        #expect(
            ShardRange.shard(ofGuild: 641_169_830_708_318_210, total: 16)
                == UInt32((641_169_830_708_318_210 >> 22) % 16))
        // Unsigned: the topmost bit is no sign.
        #expect(ShardRange.shard(ofGuild: .max, total: 1_000) == UInt32((UInt64.max >> 22) % 1_000))
        #expect(ShardRange.shard(ofGuild: 5 << 22, total: 4) == 1)
        #expect(ShardRange.shard(ofGuild: 5, total: 0) == 0)
    }
}
