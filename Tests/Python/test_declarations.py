"""Every declared function, callback, struct and constant against what the C compiler says of the header."""

from __future__ import annotations

import ctypes
import enum
import os
import pathlib
import re
import subprocess
from typing import Any

import pytest
import swiftgateway
from conftest import ROOT
from pycparser import c_ast, c_parser
from swiftgateway import _declarations, enums

HEADER = ROOT / "include" / "swiftgateway.h"
CC = os.environ.get("CC", "cc")

# Stand-ins for the system's headers, so that the parser meets no compiler's extensions.
STANDARD = {
    "stdbool.h": "typedef _Bool bool;\n",
    "stddef.h": "typedef unsigned long size_t;\n",
    "stdint.h": "typedef unsigned int uint32_t;\ntypedef unsigned long uint64_t;\ntypedef unsigned short uint16_t;\n"
    "typedef unsigned char uint8_t;\ntypedef int int32_t;\ntypedef long int64_t;\n",
}
NUMBERS: dict[str, Any] = {
    "uint8_t": ctypes.c_uint8,
    "uint16_t": ctypes.c_uint16,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "size_t": ctypes.c_size_t,
    "double": ctypes.c_double,
    "bool": ctypes.c_bool,
    "char": ctypes.c_char,
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("standard")
    for name, text in STANDARD.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        [CC, "-E", "-P", "-nostdinc", "-std=c99", f"-I{folder}", str(HEADER)], check=True, capture_output=True, text=True
    )
    return c_parser.CParser().parse(done.stdout)


class Header:
    """What the header declares, as ctypes would say it."""

    def __init__(self, tree: Any) -> None:
        self.functions: dict[str, Any] = {}
        self.callbacks: dict[str, Any] = {}
        self.structs: dict[str, list[tuple[str, Any]]] = {}
        self.enums: dict[str, list[str]] = {}
        self.opaque: set[str] = set()
        for node in tree.ext:
            if isinstance(node, c_ast.Typedef):
                self.typedef(node)
        for node in tree.ext:
            if isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.FuncDecl):
                self.functions[node.name] = self.signature(node.type)

    def typedef(self, node: Any) -> None:
        inner = node.type
        if isinstance(inner, c_ast.TypeDecl) and isinstance(inner.type, c_ast.Enum):
            self.enums[node.name] = [one.name for one in inner.type.values.enumerators]
        elif isinstance(inner, c_ast.TypeDecl) and isinstance(inner.type, c_ast.Struct):
            if inner.type.decls is None:
                self.opaque.add(node.name)
            else:
                self.structs[node.name] = []
                for one in inner.type.decls:
                    self.structs[node.name].append((one.name, self.kind(one.type)))
        elif isinstance(inner, c_ast.PtrDecl) and isinstance(inner.type, c_ast.FuncDecl):
            self.callbacks[node.name] = self.signature(inner.type)

    def signature(self, node: Any) -> tuple[Any, list[Any]]:
        parameters = [self.kind(one.type) for one in node.args.params] if node.args else []
        return self.kind(node.type), [one for one in parameters if one is not None]

    def kind(self, node: Any) -> Any:
        """A description of a C type: a ctypes number, "status", None for void, or ("pointer", of what), ("array", …)."""
        if isinstance(node, c_ast.PtrDecl):
            return ("pointer", self.kind(node.type))
        if isinstance(node, c_ast.ArrayDecl):
            return ("array", self.kind(node.type), int(node.dim.value))
        if isinstance(node, c_ast.TypeDecl):
            (name,) = node.type.names
            if name == "void":
                return None
            if name in NUMBERS:
                return NUMBERS[name]
            if name == "sg_status":
                return "status"
            if name in self.opaque or name in self.structs:
                return name
            if name in self.callbacks:
                return ("callback", name)
        raise AssertionError(f"a C type that this test does not know: {node}")


@pytest.fixture(scope="module")
def header(tree: Any) -> Header:
    return Header(tree)


def agrees(declared: Any, actual: Any) -> bool:
    """Does a declared ctypes type say what the header does?"""
    if actual is None or declared is None:
        return actual is None and declared is None
    if actual == "status":
        return declared is _declarations.STATUS
    if isinstance(actual, tuple):
        if actual[0] == "callback":
            return declared is _declarations.CALLBACKS[actual[1]]
        if actual[0] == "array":
            return getattr(declared, "_length_", None) == actual[2] and agrees(declared._type_, actual[1])
        target = actual[1]
        if isinstance(target, str) and target not in _declarations.STRUCTS:  # a handle
            return declared is ctypes.c_void_p
        if target is None:
            return declared is ctypes.c_void_p
        if declared is ctypes.c_void_p:  # an address that is worked with as a number
            return target is ctypes.c_char or target == "sg_event"
        if declared is ctypes.c_char_p:
            return target is ctypes.c_char
        inner = getattr(declared, "_type_", None)
        if isinstance(target, str):
            return inner is _declarations.STRUCTS[target]
        return agrees(inner, target)
    return declared is actual


def test_every_function_of_the_header_is_declared(header: Header) -> None:
    assert set(_declarations.FUNCTIONS) == set(header.functions), (
        f"missing: {sorted(set(header.functions) - set(_declarations.FUNCTIONS))}, "
        f"too many: {sorted(set(_declarations.FUNCTIONS) - set(header.functions))}"
    )


def test_every_function_is_declared_as_the_header_has_it(header: Header) -> None:
    wrong = []
    for name, (result, arguments) in _declarations.FUNCTIONS.items():
        actual_result, actual = header.functions[name]
        if not agrees(result, actual_result):
            wrong.append(f"{name} returns {actual_result}, declared {result}")
        if len(actual) != len(arguments):
            wrong.append(f"{name} takes {len(actual)} arguments, declared {len(arguments)}")
        for index, (one, other) in enumerate(zip(arguments, actual)):
            if not agrees(one, other):
                wrong.append(f"{name}, argument {index}: {other}, declared {one}")
    assert not wrong


def test_every_callback_is_declared_as_the_header_has_it(header: Header) -> None:
    assert set(_declarations.CALLBACKS) == set(header.callbacks)
    for name, declared in _declarations.CALLBACKS.items():
        result, arguments = header.callbacks[name]
        assert agrees(declared._restype_, result), name
        assert len(declared._argtypes_) == len(arguments), name
        for one, other in zip(declared._argtypes_, arguments):
            assert agrees(one, other), (name, one, other)


def test_every_struct_has_the_fields_of_the_header(header: Header) -> None:
    assert set(_declarations.STRUCTS) == set(header.structs)
    for name, declared in _declarations.STRUCTS.items():
        assert [field for field, _ in declared._fields_] == [field for field, _ in header.structs[name]], name
        for (field, one), (_, other) in zip(declared._fields_, header.structs[name]):
            assert agrees(one, other), (name, field, one, other)


def compiled(lines: list[str], folder: pathlib.Path) -> list[int]:
    """Compiles a program that prints these expressions."""
    source = folder / "says.c"
    body = "\n".join(f'    printf("%lld\\n", (long long)({line}));' for line in lines)
    source.write_text(f'#include <stdio.h>\n#include "swiftgateway.h"\nint main(void) {{\n{body}\n    return 0;\n}}\n')
    subprocess.run([CC, f"-I{HEADER.parent}", str(source), "-o", str(folder / "says")], check=True)
    done = subprocess.run([str(folder / "says")], check=True, capture_output=True, text=True)
    return [int(line) for line in done.stdout.split()]


def test_sizes_and_offsets_are_those_of_the_compiler(tmp_path: pathlib.Path) -> None:
    lines, declared = [], []
    for name, struct in _declarations.STRUCTS.items():
        lines.append(f"sizeof({name})")
        declared.append(ctypes.sizeof(struct))
        for field, _ in struct._fields_:
            lines += [f"offsetof({name}, {field})", f"sizeof((({name} *)0)->{field})"]
            declared += [getattr(struct, field).offset, getattr(struct, field).size]
    assert dict(zip(lines, compiled(lines, tmp_path))) == dict(zip(lines, declared))


def test_the_layout_that_events_are_read_with_is_that_of_the_compiler(tmp_path: pathlib.Path) -> None:
    from swiftgateway.event import DISPATCH_LAYOUT, LAYOUT

    fields = [name for name, _ in _declarations.SGEvent._fields_]
    offsets = compiled([f"offsetof(sg_event, {name})" for name in fields], tmp_path)
    packed = LAYOUT.pack(*range(1, len(fields) + 1))
    for number, offset in enumerate(offsets, 1):
        assert packed[offset] == number, fields[number - 1]
    assert LAYOUT.size == DISPATCH_LAYOUT.size == ctypes.sizeof(_declarations.SGEvent)
    read = dict(zip(fields, range(1, len(fields) + 1)))
    names = ("kind", "shard_id", "type", "sequence", "data", "data_length", "received_ns")
    assert DISPATCH_LAYOUT.unpack(packed) == tuple(read[name] for name in names)


def python_name(c_name: str, prefix: str) -> str:
    name = c_name[len("SG_INTENTS_" if c_name.startswith("SG_INTENTS_") else prefix) :]
    return name[len("ERROR_") :] if prefix == "SG_" and name.startswith("ERROR_") else name


ENUMS = {
    "sg_status": (enums.Status, "SG_"),
    "sg_intent": (enums.Intents, "SG_INTENT_"),
    "sg_compression": (enums.Compression, "SG_COMPRESSION_"),
    "sg_inflate_backend": (enums.InflateBackend, "SG_INFLATE_"),
    "sg_delivery": (enums.Delivery, "SG_DELIVERY_"),
    "sg_zombie_policy": (enums.ZombiePolicy, "SG_ZOMBIE_"),
    "sg_shutdown_mode": (enums.ShutdownMode, "SG_SHUTDOWN_"),
    "sg_identify_kind": (enums.IdentifyKind, "SG_IDENTIFY_"),
    "sg_restart_mode": (enums.RestartMode, "SG_RESTART_"),
    "sg_log_level": (enums.LogLevel, "SG_LOG_"),
    "sg_event_kind": (enums.EventKind, "SG_EVENT_"),
    "sg_event_kinds": (enums.EventKinds, "SG_EVENT_KINDS_"),
    "sg_shard_state": (enums.ShardState, "SG_SHARD_"),
    "sg_dispatch": (enums.Dispatch, "SG_DISPATCH_"),
}


def test_every_enumeration_is_here(header: Header) -> None:
    assert set(ENUMS) == set(header.enums)


@pytest.mark.parametrize("name", ENUMS)
def test_enumeration(name: str, header: Header, tmp_path: pathlib.Path) -> None:
    python, prefix = ENUMS[name]
    values = compiled(header.enums[name], tmp_path)
    theirs = {python_name(constant, prefix): value for constant, value in zip(header.enums[name], values)}
    ours = {key: int(value) for key, value in python.__members__.items()}
    if python is enums.EventKinds:  # one bit for each kind, which the header leaves to 1 << SG_EVENT_…
        theirs |= {kind.name: 1 << kind for kind in enums.EventKind}
    assert ours == theirs


def test_the_version_is_that_of_the_header() -> None:
    found = re.search(r'#define SG_VERSION "(.*)"', HEADER.read_text())
    assert found is not None
    assert swiftgateway.__version__ == found.group(1) == swiftgateway.library_version()


def test_there_is_an_exception_for_every_status() -> None:
    classes = {}
    for status in enums.Status:
        if status is enums.Status.OK:
            continue
        error = swiftgateway.error_for(status, "a sentence")
        assert type(error) is not swiftgateway.GatewayError, status
        assert error.status is status and str(error) == "a sentence"
        assert type(error).__name__ in swiftgateway.__all__
        assert type(error).__name__.lower() == status.name.replace("_", "").lower() + "error"
        classes[status] = type(error)
        assert swiftgateway.status_name(status) == f"SG_ERROR_{status.name}"
    assert len(set(classes.values())) == len(classes)
    assert type(swiftgateway.error_for(77, "new")) is swiftgateway.GatewayError


def test_a_number_that_is_new_is_a_member_without_a_name() -> None:
    assert enums.Dispatch(4000).name == "UNKNOWN_4000" and enums.Dispatch(4000) == 4000
    with pytest.raises(ValueError):
        enums.Dispatch("MESSAGE_CREATE")


def test_every_function_is_used_by_the_package() -> None:
    """What the C API can do can be done from Python."""
    source = "".join(
        path.read_text()
        for path in pathlib.Path(swiftgateway.__file__).parent.glob("*.py")
        if path.name != "_declarations.py"
    )
    unused = []
    for name in _declarations.FUNCTIONS:
        short = re.sub(r"^sg_(cluster|shard)_", "", name)
        direct = re.search(rf"\b{name}\b", source)
        through_life = re.search(rf'"{short}"', source) and short != name
        if not direct and not through_life:
            unused.append(name)
    assert not unused


def test_enumerations_are_of_the_right_sort() -> None:
    for python, _ in ENUMS.values():
        assert issubclass(python, (enum.IntEnum, enum.IntFlag))
