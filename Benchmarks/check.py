#!/usr/bin/env python3
"""The regression check of CI: the engine's own instructions per event within 3 % of the recorded figures, and no
allocation per event. About a minute.

    python3 Benchmarks/check.py [--record]

Counted are the instructions inside the library alone, so that neither the versions of OpenSSL, zlib and libc nor how
they choose code for a processor matter. What is left that matters, the compiler's version and whether the processor has
AVX2, is part of a record's name; without a record of that name the figures are shown and only allocations are judged.
--record writes check.json anew: in the commit that changes them, with the reason in its message.
"""

import json
import pathlib
import platform
import re
import subprocess
import sys

from lines import allocations, callgrind, rig

TOLERANCE = 0.03
RECORD = pathlib.Path(__file__).resolve().parent / "check.json"
CASES = (("none", "inline"), ("zlib", "inline"), ("zlib", "queued"), ("zstd", "inline"))


def compiler():
    """The compiler's version as the library itself has it, whoever built it."""
    text = subprocess.run(["readelf", "-p", ".comment", str(rig.SYMBOLS / "libswiftgateway.so")], capture_output=True,
                          text=True).stdout
    found = re.search(r"Swift version ([0-9.]+)", text) or re.search(
        r"Swift version ([0-9.]+)", subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout)
    return f"swift {found.group(1)}" if found else "unknown compiler"


def main():
    rig.build()
    name = f"{compiler()}, {platform.machine()}, {callgrind.simd()}"
    records = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    recorded = records.get(name, {})
    failures = 0
    print(f"{name}: the engine's own instructions per event")
    figures = {}
    for case, profiles in callgrind.pairs(CASES).items():
        title = ", ".join(case)
        figures[title] = figure = round(callgrind.marginal(profiles, lambda p: p.of_object("libswiftgateway")), 1)
        verdict = ""
        if title in recorded and "--record" not in sys.argv:
            change = figure / recorded[title] - 1
            verdict = f"recorded {recorded[title]:.1f}, {change * 100:+.1f} %"
            if change > TOLERANCE:
                verdict += "  FAILED: more than 3 % above it"
                failures += 1
            elif change < -TOLERANCE:
                verdict += "  FAILED: more than 3 % below it; record the better figure (--record)"
                failures += 1
        print(f"  {title:24}{figure:10.1f}  {verdict}", flush=True)
    if "--record" in sys.argv:
        records[name] = figures
        RECORD.write_text(json.dumps(records, indent=2, sort_keys=True) + "\n")
        print(f"recorded in {RECORD.name}")
    elif not recorded:
        print("  Nothing is recorded for this; 'make bench-check CHECK=--record' does it.")

    print("allocations of the engine in steady state")
    way, commands, send, first, until = allocations.ways(False)[0]
    with rig.Load("-f", rig.corpus(send)) as load:
        load(f"send {send}")
        for command in commands:
            load(command)
        for mode, who in CASES:
            own = allocations.counted(load, mode, who, send + 1, first, until)["own"]
            failed = own != 0
            failures += failed
            print(f"  {mode + ', ' + who:24}{own:10} in {until - first} events  {'FAILED: none is allowed' * failed}",
                  flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
