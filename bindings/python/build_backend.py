"""Builds the wheel: a build backend (PEP 517, PEP 660) of one file, so that installing from a checkout needs no network.

The wheel carries the self-contained library from build/lib. When it is not there, `make lib` builds it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import pathlib
import platform
import re
import shutil
import struct
import subprocess
import sys
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PACKAGE = HERE / "src" / "swiftgateway"
LIBRARY = ROOT / "build" / "lib" / "libswiftgateway.so"

#: What every Linux of the manylinux policies has (PEP 600, and auditwheel's list for them).
ALLOWED = re.compile(
    r"(lib(c|m|dl|rt|pthread|util|nsl|resolv)\.so\.\d+|libgcc_s\.so\.1|libstdc\+\+\.so\.6|libz\.so\.1|ld-linux[\w-]*\.so\.\d)$"
)


def version() -> str:
    found = re.search(r'__version__ = "(.*)"', (PACKAGE / "_version.py").read_text(encoding="utf-8"))
    assert found is not None
    return found.group(1)


def library() -> pathlib.Path:
    """The library to put into the wheel."""
    named = os.environ.get("SWIFTGATEWAY_LIBRARY")
    if named:
        if not pathlib.Path(named).is_file():
            raise SystemExit(f"swiftgateway: SWIFTGATEWAY_LIBRARY names {named}, which is no file")
        return pathlib.Path(named)
    if LIBRARY.exists():
        return LIBRARY
    if not (ROOT / "Makefile").exists() or not (ROOT / "include" / "swiftgateway.h").exists():
        raise SystemExit(
            "swiftgateway: there is no library to put into the wheel. Install from a whole checkout of the project "
            "('pip install ./bindings/python', with pip 21.3 or newer), or name a libswiftgateway.so in the environment "
            "variable SWIFTGATEWAY_LIBRARY."
        )
    if not shutil.which("make"):
        raise SystemExit("swiftgateway: 'make' is missing, which builds the library: sudo apt-get install -y make")
    print("swiftgateway: building the library with 'make lib'; this takes some minutes", file=sys.stderr, flush=True)
    done = subprocess.run(
        ["make", "-C", str(ROOT), "lib"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode or not LIBRARY.exists():
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise SystemExit(f"swiftgateway: the library could not be built. 'make lib' said:\n\n{tail}")
    return LIBRARY


def elf_needs(path: pathlib.Path) -> tuple[list[str], list[str]]:
    """The libraries that a 64-bit ELF file needs, and the symbol versions that it needs of them."""
    data = path.read_bytes()
    if data[:5] != b"\x7fELF\x02" or data[5] != (1 if sys.byteorder == "little" else 2):
        raise SystemExit(f"swiftgateway: {path} is no shared library for this machine")
    (start,) = struct.unpack_from("=Q", data, 40)
    size, count = struct.unpack_from("=HH", data, 58)
    sections = [struct.unpack_from("=IIQQQQIIQQ", data, start + index * size) for index in range(count)]

    def text(table: int, at: int) -> str:
        begin = sections[table][4] + at
        return data[begin : data.index(b"\0", begin)].decode()

    libraries, versions = [], []
    for section in sections:
        kind, offset, length, link = section[1], section[4], section[5], section[6]
        if kind == 6:  # SHT_DYNAMIC
            for at in range(offset, offset + length, 16):
                tag, value = struct.unpack_from("=qQ", data, at)
                if tag == 1:  # DT_NEEDED
                    libraries.append(text(link, value))
        elif kind == 0x6FFFFFFE:  # SHT_GNU_verneed
            at = offset
            while True:
                _, entries, _, first, following = struct.unpack_from("=HHIII", data, at)
                one = at + first
                for _ in range(entries):
                    _, _, _, name, next_one = struct.unpack_from("=IHHII", data, one)
                    versions.append(text(link, name))
                    one += next_one
                if not following:
                    break
                at += following
    return libraries, versions


def platform_tag(path: pathlib.Path) -> str:
    """manylinux_2_N when the file needs nothing but what every Linux with that C library has; else linux.

    As it is, OpenSSL 3 is the system's, so that its updates and its trust store are: that makes it linux, which pip
    installs and PyPI does not take."""
    machine = platform.machine()
    libraries, versions = elf_needs(path)
    glibc = [tuple(map(int, one[6:].split("."))) for one in versions if re.fullmatch(r"GLIBC_[\d.]+", one)]
    if glibc and all(ALLOWED.match(one) for one in libraries):
        newest = max(glibc)
        return f"manylinux_{newest[0]}_{newest[1]}_{machine}"
    return f"linux_{machine}"


def metadata() -> str:
    try:
        import tomllib
    except ImportError:  # before 3.11
        import tomli as tomllib

    with open(HERE / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {version()}",
        f"Summary: {project['description']}",
        f"License: {project['license']['text']}",
        f"Requires-Python: {project['requires-python']}",
        *[f"Classifier: {one}" for one in project["classifiers"]],
    ]
    for extra, requirements in project.get("optional-dependencies", {}).items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {one}; extra == "{extra}"' for one in requirements]
    lines += ["Description-Content-Type: text/markdown", "", (HERE / "README.md").read_text(encoding="utf-8")]
    return "\n".join(lines)


class Wheel:
    """A wheel that is being written. The same input gives the same bytes."""

    def __init__(self, folder: str, tag: str) -> None:
        self.tag = tag
        self.info = f"swiftgateway-{version()}.dist-info"
        self.name = f"swiftgateway-{version()}-{tag}.whl"
        self.records: list[str] = []
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        self.path = pathlib.Path(folder, self.name)
        self.file = zipfile.ZipFile(self.path, "w", zipfile.ZIP_DEFLATED)
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
        self.date = max(time.gmtime(epoch)[:6], (1980, 1, 1, 0, 0, 0))

    def add(self, name: str, content: bytes, mode: int = 0o644) -> None:
        entry = zipfile.ZipInfo(name, self.date)
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self.file.writestr(entry, content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        self.records.append(f"{name},sha256={digest},{len(content)}")

    def finish(self) -> str:
        self.add(f"{self.info}/METADATA", metadata().encode())
        self.add(f"{self.info}/LICENSE", (ROOT / "LICENSE").read_bytes() if (ROOT / "LICENSE").exists() else b"MIT\n")
        generator = "Wheel-Version: 1.0\nGenerator: swiftgateway\n"
        self.add(f"{self.info}/WHEEL", f"{generator}Root-Is-Purelib: false\nTag: {self.tag}\n".encode())
        record = "\n".join([*self.records, f"{self.info}/RECORD,,", ""])
        self.file.writestr(zipfile.ZipInfo(f"{self.info}/RECORD", self.date), record)
        self.file.close()
        return self.name


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """PEP 517: everything in one wheel."""
    shared = library()
    wheel = Wheel(wheel_directory, f"py3-none-{platform_tag(shared)}")
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and path.suffix in (".py", ".typed"):
            wheel.add(f"swiftgateway/{path.relative_to(PACKAGE).as_posix()}", path.read_bytes())
    wheel.add("swiftgateway/_lib/libswiftgateway.so", shared.read_bytes(), 0o755)
    return wheel.finish()


def build_editable(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """PEP 660: a pointer to this checkout, whose build/lib is used."""
    library()
    wheel = Wheel(wheel_directory, f"py3-none-linux_{platform.machine()}")
    wheel.add("swiftgateway.pth", f"{PACKAGE.parent}\n".encode())
    return wheel.finish()


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    """The sources are the whole project, not this folder."""
    raise SystemExit("swiftgateway: there is no source distribution; build a wheel with 'make wheel'")


def get_requires_for_build_wheel(config_settings: object = None) -> list[str]:
    return []


if __name__ == "__main__":
    target = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build" / "wheel")
    print(pathlib.Path(target, build_wheel(target)))
