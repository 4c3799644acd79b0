"""Two loop threads against one."""

import statistics

from . import rig
from .table import progress

SHARDS = 8
BAR = 1.8


def measure(table, options):
    rounds = max(min(options.rounds, 5), 1)
    events = 2500 if options.quick else 25_000
    table.section("Two loop threads against one",
                  f"{SHARDS} zlib shards with {events} events each, inline, records packed, all released at once; from the\n"
                  "release to the last answer. The generator needs a core of its own: on two cores it takes a part of what\n"
                  "the second thread would need, and 'possible here' says what is left: all cores by the CPU of client and\n"
                  "generator together. CPU per event that does not grow with the second thread is what any machine shows.")
    rate, cost, generator = {1: [], 2: []}, {1: [], 2: []}, {1: [], 2: []}
    with rig.Load("-f", rig.corpus(options.events)) as load:
        load(f"send {events}"), load("pack 1")
        for number in range(rounds):
            for loops in ((1, 2), (2, 1))[number % 2]:
                progress(f"threads: round {number + 1} of {rounds}, {loops}")
                load("hold 1"), load("mark")
                with rig.Staying(load, "zlib", "inline", events + 1, "-j", loops, shards=SHARDS, wait=False) as client:
                    load.until("identified", SHARDS, 30)
                    before, load_before = rig.cpu_seconds(client.pid), rig.cpu_seconds(load.process.pid)
                    load("go")
                    answer = load.until("finished", SHARDS, 300)
                    cpu = rig.cpu_seconds(client.pid) - before
                    generator[loops].append((rig.cpu_seconds(load.process.pid) - load_before) / (SHARDS * events) * 1e6)
                rate[loops].append(SHARDS * events / answer["seconds"])
                cost[loops].append(cpu / (SHARDS * events) * 1e6)
    progress("")
    for loops in (1, 2):
        plural = "s" if loops > 1 else ""
        table.row(f"{loops} loop thread{plural}: events a second", statistics.median(rate[loops]), "/s", places=0,
                  samples=rate[loops])
        table.row(f"{loops} loop thread{plural}: CPU per event", statistics.median(cost[loops]), "µs", samples=cost[loops],
                  generator_us=generator[loops])
    one, two = statistics.median(cost[1]), statistics.median(cost[2])
    ratios = [a / b for a, b in zip(rate[2], rate[1])]
    cores = rig.machine()["cores"]
    own = statistics.median(generator[2])
    # One thread fills a core when the generator has another; two have what the generator leaves of all cores.
    possible = min(2.0, cores * one / (two + own))
    free = cores >= 4
    table.row("two against one: events a second", statistics.median(ratios), "×", samples=ratios,
              bar=BAR if free else None, bar_on="figure", sign="≥")
    table.row("two against one: CPU per event", two / one, "×")
    table.row(f"possible here, {cores} cores and {own:.2f} µs of the generator per event", possible, "×")
    if not free:
        table.row("two against one, by what is possible here", 2 * statistics.median(ratios) / possible, "×",
                  bar=BAR, bar_on="figure", sign="≥")
