extension Intents {
    /// What to ask for in order to receive some events.
    public struct Need: Sendable, Hashable {
        /// Every intent that makes the gateway send one of the events.
        public var intents: Intents
        /// Those of them that none of the events depends on alone: each event still comes without it, as long as another
        /// of its intents is there, though perhaps from fewer places, such as from guilds and not from direct messages.
        public var alternatives: Intents
    }

    /// What to ask for in order to receive these events (`gateway.md` §17). Events that are always sent need nothing;
    /// `messageContent` brings no event and is never in it, and may be wanted all the same.
    public static func needed(for events: some Sequence<EventType>) -> Need {
        var need = Need(intents: [], alternatives: [])
        var alone: Intents = []
        for event in events {
            let intents = event.intents
            need.intents.formUnion(intents)
            if intents.rawValue.nonzeroBitCount == 1 { alone.formUnion(intents) }
        }
        need.alternatives = need.intents.subtracting(alone)
        return need
    }

    /// The same by the events' names, such as "MESSAGE_CREATE". Throws `invalidArgument` with the name that no event of
    /// this build has.
    public static func needed(forNames names: [String]) throws(GatewayError) -> Need {
        var events: [EventType] = []
        for name in names {
            var copy = name
            guard let event = copy.withUTF8({ EventType(wireName: UnsafeRawBufferPointer($0)) }) else {
                throw GatewayError(.invalidArgument, "no event is named \"\(name.prefix(64))\"")
            }
            events.append(event)
        }
        return needed(for: events)
    }
}
