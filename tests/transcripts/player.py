"""Plays a conversation with a whole server, line by line, where several clients may speak in turn.

`C: ` is what a client says, `S: ` what it must hear, in this order, `S> ` what it must hear after any other responses;
`C2: ` and `S2: ` are of a second client, and so on. `{name}` in what is heard is whatever stands there, without spaces,
brackets and parentheses, and is known from then on; `...` is anything. A line that begins with `+` goes on with what is
heard before it. `C* ` are octets as a Python literal, `S-` is the end of the connection, `# ` is a remark, and `= name
value` an option of the test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

_LINE = re.compile(r"([CS])(\d*)([:*>-]) ?(.*)", re.DOTALL)
_NOTHING = "(nothing)"
_NAME = re.compile(r"\{([a-z]\w*)\}")


class Talker(Protocol):
    """A client."""

    def send(self, octets: bytes) -> None: ...
    async def hear(self) -> str: ...


class Player:
    """The clients of one conversation."""

    def __init__(self, connect: Callable[[], Awaitable[Talker]]) -> None:
        self._connect = connect
        self._clients: dict[str, Talker] = {}
        self._known: dict[str, str] = {}

    async def play(self, lines: list[str]) -> None:
        for number, line in enumerate(lines, 1):
            if (match := _LINE.match(line)) is None:
                assert not line.strip() or line.startswith(("#", "=")), f"line {number} is none of a transcript: {line}"
                continue
            who, which, kind, text = match.groups()
            if which not in self._clients:
                self._clients[which] = await self._connect()
            client = self._clients[which]
            if who == "C":
                text = _NAME.sub(lambda name: self._known.get(name[1], name[0]), text)
                client.send(ast.literal_eval(text) if kind == "*" else text.encode() + b"\r\n")
                continue
            pattern, passed = _pattern("" if kind == "-" else text, self._known), ""
            while (found := pattern.fullmatch(heard := await _heard(client))) is None:
                passed += f"\nheard  {heard}"
                may_pass = kind == ">" and heard not in ("", _NOTHING)
                assert may_pass, f"line {number}\nwanted {text}{passed}"
            self._known.update(found.groupdict())


async def _heard(client: Talker) -> str:
    try:
        return await client.hear()
    except TimeoutError:
        return _NOTHING


def read_lines(path: Path) -> list[str]:
    """The lines of a conversation."""
    return [line.replace("\n+", "\r\n") for line in re.split(r"\n(?!\+)", path.read_text("utf-8"))]


def options(lines: list[str]) -> dict[str, str]:
    """The options of a conversation by name."""
    return dict(line[2:].split(maxsplit=1) for line in lines if line.startswith("= "))


def _pattern(text: str, known: dict[str, str]) -> re.Pattern[str]:
    out, seen = "", set()
    for piece in re.split(r"(\{[a-z]\w*\}|\.\.\.)", text):
        name = _NAME.fullmatch(piece)
        if piece == "...":
            out += r"[\s\S]*"
        elif name is None:
            out += re.escape(piece)
        elif name[1] in known:
            out += re.escape(known[name[1]])
        elif name[1] in seen:
            out += f"(?P={name[1]})"
        else:
            seen.add(name[1])
            out += rf"(?P<{name[1]}>[^ ()\[\]]+)"
    return re.compile(out)
