"""Writes docs/reference/rfc-coverage.md: which sections of which RFCs the source cites, and where.

Fails on a citation that is not spelt `RFC 9051 §6.4.4`, and on an RFC whose title is not in tools/rfc_titles.toml.
"""

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools import citation
from tools.page import ROOT, settle

SOURCE = ROOT / "src" / "pillarbox"
PAGE = ROOT / "docs" / "reference" / "rfc-coverage.md"
TITLES = ROOT / "tools" / "rfc_titles.toml"
WHOLE = ""

# RFC -> section ("" for the whole RFC) -> modules that cite it
Coverage = dict[int, dict[str, set[str]]]

INTRODUCTION = """\
# RFC coverage

<!-- Written by tools/rfc_coverage.py; `just docs` writes it anew. -->

Which sections of which RFCs the source cites, and in which modules. A section stands here because a docstring says
that a module implements it, or because a comment quotes it where it is obeyed.
"""


def collect(source: Path) -> tuple[Coverage, list[str]]:
    """Read every module under `source`: what is cited where, and complaints about misspelt citations."""
    coverage: Coverage = {}
    complaints: list[str] = []
    for path in sorted(source.rglob("*.py")):
        module = path.relative_to(source).as_posix()
        citations, misspellings = citation.read(path.read_text(encoding="utf-8"))
        complaints += [
            f"{module}:{wrong.line}: write `RFC 9051 §6.4.4` (appendix: §A.1), not: {wrong.text}"
            for wrong in misspellings
        ]
        for cited in citations:
            for section in cited.sections or (WHOLE,):
                coverage.setdefault(cited.rfc, {}).setdefault(section, set()).add(module)
    return coverage, complaints


def page(coverage: Coverage, titles: Mapping[int, str]) -> str:
    """The page's Markdown: a list of the RFCs, then for each RFC its sections with their modules."""
    lines = [INTRODUCTION, "| RFC | Title | Sections |", "|---|---|---|"]
    for rfc, sections in sorted(coverage.items()):
        count = len(sections.keys() - {WHOLE})
        lines.append(f"| [{rfc}](#rfc-{rfc}) | {titles[rfc]} | {count or 'whole'} |")
    for rfc, sections in sorted(coverage.items()):
        lines += ["", f"## RFC {rfc}", "", f"[{titles[rfc]}](https://www.rfc-editor.org/rfc/rfc{rfc})", ""]
        lines += [*section_lines(sections)]
    return "\n".join(lines) + "\n"


def section_lines(sections: Mapping[str, set[str]]) -> Iterator[str]:
    """One list item a section, in the order of the RFC, the whole RFC first."""
    for section in sorted(sections, key=section_order):
        modules = ", ".join(f"`{module}`" for module in sorted(sections[section]))
        yield f"- {f'§{section}' if section else 'whole'}: {modules}"


def section_order(section: str) -> list[tuple[int, str]]:
    """A key that puts §2 before §10, and appendices last."""
    return [(int(part), "") if part.isdigit() else (1 << 30, part) for part in section.split(".") if part]


def main() -> int:
    """Write the page, or with --check compare it; the exit code is 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the page is stale")
    arguments = parser.parse_args()
    titles = {int(rfc): title for rfc, title in tomllib.loads(TITLES.read_text(encoding="utf-8")).items()}
    coverage, complaints = collect(SOURCE)
    complaints += [f"tools/rfc_titles.toml: RFC {rfc} has no title" for rfc in sorted(coverage.keys() - titles.keys())]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if complaints:
        return 1
    return 0 if settle(PAGE, page(coverage, titles), check=arguments.check) else 1


if __name__ == "__main__":
    sys.exit(main())
