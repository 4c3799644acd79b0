"""Anonymous memory per shard, idle and warm, and how it grows with their number."""

import statistics

from . import rig
from .table import progress

# Bars of 1,000 shards, in KB.
BARS = {("warm", "zlib"): 62.0, ("idle", "none"): 24.0}
WARM = 300  # events that each shard has read


def measure(table, options):
    rounds = 1 if options.quick else 3
    sizes = [size for size in (1, 10, 100, 1000) if size <= options.shards]
    if sizes[-1] != options.shards:
        sizes.append(options.shards)
    table.section("Memory per shard",
                  "Anonymous memory of the process (smaps_rollup) less what it was before the cluster started, by the\n"
                  f"number of shards, once it no longer changes; medians of {rounds}. Idle: READY alone. Warm: {WARM} events each.")
    for state in ("idle", "warm"):
        corpus = ("-f", rig.corpus(WARM)) if state == "warm" else ()
        last = WARM + 1 if state == "warm" else 1
        with rig.Load(*corpus) as load:
            for mode in options.modes:
                for size in sizes:
                    progress(f"memory: {state}, {mode}, {size}")
                    answers = [rig.client(load, mode, "inline", last, "-m", shards=size) for _ in range(rounds)]
                    each = [a["anonymous_kb"] / size for a in answers]
                    bar = BARS.get((state, mode)) if size == 1000 else None
                    progress("")
                    table.row(f"{state}, {mode}, {size} shard{'s' if size > 1 else ''}", statistics.median(each),
                              "KB", samples=each, bar=bar, bar_on="figure", places=1,
                              private_dirty_kb=[a["private_dirty_kb"] / size for a in answers],
                              base_kb=answers[0]["base_kb"])
