#!/usr/bin/env python3
"""Checks include/swiftgateway.h against everything that has to agree with it.

    header-check.py [--library FILE]   the checks; the library's exports only when it is given
    header-check.py --list             the names of the functions, one a line

- the enum tables equal those of the protocol (Tests/Fixtures/gateway.json);
- the struct layouts are the documented ones, without padding the compiler chose;
- every function and type has a comment;
- the header compiles without a warning in every language and with every compiler at hand, and so does the C++ one, with
  exceptions and without;
- the C++ header names every function and every constant: each has its namesake there;
- the library exports exactly the functions of the header.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ROOT / "include" / "swiftgateway.h"
WRAPPER = ROOT / "bindings" / "c" / "swiftgateway.hpp"
C_STANDARDS = ("c99", "c11", "c17", "c23")
CXX_STANDARDS = ("c++11", "c++17", "c++20", "c++23")
WRAPPER_STANDARDS = ("c++17", "c++20", "c++23")
OLD_NAMES = {"c23": "c2x", "c++23": "c++2b"}

passed = failed = 0


def check(good, what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"header: {what}")


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def functions(text):
    """The names of the declared functions, in their order."""
    return re.findall(r"^[a-z_][\w \*]*?\b(sg_[a-z0-9_]+)\s*\(", without_comments(text), re.M)


def enum(text, name):
    """The constants of an enum, in their order, with their values."""
    found = re.search(rf"typedef enum {name} \{{(.*?)\}} {name};", without_comments(text), re.S)
    result = {}
    for constant, value in re.findall(r"(SG_\w+)\s*=\s*([^,}]+)", found.group(1) if found else ""):
        shift = re.fullmatch(r"\s*1\s*<<\s*(\d+)\s*", value)
        result[constant] = 1 << int(shift.group(1)) if shift else int(value, 0)
    return result


def check_tables(text):
    protocol = json.loads((ROOT / "Tests" / "Fixtures" / "gateway.json").read_text())
    dispatches = {"SG_DISPATCH_UNKNOWN": 0}
    for number, event in enumerate(protocol["events"], 1):
        dispatches[f"SG_DISPATCH_{event['name']}"] = number
    actual = enum(text, "sg_dispatch")
    check(list(actual.items()) == list(dispatches.items()),
          f"sg_dispatch differs from the protocol's events: {sorted(set(actual.items()) ^ set(dispatches.items()))}")
    intents = {f"SG_INTENT_{i['name']}": i["value"] for i in protocol["intents"]}
    masks = protocol["intent_masks"]
    intents |= {"SG_INTENTS_ALL": masks["all"], "SG_INTENTS_UNPRIVILEGED": masks["all_unprivileged"],
                "SG_INTENTS_PRIVILEGED": masks["privileged"]}
    actual = enum(text, "sg_intent")
    check(actual == intents,
          f"sg_intent differs from the protocol's: {sorted(set(actual.items()) ^ set(intents.items()))}")
    privileged = set(re.findall(r"(SG_INTENT_\w+) = .*?/\* privileged\b", text))
    expected = {f"SG_INTENT_{i['name']}" for i in protocol["intents"] if i["privileged"]}
    check(privileged == expected, f"privileged intents differ: {sorted(privileged ^ expected)}")
    kinds = enum(text, "sg_event_kind")
    every = sum(1 << n for n in kinds.values())
    masks = {"SG_EVENT_KINDS_DEFAULT": every & ~(1 << kinds["SG_EVENT_PAYLOAD"]), "SG_EVENT_KINDS_ALL": every}
    check(enum(text, "sg_event_kinds") == masks, "the masks of sg_event_kinds do not fit sg_event_kind")
    for name in re.findall(r"typedef enum (\w+)", text):
        values = list(enum(text, name).values())
        check(values and len(values) == len(set(values)), f"{name}: no constants, or two with the same value")


def check_version(text):
    parts = [re.search(rf"#define SG_VERSION_{p} (\d+)", text).group(1) for p in ("MAJOR", "MINOR", "PATCH")]
    check(f'#define SG_VERSION "{".".join(parts)}"' in text, "SG_VERSION is not made of its parts")


def check_comments(text):
    """A comment right above each function, beside or above each type, and beside or above each field and constant."""
    lines = text.splitlines()
    for kind, body in re.findall(r"^typedef (?:enum|struct) (\w+) \{\n(.*?)^\}", text, re.M | re.S):
        before = ""
        for line in body.splitlines():
            member = re.match(r"    (?:\w[\w ]*[ *]+)?(\w+)(?:\[\d+\])?(?: = [^,/]+)?[,;]?(?= |$)", line)
            if member and not line.lstrip().startswith(("/*", "*")) and re.search(r"[,;=]|^    SG_", line):
                check("/*" in line or before.strip().startswith("/*"), f"{kind}: {member.group(1)} has no comment")
            before = line.rstrip()
    for number, line in enumerate(lines):
        declared = re.match(r"(?:[a-z_][\w \*]*?\b(sg_[a-z0-9_]+)\(|typedef (?:enum|struct) (\w+) \{)", line)
        if declared and not line.startswith((" ", "/")):
            above = lines[number - 1].rstrip() if number else ""
            check(above.endswith("*/") or "/*" in line, f"{declared.group(1) or declared.group(2)} has no comment")


LAYOUT = """
#include <stddef.h>
#include "swiftgateway.h"
#ifdef __cplusplus
#define ASSERT(name, condition) static_assert(condition, #name)
#else
#define ASSERT(name, condition) extern char assert_##name[(condition) ? 1 : -1]
#endif
ASSERT(pointers, sizeof(void *) == 8);
ASSERT(event_size, sizeof(sg_event) == 88);
ASSERT(event_sequence, offsetof(sg_event, sequence) == 16);
ASSERT(event_data, offsetof(sg_event, data) == 40);
ASSERT(event_state, offsetof(sg_event, state) == 56);
ASSERT(event_received, offsetof(sg_event, received_ns) == 80);
ASSERT(info_size, sizeof(sg_shard_info) == 336);
ASSERT(info_session, offsetof(sg_shard_info, session_id) == 24);
ASSERT(info_recent, offsetof(sg_shard_info, latency_recent_ns) == 168);
ASSERT(info_last, offsetof(sg_shard_info, last_close_code) == 332);
ASSERT(summary_size, sizeof(sg_cluster_summary) == 200);
ASSERT(summary_latency, offsetof(sg_cluster_summary, latency_slowest_ns) == 80);
ASSERT(summary_reset, offsetof(sg_cluster_summary, identifies_reset_ns) == 104);
ASSERT(summary_last, offsetof(sg_cluster_summary, commands_queued) == 192);
ASSERT(bot_size, sizeof(sg_gateway_bot) == 288);
ASSERT(bot_url, offsetof(sg_gateway_bot, url) == 32);
ASSERT(identify_size, sizeof(sg_identify) == 32);
ASSERT(identify_permit, offsetof(sg_identify, permit) == 8);
ASSERT(identify_key, offsetof(sg_identify, rate_limit_key) == 28);
ASSERT(members_size, sizeof(sg_guild_members_request) == 56);
ASSERT(members_nonce, offsetof(sg_guild_members_request, nonce) == 40);
"""


def compiles(compiler, standard, source, output, extra):
    command = [compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Wpadded", "-Werror", *extra,
               f"-I{ROOT / 'include'}", "-c", str(source), "-o", str(output)]
    return subprocess.run(command, capture_output=True, text=True)


def check_compilers():
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        used = 0
        for compiler, standards, suffix in (("gcc", C_STANDARDS, "c"), ("clang", C_STANDARDS, "c"),
                                            ("g++", CXX_STANDARDS, "cpp"), ("clang++", CXX_STANDARDS, "cpp")):
            if not shutil.which(compiler):
                continue
            used += 1
            source = work / f"layout.{suffix}"
            source.write_text(LAYOUT)
            for standard in standards:
                result = compiles(compiler, standard, source, work / "out.o", ["-Wshadow", "-Wconversion"])
                if result.returncode and re.search(r"unrecognized|invalid value", result.stderr):
                    result = compiles(compiler, OLD_NAMES.get(standard, standard), source, work / "out.o", [])
                check(result.returncode == 0, f"{compiler} -std={standard}: {result.stderr[:300]}")
        check(used > 0, "no compiler found")


def check_wrapper(text):
    """swiftgateway.hpp: complete, and free of warnings with the program that uses all of it."""
    there = set(re.findall(r"\bsg_\w+|\bSG_\w+", WRAPPER.read_text()))
    constants = [name for kind in re.findall(r"typedef enum (\w+)", text) for name in enum(text, kind)]
    for name in functions(text) + constants:
        check(name in there, f"swiftgateway.hpp has nothing for {name}")
    for body in re.findall(r"^enum class \w+ : [\w:]+ \{\n(.*?)^\};", WRAPPER.read_text(), re.M | re.S):
        before = ""
        for line in body.splitlines():
            if not line.strip().startswith("///"):
                check("///<" in line or before.strip().startswith("/// "), f"swiftgateway.hpp: no comment: {line}")
            before = line
    tests = ROOT / "Tests" / "C"
    jobs = [(compiler, standard, source, extra) for compiler in ("g++", "clang++") if shutil.which(compiler)
            for standard in WRAPPER_STANDARDS
            for source, extra in ((tests / "wrapper.cpp", []), (tests / "wrapper_plain.cpp", ["-fno-exceptions"]))]

    def compile_one(job):
        compiler, standard, source, extra = job
        options = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-fsyntax-only", *extra,
                   f"-I{ROOT / 'include'}", f"-I{WRAPPER.parent}", str(source)]
        result = subprocess.run([compiler, f"-std={standard}", *options], capture_output=True, text=True)
        if result.returncode and re.search(r"unrecognized|invalid value", result.stderr):
            old = OLD_NAMES.get(standard, standard)
            result = subprocess.run([compiler, f"-std={old}", *options], capture_output=True, text=True)
        return result

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for job, result in zip(jobs, pool.map(compile_one, jobs)):
            check(result.returncode == 0, f"{job[0]} -std={job[1]} {job[2].name}: {result.stderr[:600]}")


def exports(library):
    nm = shutil.which("nm") or shutil.which("llvm-nm")
    done = subprocess.run([nm, "-D", "--extern-only", "--defined-only", str(library)], check=True, capture_output=True, text=True)
    return {line.split()[-1].split("@")[0] for line in done.stdout.splitlines() if line.strip()}


def main():
    parser = argparse.ArgumentParser(description="Checks include/swiftgateway.h.")
    parser.add_argument("--library", type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    text = HEADER.read_text()
    names = functions(text)
    if arguments.list:
        print("\n".join(names))
        return 0
    check(len(names) > 50 and len(names) == len(set(names)), f"{len(names)} functions found, or one declared twice")
    check_version(text)
    check_tables(text)
    check_comments(text)
    check_compilers()
    check_wrapper(text)
    if arguments.library:
        there = exports(arguments.library)
        for name in names:
            check(name in there, f"{name} is declared and not exported")
        check(not there - set(names), f"exported and not declared: {sorted(there - set(names))}")
    print("header:")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
