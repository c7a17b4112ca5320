"""Macros of SPF: read once with the record, expanded for each message.

Sections: RFC 7208 §7; RFC 8616 §4.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias
from urllib.parse import quote

import msgspec

from pillarbox.formats.mailauth.domain import MAX_LENGTH

Address: TypeAlias = IPv4Address | IPv6Address

# What one expansion may come to before it is cut: a name is never longer than 253, an explanation is cut anyway.
MAX_EXPANSION = 4096
_PIECE = re.compile(r"%(?:\{([slodiphcrtvSLODIPHCRTV])([0-9]{0,3})([rR]?)([.\-+,/_=]{0,7})\}|([%_-]))|([!-$&-~]+)|( +)")
_LITERALS = {"%": "%", "_": " ", "-": "%20"}
# "toplabel" of §7.1: letters, digits and inner hyphens, and not only digits.
_DOMAIN_END = re.compile(r"\.(?![0-9]+\.?\Z)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?\Z")


class Macro(msgspec.Struct, frozen=True):
    """`%{letter digits r delimiters}`; `keep` counts the right-hand parts that stay, 0 for all."""

    letter: str
    keep: int = 0
    is_reversed: bool = False
    delimiters: str = "."
    is_escaped: bool = False


MacroString: TypeAlias = tuple[str | Macro, ...]


class Facts(msgspec.Struct, frozen=True):
    """What macros stand for; `validated` is the name of `%{p}`, asked of the DNS before it is needed."""

    address: Address
    domain: str
    local: str
    sender_domain: str
    helo: str
    receiver: str
    now: int
    validated: str = "unknown"


def parse_domain_spec(text: str) -> MacroString:
    """A domain-spec (§7.1): ends in a label or in a macro, no macros of explanations. Raises ValueError."""
    pieces = parse_macro_string(text)
    last = pieces[-1] if pieces else ""
    is_end = _DOMAIN_END.search(text) if isinstance(last, str) else text.endswith("}")
    if not is_end:
        raise ValueError(f"no domain: {text[:80]}")
    return pieces


def parse_macro_string(text: str, *, is_explanation: bool = False) -> MacroString:
    """The literal pieces and macros of a text. Raises ValueError for what the grammar does not have."""
    pieces: list[str | Macro] = []
    position = 0
    while position < len(text):
        match = _PIECE.match(text, position)
        if match is None or (match[6] is None and match[7] and not is_explanation):
            raise ValueError(f"no macro string: {text[position : position + 80]}")
        position = match.end()
        if match[1]:
            pieces.append(_macro(match, is_explanation=is_explanation))
        else:
            pieces.append(_LITERALS[match[5]] if match[5] else match[0])
    return tuple(pieces)


def _macro(match: re.Match[str], *, is_explanation: bool) -> Macro:
    letter = match[1].lower()
    # §7.2: "c", "r" and "t" are "only allowed in the explanation".
    if letter in "crt" and not is_explanation:
        raise ValueError(f"only explanations have the macro {letter}")
    if match[2] and int(match[2]) == 0:
        raise ValueError("a macro that keeps nothing")
    return Macro(letter, int(match[2] or 0), bool(match[3]), match[4] or ".", match[1].isupper())


def wants_validated_name(pieces: MacroString) -> bool:
    """Whether the DNS must be asked for the name of the address, before this is expanded."""
    return any(isinstance(piece, Macro) and piece.letter == "p" for piece in pieces)


def expand(pieces: MacroString, facts: Facts) -> str:
    """The text that the macros stand for, cut at `MAX_EXPANSION`."""
    text, length = [], 0
    for piece in pieces:
        text.append(piece if isinstance(piece, str) else _expand(piece, facts))
        length += len(text[-1])
        if length > MAX_EXPANSION:
            break
    return "".join(text)[:MAX_EXPANSION]


def expand_domain(pieces: MacroString, facts: Facts) -> str | None:
    """The name to ask for, in lower case; None when it cannot be a name.

    RFC 8616 §4: a local part that is not ASCII makes no labels, so that what contains it matches nothing.
    """
    name = expand(pieces, facts).removesuffix(".")
    # §7.3: "the left side is truncated to fit, by removing successive domain labels (and their following dots)".
    while len(name) > MAX_LENGTH and "." in name:
        name = name.partition(".")[2]
    return name.lower() if name.isascii() else None


def _expand(macro: Macro, facts: Facts) -> str:
    value = _value(macro.letter, facts)
    if macro.keep or macro.is_reversed or macro.delimiters != ".":
        parts = re.split(f"[{re.escape(macro.delimiters)}]", value)
        if macro.is_reversed:
            parts.reverse()
        value = ".".join(parts[-macro.keep :] if macro.keep else parts)
    return quote(value, safe="-._~") if macro.is_escaped else value


def _value(letter: str, facts: Facts) -> str:
    match letter:
        case "s":
            return f"{facts.local}@{facts.sender_domain}"
        case "l":
            return facts.local
        case "o":
            return facts.sender_domain
        case "d":
            return facts.domain
        case "i":
            return _dotted(facts.address)
        case "p":
            return facts.validated
        case "v":
            return "in-addr" if facts.address.version == 4 else "ip6"
        case "h":
            return facts.helo
        case "c":
            return str(facts.address)
        case "r":
            return facts.receiver or "unknown"
        case _:
            return str(facts.now)


def _dotted(address: Address) -> str:
    """§7.3: an IPv6 address is written as dot-separated nibbles."""
    return str(address) if address.version == 4 else ".".join(f"{int(address):032X}")


def reverse_name(address: Address) -> str:
    """The name of an address in the reverse tree (RFC 1035 §3.5, RFC 3596 §2.5)."""
    return address.reverse_pointer
