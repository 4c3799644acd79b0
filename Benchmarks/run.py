#!/usr/bin/env python3
"""Measures the engine against floor.c and prints one table.

    python3 Benchmarks/run.py [--rounds 9] [--events 200000] [--shards 500] [--quick]
    python3 Benchmarks/run.py --instructions

The method: engine and floor run alternately against the same load generator, so that what the machine does meanwhile
hits both; each figure is the median of all rounds; what counts is the ratio. Times are user and system CPU of the
client's whole process. --instructions counts with callgrind instead: instructions of a 10,000-event corpus less those
of a 5,000-event corpus, by 5,000, which leaves out everything but the cost of one more event.

Needs: the library in build/lib (make lib), a C compiler, OpenSSL, zlib and zstd with headers, the openssl command.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
WORK = ROOT / "build" / "bench"
LIBRARY = ROOT / "build" / "lib"
MODES = ("none", "zlib", "zstd")
ENVIRONMENT = dict(os.environ, LD_LIBRARY_PATH=str(LIBRARY))


def build():
    WORK.mkdir(parents=True, exist_ok=True)
    if not (LIBRARY / "libswiftgateway.so").exists():
        sys.exit("no build/lib/libswiftgateway.so: 'make lib' builds it")
    peers = ["-lssl", "-lcrypto", "-lz", "-lzstd", "-lpthread"]
    engine = [f"-I{ROOT / 'include'}", f"-L{LIBRARY}", "-lswiftgateway", "-lpthread"]
    for name, flags in (("loadgw", peers), ("floor", peers), ("client", engine)):
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", str(HERE / f"{name}.c"), "-o",
                        str(WORK / name), *flags], check=True)
    if not (WORK / "cert.pem").exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(WORK / "key.pem"),
                        "-out", str(WORK / "cert.pem"), "-days", "3650", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)


def corpus(events):
    path = WORK / f"corpus-{events}.jsonl"
    if not path.exists():
        subprocess.run([sys.executable, str(HERE / "corpus.py"), str(events), str(path)], check=True)
    return path


@contextlib.contextmanager
def load(*options):
    """A load generator with these options; gives its port."""
    process = subprocess.Popen([str(WORK / "loadgw"), "-q", "-p", "0", "-c", str(WORK / "cert.pem"), "-k",
                                str(WORK / "key.pem"), *map(str, options)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if found := re.match(r"listening on (\d+)", line):
                yield int(found.group(1))
                return
        sys.exit("the load generator did not start")
    finally:
        process.kill()
        process.wait()


def run(command):
    done = subprocess.run(list(map(str, command)), env=ENVIRONMENT, capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def floor(port, mode):
    return [WORK / "floor", port, mode]


def client(port, mode, delivery, last, kind="events", shards=()):
    return [WORK / "client", kind, port, mode, delivery, WORK / "cert.pem", last, *shards]


def events_table(rounds, events, modes):
    """CPU per event for each way of sending and each compression."""
    ways = [("bulk, a record for each event", events, ["-b", 0], modes),
            ("bulk, records packed", events, ["-b", 1], modes),
            ("one event per wakeup", max(events // 10, 500), ["-b", 0, "-w", 100, "-u", 1],
             [mode for mode in modes if mode == "zlib"])]
    print(f"CPU per event in µs, median of {rounds} alternated rounds; in brackets the ratio to the floor\n")
    print(f"{'':34}{'floor':>8}{'inline':>17}{'queued':>17}")
    for title, count, options, modes in ways:
        with load("-f", corpus(count), *options) as port:
            for mode in modes:
                times = {"floor": [], "inline": [], "queued": []}
                for _ in range(rounds):
                    times["floor"].append(json.loads(run(floor(port, mode)).stdout)["us_per_event"])
                    for delivery in ("inline", "queued"):
                        answer = json.loads(run(client(port, mode, delivery, count + 1)).stdout)
                        if answer["events"] != count + 1:
                            sys.exit(f"{answer['events']} events counted instead of {count + 1}")
                        times[delivery].append(answer["us_per_event"])
                middle = {name: statistics.median(values) for name, values in times.items()}
                cells = "".join(f"{middle[d]:>9.2f} ({middle[d] / middle['floor']:.2f})" + " " * 0
                                for d in ("inline", "queued"))
                print(f"{title + ', ' + mode:34}{middle['floor']:>8.2f}{cells}", flush=True)


def memory_table(shards, rounds):
    print(f"\nmemory per shard in KB at {shards} shards, median of {rounds}: anonymous (private dirty)\n")
    for title, mode, options, last in (
            ("idle, none", "none", [], 1),
            ("idle, zlib", "zlib", [], 1),
            ("warm, none", "none", ["-f", corpus(300)], 301),
            ("warm, zlib", "zlib", ["-f", corpus(300)], 301),
            ("warm, zstd", "zstd", ["-f", corpus(300)], 301)):
        with load(*options) as port:
            answers = [json.loads(run(client(port, mode, "inline", last, "memory", [shards])).stdout)
                       for _ in range(rounds)]
        print(f"{title:34}{statistics.median(a['anonymous_kb'] for a in answers):>8.1f} "
              f"({statistics.median(a['private_dirty_kb'] for a in answers):.1f})", flush=True)


def library_size():
    size = (LIBRARY / "libswiftgateway.so").stat().st_size
    print(f"\nsize of the library                {size / 1e6:.2f} MB")


def instructions(command):
    done = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command])
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def instructions_table(modes):
    print("instructions for one more event (callgrind); in brackets the ratio to the floor\n")
    print(f"{'':34}{'floor':>9}{'inline':>17}{'queued':>17}")
    for mode in modes:
        counts = {}
        for events in (5000, 10000):
            with load("-f", corpus(events), "-b", 1) as port:
                counts["floor", events] = instructions(floor(port, mode))
                for delivery in ("inline", "queued"):
                    counts[delivery, events] = instructions(client(port, mode, delivery, events + 1))
        one = {name: (counts[name, 10000] - counts[name, 5000]) / 5000 for name in ("floor", "inline", "queued")}
        cells = "".join(f"{one[d]:>10.0f} ({one[d] / one['floor']:.2f})" for d in ("inline", "queued"))
        print(f"{'bulk, records packed, ' + mode:34}{one['floor']:>9.0f}{cells}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="Measures the engine against floor.c.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--shards", type=int, default=500)
    parser.add_argument("--modes", default=",".join(MODES), help="of none,zlib,zstd")
    parser.add_argument("--quick", action="store_true", help="one round of few events: shows that everything runs")
    parser.add_argument("--memory", action="store_true", help="only the memory table")
    parser.add_argument("--instructions", action="store_true", help="only the instruction table")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.events, arguments.shards = 1, 5000, 50
    modes = arguments.modes.split(",")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536, hard))
    build()
    if arguments.instructions:
        instructions_table(modes)
        return
    if not arguments.memory:
        events_table(arguments.rounds, arguments.events, modes)
    memory_table(arguments.shards, 1 if arguments.quick else 3)
    library_size()


if __name__ == "__main__":
    main()
