"""Instructions per event against the floor, and how many of them are counting."""

import re

from . import callgrind, rig
from .table import progress

BARS = {"inline": 1.05, "queued": None}
COUNTING_BAR = 1.0  # % of an event

# Source lines that are there for counters and metrics alone, besides all of Observe/.
COUNTS = re.compile(r"addByOnlyWriter|\bcounters\.\w+ \+= |\bmetrics\.|\blagSampler\.|\b(lag|heartbeats)\.record\(|// counts")

RETAINS = ("swift_retain", "swift_release", "swift_retain_n", "swift_release_n", "swift_bridgeObjectRetain",
           "swift_bridgeObjectRelease")
LOCKS = ("pthread_mutex_lock", "pthread_mutex_lock@@GLIBC_2.2.5", "__pthread_mutex_lock", "pthread_mutex_trylock",
         "pthread_mutex_trylock@@GLIBC_2.34", "pthread_rwlock_rdlock@@GLIBC_2.34", "pthread_rwlock_wrlock@@GLIBC_2.34",
         "pthread_cond_signal@@GLIBC_2.3.2")


def counting_lines():
    found = set()
    for path in (rig.ROOT / "Sources").rglob("*.swift"):
        whole = "/Observe/" in str(path)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if whole or COUNTS.search(line):
                found.add((str(path.relative_to(rig.ROOT)), number))
    return found


def counted(profile, lines):
    """Those lines themselves, and what they call beyond Observe/, such as the clock."""
    def relative(file):
        return "Sources/" + file.split("Sources/", 1)[1] if "Sources/" in file else file
    own = sum(cost for (file, number), cost in profile.lines.items() if (relative(file), number) in lines)
    return own + sum(cost for (file, number, callee), cost in profile.below.items()
                     if (relative(file), number) in lines and "/Observe/" not in callee)


def measure(table, options):
    table.section("Instructions per event",
                  f"callgrind: {callgrind.MANY} events less {callgrind.FEW}, bulk, records packed. "
                  "'engine' is the part inside the library itself.")
    progress("instructions: callgrind runs")
    whos = ("floor", "inline", "queued")
    results = callgrind.pairs([(mode, who) for mode in options.modes for who in whos], library=rig.SYMBOLS)
    progress("")
    lines = counting_lines()
    counting = {}
    for mode in options.modes:
        floor = callgrind.marginal(results[mode, "floor"])
        table.row(f"{mode}: floor", floor, "", places=0)
        for who in whos[1:]:
            profiles = results[mode, who]
            figure = callgrind.marginal(profiles)
            own = callgrind.marginal(profiles, lambda p: p.of_object("libswiftgateway"))
            table.row(f"{mode}: {who}", figure, "", ratio=figure / floor, bar=BARS[who], places=0,
                      note=f"engine {own:.0f}", engine=own)
            counting[mode, who] = callgrind.marginal(profiles, lambda p: counted(p, lines)), figure
    for (mode, who), (count, figure) in counting.items():
        table.row(f"counting, {mode}: {who}", count / figure * 100, "%", bar=COUNTING_BAR, bar_on="figure",
                  note=f"{count:.1f} instructions")
    for what, names in (("retain and release", RETAINS), ("locks", LOCKS)):
        for (mode, who), profiles in results.items():
            if who != "floor":
                calls = callgrind.marginal(profiles, lambda p: sum(p.calls[name] for name in names))
                table.row(f"{what}, {mode}: {who}", calls, "calls", places=2)
    if options.functions:
        for mode in options.modes:
            print(f"\n  {mode}, inline, instructions per event by function:")
            short, long = results[mode, "inline"]
            cost = {key: (value - short.functions[key]) / (callgrind.MANY - callgrind.FEW)
                    for key, value in long.functions.items()}
            for (where, function), value in sorted(cost.items(), key=lambda item: -item[1])[:25]:
                print(f"  {value:10.1f}  {where:28} {function[:100]}")
