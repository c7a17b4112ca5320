"""Conversations as text files, and the lines by which a test compares them.

`= name value` sets an option of the server, `C: ` is a line of the client (CRLF is added), `C* ` are octets of the
client as a Python bytes literal, `S: ` is a line that the server must answer, `# ` is a remark. `S: ` lines that follow
each other are one answer.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Turn:
    """What the client says in one go, and what the server answers to it."""

    client: bytes = b""
    server: bytes = b""


@dataclass
class Transcript:
    """The options and the turns of one file; the first turn has no words of the client."""

    options: dict[str, str] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=lambda: [Turn()])

    @property
    def client(self) -> bytes:
        return b"".join(turn.client for turn in self.turns)

    @property
    def server(self) -> bytes:
        return b"".join(turn.server for turn in self.turns)


def read_transcript(path: Path) -> Transcript:
    transcript = Transcript()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark, _, text = line.partition(" ")
        if mark == "=":
            name, _, value = text.partition(" ")
            transcript.options[name] = value
        elif mark in ("C:", "C*"):
            if transcript.turns[-1].server:
                transcript.turns.append(Turn())
            octets = text.encode() + b"\r\n" if mark == "C:" else ast.literal_eval(text)
            transcript.turns[-1].client += octets
        elif mark == "S:":
            transcript.turns[-1].server += text.encode() + b"\r\n"
        elif line and mark != "#":
            raise ValueError(f"{path.name}:{number}: not a line of a transcript: {line!r}")
    return transcript
