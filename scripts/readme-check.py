#!/usr/bin/env python3
"""Does what README.md tells its reader to do, and fails when something in it is no longer true.

- its C program is bindings/c/count.c, and has 30 lines at most, blank ones not counted; likewise its Swift program
  bindings/swift/count-messages/main.swift; its C++ program is bindings/c/example.cpp; what else it shows of these
  languages is a part of a program there, line by line;
- links to files lead somewhere, and each `make` target it names exists;
- its shell commands run, in their order, in one shell. `make test` is left to whoever runs this; $HOME/.local becomes a
  temporary folder.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()

passed = failed = 0


def check(good, what):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"README: {what}")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.M | re.S)


def check_parts(parts, folder, ending):
    """Each is a run of lines of one program; how far it is indented there does not matter."""
    files = [path.read_text() for path in sorted((ROOT / "bindings" / folder).rglob("*" + ending))]
    programs = ["\n" + "\n".join(line.strip() for line in text.splitlines()) + "\n" for text in files]
    for part in parts:
        lines = "\n" + "\n".join(line.strip() for line in part.splitlines()) + "\n"
        check(any(lines in program for program in programs), f"this is in no program of bindings/{folder}: {part}")


def main():
    programs, parts = blocks("c")[:1], blocks("c")[1:]
    check_parts(parts, "c", ".c")
    check(programs == [(ROOT / "bindings" / "c" / "count.c").read_text()], "its C program is not bindings/c/count.c")
    check(blocks("cpp") == [(ROOT / "bindings" / "c" / "example.cpp").read_text()],
          "its C++ program is not bindings/c/example.cpp")
    check(all(sum(map(bool, program.splitlines())) <= 30 for program in programs),
          "its C program has more than 30 lines")

    programs, parts = blocks("swift")[:1], blocks("swift")[1:]
    check_parts(parts, "swift", ".swift")
    check(programs == [(ROOT / "bindings" / "swift" / "count-messages" / "main.swift").read_text()],
          "its Swift program is not bindings/swift/count-messages/main.swift")
    check(all(sum(map(bool, program.splitlines())) <= 30 for program in programs),
          "its Swift program has more than 30 lines")

    for target in re.findall(r"\]\(([^)#:]+)\)", re.sub(r"^```.*?^```", "", README, flags=re.M | re.S)):
        check((ROOT / target).exists(), f"the link to {target} leads nowhere")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", README, re.M):
        check(target in targets, f"there is no make {target}")
    for name in re.findall(r"\b(sg_[a-z_]+|SG_[A-Z_]+)\b", README):
        check(name in (ROOT / "include" / "swiftgateway.h").read_text(), f"the header has no {name}")

    with tempfile.TemporaryDirectory() as home:
        commands = "".join(blocks("sh")).replace("$HOME/.local", home)
        # The flags of the build at hand, so that nothing is built anew.
        script = ('set -euxo pipefail\nmake() { [ "$1" = test ] || command make "$@"; }\n'
                  'swift() { command swift "$@" ${SWIFT_FLAGS:-}; }\n' + commands)
        done = subprocess.run(["bash", "-c", script], cwd=ROOT, timeout=1800)
        check(done.returncode == 0, f"its commands end with status {done.returncode}")
    print("README:")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
