"""Fails when a file or a function has grown past what one reads in a sitting.

Files may have 300 lines and functions 50; tests may have 500 and 80. Docstrings of functions do not count. What must
be longer is listed in tools/size_allowed.toml, with the lines that it may have and the reason; an entry that is no
longer needed fails too, so that the list only shrinks.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.page import ROOT

FOLDERS = ("src", "tests", "tools", "bench")
ALLOWED = ROOT / "tools" / "size_allowed.toml"


@dataclass(frozen=True)
class Size:
    """The lines of one file (`path`) or one function (`path::Class.function`), and how many it may have."""

    name: str
    lines: int
    limit: int


@dataclass(frozen=True)
class Allowance:
    """One entry of the list of exceptions."""

    lines: int
    reason: str


def sizes(root: Path) -> Iterator[Size]:
    """Measure every Python file under the house's folders, and every function in it."""
    for folder in FOLDERS:
        file_limit, function_limit = (500, 80) if folder == "tests" else (300, 50)
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            source = path.read_text(encoding="utf-8")
            yield Size(name, len(source.splitlines()), file_limit)
            for function, lines in function_lines(ast.parse(source, name)):
                yield Size(f"{name}::{function}", lines, function_limit)


def function_lines(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Name every function of a module, nested ones too, with its lines from `def` on, without its docstring."""
    pending: list[tuple[str, ast.AST]] = [("", tree)]
    while pending:
        prefix, node = pending.pop()
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{prefix}.{child.name}".lstrip(".")
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, span(child) - docstring_span(child)
            pending.append((name, child))


def span(node: ast.stmt | ast.expr) -> int:
    """Lines from the first to the last of a node."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def docstring_span(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's docstring, 0 without one."""
    return span(function.body[0]) if ast.get_docstring(function, clean=False) is not None else 0


def complaints(measured: list[Size], allowed: dict[str, Allowance]) -> Iterator[str]:
    """Say what is too long, and which exceptions lack a reason or are no longer needed."""
    for size in measured:
        allowance = allowed.get(size.name)
        limit = allowance.lines if allowance else size.limit
        if size.lines > limit:
            yield f"{size.name}: {size.lines} lines, allowed are {limit}"
        elif allowance and size.lines <= size.limit:
            yield f"{size.name}: {size.lines} lines need no exception any more"
    for name in sorted(allowed.keys() - {size.name for size in measured}):
        yield f"{name}: does not exist any more, yet has an exception"
    for name, allowance in allowed.items():
        if not allowance.reason.strip():
            yield f"{name}: an exception needs a reason"


def read_allowed(text: str) -> dict[str, Allowance]:
    """Read the list of exceptions from its TOML."""
    return {name: Allowance(entry["lines"], entry["reason"]) for name, entry in tomllib.loads(text).items()}


def main() -> int:
    """Check the checkout; the exit code is 1 if anything is too long."""
    found = list(complaints(list(sizes(ROOT)), read_allowed(ALLOWED.read_text(encoding="utf-8"))))
    print("\n".join(found) or "sizes: all files and functions are short enough")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
