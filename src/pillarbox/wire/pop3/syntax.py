"""From a line to a command: keywords in any case, and one parser for each form of arguments.

Sections: RFC 1939 §3, §5-§7; RFC 2449 §4; RFC 5034 §4; RFC 6856 §2, §3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pillarbox.wire.pop3 import command as c
from pillarbox.wire.pop3.options import State

_MAX_WORD = 1_024  # octets of a name or a password
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"[0-9]{1,10}\Z", re.ASCII)
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}\Z")  # RFC 4422 §3.1
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")
_LANGUAGE = re.compile(r"(?:\*|[A-Za-z0-9-]{1,100})\Z")  # RFC 5646 §2.1


class Refused(Exception):
    """The line is none of a command: the machine says so itself."""


Parser = Callable[[str], c.Command]


def _alone(kind: type[c.Command]) -> Parser:
    def parse(rest: str) -> c.Command:
        if rest.strip(" "):
            raise Refused("This command has no argument")
        return kind()

    return parse


def _number(text: str, least: int = 1) -> int:
    if not _NUMBER.match(text) or int(text) < least:
        raise Refused("A message is named by its number" if least else "A number of lines is missing")
    return int(text)


def _numbered(make: Callable[[int], c.Command]) -> Parser:
    return lambda rest: make(_number(rest.strip(" ")))


def _perhaps_numbered(make: Callable[[int | None], c.Command]) -> Parser:
    return lambda rest: make(_number(rest.strip(" ")) if rest.strip(" ") else None)


def _top(rest: str) -> c.Command:
    words = rest.split()
    if len(words) != 2:
        raise Refused("TOP has the number of a message and a number of lines")
    return c.Top(_number(words[0]), _number(words[1], 0))


def _user(rest: str) -> c.Command:
    name = rest.strip(" ")
    if not name or len(name.encode("utf-8", "surrogateescape")) > _MAX_WORD:
        raise Refused("A name is missing, or is too long")
    return c.User(_utf8(name))


def _pass(rest: str) -> c.Command:
    # RFC 1939 §7: "a POP3 server may treat spaces in the argument as part of the password".
    if not rest or len(rest.encode("utf-8", "surrogateescape")) > _MAX_WORD:
        raise Refused("A password is missing, or is too long")
    return c.Pass(_utf8(rest))


def _auth(rest: str) -> c.Command:
    words = rest.split()
    if not words:
        return c.Auth("", None)
    mechanism = words[0].upper()
    if len(words) > 2 or not _MECHANISM.match(mechanism):
        raise Refused("AUTH has the name of a mechanism, and perhaps a response")
    if len(words) == 1:
        return c.Auth(mechanism, None)
    if words[1] == "=":  # RFC 5034 §4: an initial response of no octets
        return c.Auth(mechanism, b"")
    if not _BASE64.match(words[1]):
        raise Refused("The initial response is not Base64")
    return c.Auth(mechanism, words[1].encode())


def _lang(rest: str) -> c.Command:
    tag = rest.strip(" ")
    if tag and not _LANGUAGE.match(tag):
        raise Refused("That is no name of a language")
    return c.Lang(tag or None)


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused("That is no UTF-8") from None
    return text


_ANY: Mapping[str, Parser] = {
    "CAPA": _alone(c.Capa),
    "NOOP": _alone(c.Noop),
    "QUIT": _alone(c.Quit),
    "LANG": _lang,
}
PARSERS: Mapping[State, Mapping[str, Parser]] = {
    State.AUTHORIZATION: {
        **_ANY,
        "USER": _user,
        "PASS": _pass,
        "AUTH": _auth,
        "STLS": _alone(c.Stls),
        "UTF8": _alone(c.Utf8),
    },
    State.TRANSACTION: {
        **_ANY,
        "STAT": _alone(c.Stat),
        "LIST": _perhaps_numbered(c.List),
        "UIDL": _perhaps_numbered(c.Uidl),
        "RETR": _numbered(c.Retr),
        "TOP": _top,
        "DELE": _numbered(c.Dele),
        "RSET": _alone(c.Rset),
    },
}
_KNOWN = frozenset(name for parsers in PARSERS.values() for name in parsers)


def parse(line: bytes, state: State) -> c.Command:
    """What a line asks for, without its end. Raises Refused, for what is not allowed in the state too."""
    text = line.decode("utf-8", "surrogateescape")
    if _CONTROL.search(text):
        raise Refused("A command has no control characters")
    # Clients that leave a space at the end mean nothing by it, but for PASS.
    verb, _, rest = text.partition(" ")
    verb = verb.upper()
    parser = PARSERS[state].get(verb)
    if parser is not None:
        return parser(rest)
    raise Refused(f"This command is not allowed in the state {state.value}" if verb in _KNOWN else "Unknown command")
