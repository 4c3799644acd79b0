"""CPU per event, against the floor."""

import statistics

from . import rig
from .table import progress

BARS = {"inline": 1.10, "queued": 1.25, "trickle": 1.15}


def alternate(table, load, rounds, last, cases, title):
    """Floor and engine in turn, every case once a round, so that what the machine does meanwhile hits all of them; each
    round begins with another one."""
    times = {}
    for number in range(rounds):
        for mode, deliveries, _ in cases:
            turn = ["floor", *deliveries]
            for who in turn[number % len(turn):] + turn[:number % len(turn)]:
                progress(f"{title}: round {number + 1} of {rounds}, {mode}, {who}")
                answer = rig.floor(load, mode) if who == "floor" else rig.client(load, mode, who, last)
                times.setdefault((mode, who), []).append(answer["us_per_event"])
    progress("")
    for mode, deliveries, bars in cases:
        floor = times[mode, "floor"]
        table.row(f"{title}, {mode}: floor", statistics.median(floor), "µs", samples=floor)
        for delivery in deliveries:
            table.against(f"{title}, {mode}: {delivery}", times[mode, delivery], floor, "µs", bar=bars.get(delivery))


def measure(table, options):
    table.section("CPU per event",
                  "User and system time of the whole process by the number of events; floor and engine in turn,\n"
                  f"medians of {options.rounds} rounds; the ratio is the median of the rounds' ratios.")
    bulk = [(mode, ("inline", "queued"), {"inline": BARS["inline"], "queued": BARS["queued"]})
            for mode in options.modes]
    with rig.Load("-f", rig.corpus(options.events)) as load:
        alternate(table, load, options.rounds, options.events + 1, bulk, "bulk, a record for each event")
        load("pack 1")
        alternate(table, load, options.rounds, options.events + 1, bulk, "bulk, records packed")
        count = max(options.events // 10, 500)
        load("pack 0"), load("pace 100 1"), load(f"send {count}")
        trickle = [(mode, ("inline", "queued"), {"inline": BARS["trickle"]}) for mode in options.modes if mode == "zlib"]
        alternate(table, load, options.rounds, count + 1, trickle, "one event per wakeup")
