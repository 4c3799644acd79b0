"""Size of the library, the time to load it, and the memory that takes."""

import json
import re
import statistics
import subprocess

from . import rig

BAR_SIZE, BAR_TIME, BAR_MEMORY = 7.0, 3.0, 2.5  # MB, ms, MB


def measure(table, options):
    rounds = 5 if options.quick else 31
    library = rig.LIBRARY / "libswiftgateway.so"
    table.section("The library",
                  f"Load time: dlopen and the first call, in a new process, files in the page cache; medians of {rounds}.\n"
                  "Memory: anonymous. 'alone': with the libraries it needs loaded before, as in a process that has TLS.")
    table.row("size, stripped", library.stat().st_size / 1e6, "MB", bar=BAR_SIZE, bar_on="figure")
    rig.compile_program("loadtime", "loadtime.c", ["-ldl"])
    listed = subprocess.run(["ldd", str(library)], capture_output=True, text=True).stdout
    needed = [name for name in re.findall(r"=> (\S+)", listed)]
    runs = {"whole": [], "alone": []}
    for _ in range(rounds):
        for name, before in (("whole", []), ("alone", needed)):
            runs[name].append(json.loads(rig.run([rig.WORK / "loadtime", *before, library]).stdout))
    for name, prefix in (("whole", ""), ("alone", "last_")):
        ms = [run[f"{prefix}ms"] for run in runs[name]]
        kb = [run[f"{prefix}anonymous_kb"] / 1000 for run in runs[name]]
        title = "with all it needs" if name == "whole" else "alone"
        barred = name == "whole"
        table.row(f"load time, {title}", statistics.median(ms), "ms", samples=ms,
                  bar=BAR_TIME if barred else None, bar_on="figure")
        table.row(f"memory on load, {title}", statistics.median(kb), "MB", samples=kb,
                  bar=BAR_MEMORY if barred else None, bar_on="figure")
