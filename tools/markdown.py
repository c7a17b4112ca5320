"""What the docs check reads from a page of Markdown: links, anchors, code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(
    r"^(?P<indent> *)(?P<ticks>```+|~~~+)(?P<language>[\w-]*).*?$\n(?P<code>.*?)^(?P=indent)(?P=ticks) *$",
    re.DOTALL | re.MULTILINE,
)
INLINE_CODE = re.compile(r"(?<!`)(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)", re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\((?P<target>[^()\s]+)(?: \"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *#*$", re.MULTILINE)


@dataclass(frozen=True)
class Code:
    """A piece of code in a page: of a fenced block with its language, or inline with language `inline`."""

    language: str
    text: str


def links(text: str) -> list[str]:
    """The targets of all links and images, but not of those shown in code."""
    prose = INLINE_CODE.sub("`code`", FENCE.sub("", COMMENT.sub("", text)))
    return [match["target"] for match in LINK.finditer(prose)]


def anchors(text: str) -> set[str]:
    """The fragments that a link may name in this page: one for each heading, as code forges make them."""
    seen: dict[str, int] = {}
    found = set()
    for match in HEADING.finditer(FENCE.sub("", text)):
        slug = re.sub(r"[^\w\- ]", "", match["title"].lower()).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def codes(text: str) -> Iterator[Code]:
    """All code of a page, fenced first."""
    for match in FENCE.finditer(text):
        yield Code(match["language"], match["code"])
    for match in INLINE_CODE.finditer(FENCE.sub("", text)):
        yield Code("inline", " ".join(match["code"].split()))
