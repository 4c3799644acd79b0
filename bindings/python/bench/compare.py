#!/usr/bin/env python3
"""What an event costs in Python: this package in each of its ways, the C client, and discord.py.

    python3 bindings/python/bench/compare.py [--rounds 7] [--events 100000] [--ways iterate,named,…] [--no-discord]

All run alternately against the same load generator, so that what the machine does meanwhile hits all of them; each figure
is the median. The figures are CPU time of the client's whole process, user and system, for each event that was sent.
Counting costs the same however few of the events are messages (44 of 100 in this corpus).

Needs: make lib, a C compiler, OpenSSL, zlib and zstd with headers, the openssl command; discord.py comes from PyPI.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BENCHMARKS = ROOT / "Benchmarks"
WORK = ROOT / "build" / "bench-python"
LIBRARY = ROOT / "build" / "lib"
WAYS = ("iterate", "named", "handler", "blocking", "data")
PACKAGES = ["discord.py==2.7.1", "orjson"]


def build():
    WORK.mkdir(parents=True, exist_ok=True)
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O2", BENCHMARKS / "loadgw.c", "-o", WORK / "loadgw", "-lssl", "-lcrypto", "-lz", "-lzstd",
                    "-lpthread"], check=True)
    subprocess.run([compiler, "-O2", HERE / "count.c", "-o", WORK / "count", f"-I{ROOT / 'include'}", f"-L{LIBRARY}",
                    "-lswiftgateway", f"-Wl,-rpath,{LIBRARY}", "-lpthread"], check=True)
    if not (WORK / "cert.pem").exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", WORK / "key.pem", "-out",
                        WORK / "cert.pem", "-days", "3650", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)


def environment():
    """A Python with discord.py and orjson; the package comes from this checkout."""
    folder = WORK / "venv"
    mark = folder / ".complete"
    if not mark.exists() or mark.read_text().split() != PACKAGES:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES],
                       check=True)
        mark.write_text("\n".join(PACKAGES))
    return folder / "bin" / "python"


def corpus(events):
    path = WORK / f"corpus-{events}.jsonl"
    if not path.exists():
        subprocess.run([sys.executable, BENCHMARKS / "corpus.py", str(events), f"{path}.part"], check=True)
        os.rename(f"{path}.part", path)
    return path


class Load:
    def __init__(self, events):
        self.process = subprocess.Popen([WORK / "loadgw", "-q", "-p", "0", "-c", WORK / "cert.pem", "-k", WORK / "key.pem", "-b",
                                         "1", "-f", corpus(events)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True)
        for line in self.process.stderr:
            if found := re.match(r"listening on (\d+)", line):
                self.url = f"wss://127.0.0.1:{found.group(1)}"
                return
        sys.exit("the load generator did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def run(command):
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "bindings" / "python" / "src"))
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=900)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\nended with {done.returncode}: {done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description="What an event costs in Python.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--discord-events", type=int, default=10_000)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--compression", default="zlib")
    parser.add_argument("--no-discord", action="store_true")
    options = parser.parse_args()
    build()
    python = environment()
    ways = options.ways.split(",")
    cost = {name: [] for name in ["C", *ways, *([] if options.no_discord else ["discord.py"])]}
    messages = {}
    last = options.events + 1
    with Load(options.events) as many, Load(options.discord_events) as few:
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", end="\r", file=sys.stderr, flush=True)
            for name in cost:
                if name == "C":
                    answer = run([WORK / "count", many.url, WORK / "cert.pem", last, options.compression])
                elif name == "discord.py":
                    answer = run([python, HERE / "discordpy_client.py", few.url, WORK / "cert.pem", options.discord_events + 1])
                else:
                    answer = run([python, BENCHMARKS / "python_client.py", name, many.url, WORK / "cert.pem", last,
                                  options.compression])
                cost[name].append(answer["us_per_event"])
                messages[name] = answer["messages"]
    counted = {messages[name] for name in ["C", *ways]}
    if len(counted) != 1:
        sys.exit(f"not all counted the same: {messages}")
    base = statistics.median(cost["C"])
    print(f"CPU for each of {options.events} events, {counted.pop()} of them messages, {options.compression}, medians of "
          f"{options.rounds} alternated rounds, Python {sys.version.split()[0]}\n")
    print(f"{'':12}{'µs':>8}{'over C':>9}{'discord.py ÷ it':>18}")
    theirs = statistics.median(cost["discord.py"]) if "discord.py" in cost else None
    for name, values in cost.items():
        middle = statistics.median(values)
        ratio = f"{theirs / middle:.1f}" if theirs else ""
        print(f"{name:12}{middle:>8.2f}{middle - base:>9.2f}{ratio:>18}")


if __name__ == "__main__":
    main()
