"""Fails when the documentation names what does not exist: a file, a heading, a command, an option, a setting, a test.

Also recipes of the justfile; and when a page cannot be reached from README.md or docs/index.md by following links.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
from click.testing import CliRunner

from tools import markdown, program
from tools.page import ROOT

STARTS = ("README.md", "docs/index.md")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
RECIPE = re.compile(r"^(?P<name>[a-z][\w-]*)(?: [^:=\n]*)?:(?!=)", re.MULTILINE)
TEST = re.compile(r"(?P<file>tests/[\w/]+\.py)::(?P<name>\w+)")
CALL = re.compile(r"(?:^|[\s/;&|(])(?P<program>pillarbox|just)(?P<words>(?: +[^\s;&|)#]+)*)")


def read_pages(root: Path) -> dict[Path, str]:
    """All Markdown pages of the checkout that people read: at its root and under docs/ and changes/."""
    paths = [*root.glob("*.md"), *(root / "docs").rglob("*.md"), *(root / "changes").glob("README.md")]
    return {path: path.read_text(encoding="utf-8") for path in sorted(paths)}


def targets(path: Path, text: str) -> Iterator[tuple[str, Path, str]]:
    """The links of a page that stay in the checkout: as written, the file meant, the fragment."""
    for link in markdown.links(text):
        if ELSEWHERE.match(link):
            continue
        name, _, fragment = link.partition("#")
        yield link, (path.parent / unquote(name)).resolve() if name else path, fragment


def broken_links(pages: dict[Path, str]) -> Iterator[str]:
    """Say which links lead nowhere."""
    for path, text in pages.items():
        for link, target, fragment in targets(path, text):
            if not target.exists():
                yield f"{path}: {link} does not exist"
            elif fragment and target in pages and fragment not in markdown.anchors(pages[target]):
                yield f"{path}: {link}: the page has no such heading"


def lost_pages(pages: dict[Path, str], starts: list[Path]) -> Iterator[str]:
    """Say which pages no chain of links reaches."""
    reached = set(starts)
    pending = [*starts]
    while pending:
        path = pending.pop()
        for _, target, _ in targets(path, pages[path]):
            if target in pages and target not in reached:
                reached.add(target)
                pending.append(target)
    yield from (f"{path}: no link leads here" for path in sorted(pages.keys() - reached))


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """The calls of `pillarbox` and `just` in a page's code: the program and its words."""
    for code in markdown.codes(text):
        if code.language not in {"inline", "sh", "bash", "console", "shell"}:
            continue
        if code.language == "inline" and not re.match(r"(\S*/)?(pillarbox|just) ", code.text):
            continue
        for line in code.text.replace("\\\n", " ").splitlines():
            for match in CALL.finditer(line.removeprefix("$ ").split(" # ")[0]):
                yield match["program"], match["words"].split()


def wrong_call(top: click.Command, words: list[str]) -> str | None:
    """Say what is wrong with a call of `pillarbox`, if it is: a command or an option that does not exist."""
    context = program.new_context(top, None, "pillarbox")
    rest = iter(words)
    for word in rest:
        called = context.command
        if word.startswith("-"):
            name, given, _ = word.partition("=")
            option = find_option(context, name)
            if option is None and name != "--help":
                return f"{context.command_path} has no option {name}"
            if option is not None and not given and not (option.is_flag or option.count):
                next(rest, None)
        elif isinstance(called, click.Group):
            below = called.get_command(context, word)
            if below is None:
                return f"{context.command_path} has no command {word}"
            context = program.new_context(below, context, word)
    return None


def find_option(context: click.Context, name: str) -> click.Option | None:
    """The option called so, of this command or of one above it."""
    for parameter in context.command.params:
        if isinstance(parameter, click.Option) and name in (*parameter.opts, *parameter.secondary_opts):
            return parameter
    return find_option(context.parent, name) if context.parent else None


def wrong_calls(pages: dict[Path, str], top: click.Command | None, recipes: set[str]) -> Iterator[str]:
    """Say which commands, options and recipes in the pages' code do not exist."""
    for path, text in pages.items():
        for called, words in calls(text):
            if called == "just" and words and not words[0].startswith("-") and words[0] not in recipes:
                yield f"{path}: there is no recipe `just {words[0]}`"
            if called == "pillarbox" and top is not None and (complaint := wrong_call(top, words)):
                yield f"{path}: {complaint}"


def wrong_settings(pages: dict[Path, str], top: click.Command | None) -> Iterator[str]:
    """Say which configurations in the pages (blocks of TOML) `pillarbox config show` refuses, if it is there.

    `config check` would also look for the certificates that they name.
    """
    if top is None or wrong_call(top, ["config", "show", "-c", "FILE"]):
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pillarbox.toml"
        for path, text in pages.items():
            for code in markdown.codes(text):
                if code.language != "toml":
                    continue
                file.write_text(code.text, encoding="utf-8")
                result = CliRunner().invoke(top, ["config", "show", "-c", str(file)])
                if result.exit_code:
                    yield f"{path}: the program refuses this configuration: {result.output.strip() or result.exception}"


def missing_tests(pages: dict[Path, str], root: Path) -> Iterator[str]:
    """Say which tests that pages name do not exist."""
    for path, text in pages.items():
        for match in TEST.finditer(text):
            file = root / match["file"]
            if not file.is_file() or f"def {match['name']}(" not in file.read_text(encoding="utf-8"):
                yield f"{path}: there is no test {match[0]}"


def main() -> int:
    """Check the checkout; the exit code is 1 if something is wrong."""
    pages = read_pages(ROOT)
    recipes = {match["name"] for match in RECIPE.finditer((ROOT / "justfile").read_text(encoding="utf-8"))}
    top = program.command()
    found = [
        *broken_links(pages),
        *lost_pages(pages, [ROOT / start for start in STARTS]),
        *wrong_calls(pages, top, recipes),
        *wrong_settings(pages, top),
        *missing_tests(pages, ROOT),
    ]
    print("\n".join(complaint.removeprefix(f"{ROOT}/") for complaint in found) or f"docs: {len(pages)} pages hold true")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
