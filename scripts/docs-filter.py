#!/usr/bin/env python3
"""Doxygen's view of the headers, which are written for readers of the text.

Comments become documentation: those above a declaration, and those beside a field, a constant or a define. Headings in
dashes become groups, and a comment with nothing below it belongs to its group. The labels of the opening comment, such as
"Errors", become headings of paragraphs. What the reader of the reference has no use for goes: inline namespaces, the macros of the
last parameter.
"""

import pathlib
import re
import sys

LABEL = re.compile(r"(?=.{9} \S)([A-Z][a-z]{3,8}) +(\S.*)")


def opening(lines):
    """A file's opening comment, without its comment signs: labels become headings."""
    out = []
    labelled = False
    for line in lines:
        found = LABEL.fullmatch(line)
        if found and found.start(2) == 10 and (labelled or line[8:10] == "  "):
            labelled = True
            out += [f"\\par {found.group(1)}", found.group(2)]
        elif labelled:
            status = re.fullmatch(r" +(SG_ERROR_\w+) {2,}(.*)", line)
            out.append(f"- `{status.group(1)}` {status.group(2)}" if status else line.strip())
            labelled = bool(line.strip())
        else:
            out.append("" if line == "CONVENTIONS, which hold for every function below" else line)
    return out


def c_comment(text):
    """The lines of a C comment without its signs."""
    text = text.strip()[2:-2]
    return [re.sub(r"^ \* ?", "", line).rstrip() for line in text.strip("\n").split("\n")]


def c_header(text):
    end = text.index("*/") + 2
    first = "\n".join(opening(c_comment(text[:end])))
    rest = text[end:]
    groups = 0

    def block(found):
        """A comment that begins at the margin."""
        nonlocal groups
        comment, after = found.group(1), found.group(2)
        heading = re.match(r"/\* -{20,} (\w[\w ]*?)\s*(?:\*/|\n \*(?= |\n))", comment)
        if heading:
            close = "/** @} */\n" if groups else ""
            groups += 1
            body = comment[heading.end():] if not heading.group(0).endswith("*/") else "*/"
            name = heading.group(1).lower().replace(" ", "_")
            return f"{close}/** \\defgroup {name} {heading.group(1)}\n *{body.removesuffix('*/')}\n * @{{ */{after}"
        if after.startswith("\n\n"):
            return f"/** @}} */\n/** \\addtogroup {current(found.start())}\n *{comment[2:-2]}\n * @{{ */{after}"
        return f"/**{comment[2:]}{after}"

    headings = [(m.start(), m.group(1).lower().replace(" ", "_"))
                for m in re.finditer(r"^/\* -{20,} (\w[\w ]*?)\s*$|^/\* -{20,} (\w[\w ]*?) \*/$", rest, re.M)
                if m.group(1)] + [(m.start(), m.group(1).lower().replace(" ", "_"))
                                  for m in re.finditer(r"^/\* -{20,} (\w[\w ]*?) \*/$", rest, re.M)]

    def current(at):
        return max((h for h in headings if h[0] <= at), default=(0, "general"))[1]

    rest = re.sub(r"^(/\*.*?\*/)(\n\n?)", block, rest, flags=re.M | re.S)
    rest = re.sub(r"^( *(?:typedef |#define |\w)[^\n/]*?[;,\w\"\])]) +/\* ?", r"\1 /**< ", rest, flags=re.M)
    tail = rest.rindex("#ifdef __cplusplus")
    rest = rest[:tail] + "/** @} */\n" + rest[tail:]
    return f"/** \\file\n * The C API of libswiftgateway.so. */\n/** \\mainpage\n{first}\n*/\n{rest}"


def cpp_header(text):
    lines = text.split("\n")
    count = next(number for number, line in enumerate(lines) if not line.startswith("///"))
    comment = [line[4:] for line in lines[:count]]
    result = ["/// " + line for line in opening(comment)] + lines[count:]
    # Doxygen links a function's name when parentheses follow.
    header = (pathlib.Path(__file__).resolve().parent.parent / "include" / "swiftgateway.h").read_text()
    functions = "|".join(set(re.findall(r"^[a-z_][\w \*]*?\b(sg_[a-z0-9_]+)\(", header, re.M)))
    result = [re.sub(rf"\b({functions})\b(?!\()", r"\1()", line) if line.lstrip().startswith("///") else line
              for line in result]
    text = "\n".join(result)
    text = re.sub(r"#ifdef SWIFTGATEWAY_NO_EXCEPTIONS\ninline namespace.*?#endif\n", "", text, flags=re.S)
    text = re.sub(r"#ifdef SWIFTGATEWAY_NO_EXCEPTIONS\n#define SWIFTGATEWAY_EC.*?#endif\n", "", text, flags=re.S)
    return text.replace("} // namespace with_exceptions or without_exceptions\n", "")


def main():
    path = pathlib.Path(sys.argv[1])
    text = path.read_text()
    sys.stdout.write(cpp_header(text) if path.suffix == ".hpp" else c_header(text))


if __name__ == "__main__":
    main()
