"""From a socket that becomes readable to the callback, at a steady 1,000 events a second."""

import array
import statistics

from . import rig
from .table import progress

BAR_P99 = 100.0  # µs, on a quiet core


def percentile(ordered, part):
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


def measure(table, options):
    mode = "zlib" if "zlib" in options.modes else options.modes[0]
    rounds = max(min(options.rounds, 5), 1)
    events = 1000 if options.quick else 5000
    table.section("Latency at 1,000 events a second, one event per wakeup, " + mode,
                  "From just before the generator's write() of the encrypted frame, when the socket becomes readable, to\n"
                  "the callback: the way through the kernel, the wakeup, read, decrypt, inflate, scan. The floor, which\n"
                  "waits in read() itself, is measured in the same way. 'inside' is the part since the engine's read().\n"
                  f"{rounds} alternated rounds of {events} events, all of them together; spread: of the rounds.")
    stamps, output = rig.WORK / "stamps", rig.WORK / "latencies"
    samples = {}
    with rig.Load("-f", rig.corpus(options.events), "-t", stamps) as load:
        load(f"send {events}"), load("pace 1000 1")
        for number in range(rounds):
            for who in ("floor", "inline", "queued"):
                progress(f"latency: round {number + 1} of {rounds}, {who}")
                if who == "floor":
                    rig.floor(load, mode, "-t", stamps, output)
                else:
                    rig.client(load, mode, who, events + 1, "-t", stamps, "-o", output)
                raw = array.array("Q", output.read_bytes())
                # The first events warm the caches up and wait behind READY.
                samples.setdefault(who, []).append((sorted(raw[200::2]), sorted(raw[201::2])))
    progress("")
    for index, name in ((0, "to the callback"), (1, "inside")):
        for who in ("floor", "inline", "queued")[index:]:
            everything = sorted(value for one in samples[who] for value in one[index])
            for part, label in ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")):
                figure = percentile(everything, part) / 1000
                floor = percentile(sorted(v for one in samples["floor"] for v in one[0]), part) / 1000
                barred = who == "inline" and part == 0.99 and index == 0
                table.row(f"{who}, {name}: {label}", figure, "µs",
                          samples=[percentile(one[index], part) / 1000 for one in samples[who]],
                          ratio=figure / floor if index == 0 and who != "floor" else None,
                          bar=BAR_P99 if barred else None, bar_on="figure", places=1)
            if index == 0 or who == "inline":
                samples_us = [v / 1000 for v in everything]
                table.rows[-1]["mean"] = statistics.fmean(samples_us)
