package struct Backoff: Sendable { package var first: UInt64; package var limit: UInt64; package init(first: UInt64, limit: UInt64) { self.first = first; self.limit = limit }
  package func delay(attempt: Int, using r: inout some RandomNumberGenerator) -> UInt64 { 0 } }
package struct SendWindow: Sendable { init(limit: Int, window: UInt64) {} ; func permits(now: UInt64) -> Int { 1 }; func nextPermit(now: UInt64) -> UInt64? {nil}; mutating func record(now: UInt64) {}; mutating func reset() {}; mutating func setReserve(heartbeatInterval: UInt64) {} }
package struct LatencyWindow: Sendable { mutating func record(_ x: UInt64) {} }
