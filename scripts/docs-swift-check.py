#!/usr/bin/env python3
"""Fails when a public symbol of a symbol graph has no comment. The cases of EventType are its table's names: they need
none, and neither does what the compiler or a protocol of the standard library asks for."""

import json
import pathlib
import sys

# Requirements whose meaning is their protocol's.
REQUIRED = {"rawValue", "init(rawValue:)", "description", "debugDescription", "customMirror", "<(_:_:)", "underestimatedCount",
            "makeIterator()", "next()", "Iterator"}

graph = json.loads(pathlib.Path(sys.argv[1]).read_text())
missing = []
for symbol in graph["symbols"]:
    path = symbol["pathComponents"]
    if "docComment" in symbol or path[-1] in REQUIRED:
        continue
    if path[0] == "EventType" and symbol["kind"]["identifier"] == "swift.enum.case":
        continue
    missing.append(".".join(path))
for name in sorted(missing):
    print(f"docs: {name} has no comment")
print("docs:")
print(f"{len(graph['symbols']) - len(missing)} passed, {len(missing)} failed")
sys.exit(1 if missing else 0)
