"""The commands of a client as values: what was asked, with every argument checked for its form (RFC 1939 §5-§7).

Messages are named by their numbers, from 1; whether there is one of that number is the server's to say.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """What all commands are."""


# --- in any state


class Capa(Command):
    """CAPA (RFC 2449 §5)."""


class Noop(Command):
    """NOOP; only once somebody has logged in, by the letter of RFC 1939 §5, but nobody is harmed by it before."""


class Quit(Command):
    """QUIT."""


@dataclass(frozen=True, slots=True)
class Lang(Command):
    """LANG (RFC 6856 §3): the language wanted, `*` for the server's choice, None to have them listed."""

    tag: str | None


# --- AUTHORIZATION


@dataclass(frozen=True, slots=True)
class User(Command):
    """USER."""

    name: str


@dataclass(frozen=True, slots=True)
class Pass(Command):
    """PASS: all that follows the first space, spaces too (RFC 1939 §7)."""

    password: str


@dataclass(frozen=True, slots=True)
class Auth(Command):
    """AUTH (RFC 5034): the mechanism in upper case, "" to have them listed.

    `initial` is the initial response as it was sent, in Base64; None if there is none. The list is no standard; clients
    asked for it before there was CAPA, and some do so still.
    """

    mechanism: str
    initial: bytes | None


class Stls(Command):
    """STLS (RFC 2595 §4)."""


class Utf8(Command):
    """UTF8 (RFC 6856 §2)."""


# --- TRANSACTION


class Stat(Command):
    """STAT."""


@dataclass(frozen=True, slots=True)
class List(Command):
    """LIST: of one message, or with None of all."""

    number: int | None


@dataclass(frozen=True, slots=True)
class Uidl(Command):
    """UIDL, likewise."""

    number: int | None


@dataclass(frozen=True, slots=True)
class Retr(Command):
    """RETR."""

    number: int


@dataclass(frozen=True, slots=True)
class Top(Command):
    """TOP: the header and so many lines of the body."""

    number: int
    lines: int


@dataclass(frozen=True, slots=True)
class Dele(Command):
    """DELE."""

    number: int


class Rset(Command):
    """RSET."""
