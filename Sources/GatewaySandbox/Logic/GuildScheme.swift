/// The bot's guilds and where they belong: shard = `(guild_id >> 22) % num_shards` (`gateway.md` §16).
///
/// Ids are made so that consecutive guilds route to consecutive shards, for any number of shards.
struct GuildScheme: Sendable {
    let count: Int

    /// A creation time in early 2021, in milliseconds of Discord's epoch.
    private static let firstMillisecond: UInt64 = 190_000_000_000

    func id(_ index: Int) -> UInt64 { (Self.firstMillisecond + UInt64(index)) << 22 | 0x20_0001 }

    func shard(of guild: UInt64, total: UInt64) -> UInt64 { (guild >> 22) % max(1, total) }

    /// Whether the bot is in this guild.
    func contains(_ guild: UInt64) -> Bool {
        let millisecond = guild >> 22
        guard millisecond >= Self.firstMillisecond else { return false }
        let index = millisecond - Self.firstMillisecond
        return index < UInt64(count) && id(Int(index)) == guild
    }

    /// The guilds of one shard, by rising id.
    func guilds(shard: UInt64, total: UInt64) -> [UInt64] {
        let total = max(1, total)
        let offset = Self.firstMillisecond % total
        let first = Int((shard + total - offset) % total)
        return stride(from: first, to: count, by: Int(total)).map(id)
    }
}
