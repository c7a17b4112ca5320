"""SPF records: the directives and modifiers of one, checked as a whole before anything is evaluated.

Sections: RFC 7208 §4.5, §4.6, §5, §6, §12.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

import msgspec

from pillarbox.formats.mailauth.spf_macro import MacroString, parse_domain_spec, parse_macro_string

# Far more than any domain publishes (§3.4 asks for 450): what is longer is not read, so that no answer costs much time.
MAX_RECORD = 16_384
MAX_TERMS = 1000

QUALIFIERS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
# §12: "name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )"
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)\Z")
_DIRECTIVE = re.compile(
    r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)(?:(:)(.*?))?((?:/(0|[1-9][0-9]*))?(?://(0|[1-9][0-9]*))?)\Z"
)
_ADDRESS = re.compile(r"([+?~-]?)(ip[46]):([0-9A-Fa-f:.]+)(?:/(0|[1-9][0-9]{0,2}))?\Z", re.IGNORECASE)
_OPTIONAL_TARGET = frozenset({"a", "mx", "ptr"})
_NEEDS_TARGET = frozenset({"include", "exists"})
_WITH_LENGTHS = frozenset({"a", "mx"})


class BrokenRecord(ValueError):
    """The record is not what RFC 7208 §12 says: a permerror."""


class Directive(msgspec.Struct, frozen=True):
    """A mechanism, with what it answers when it matches.

    `target` None is the domain that is checked. An `ip4` or `ip6` is a network of `lengths` bits.
    """

    result: str
    mechanism: str
    text: str
    target: MacroString | None = None
    lengths: tuple[int, int] = (32, 128)
    network: int = 0


class SpfRecord(msgspec.Struct, frozen=True):
    """What a domain says about who may send for it (§4.6)."""

    directives: tuple[Directive, ...]
    redirect: MacroString | None = None
    explanation: MacroString | None = None


def select_record(records: Iterable[bytes]) -> bytes | None:
    """The one SPF record among a name's TXT records (§4.5), None without. Raises BrokenRecord for several."""
    found = [record for record in records if record[:6].lower() == b"v=spf1" and record[6:7] in (b"", b" ")]
    if len(found) > 1:
        raise BrokenRecord("several SPF records")
    return found[0] if found else None


@lru_cache(maxsize=256)
def parse_record(octets: bytes) -> SpfRecord:
    """Reads a record that begins with its version. Raises BrokenRecord for an error anywhere in it (§4.6)."""
    if len(octets) > MAX_RECORD:
        raise BrokenRecord("an SPF record of a size that is none")
    try:
        terms = [term for term in octets.decode("ascii").split(" ")[1:] if term]
        if len(terms) > MAX_TERMS:
            raise BrokenRecord("an SPF record with too many terms")
        return _record(terms)
    except UnicodeDecodeError:
        raise BrokenRecord("an SPF record that is not ASCII") from None
    except BrokenRecord:
        raise
    except ValueError as error:
        raise BrokenRecord(str(error)) from None


def _record(terms: list[str]) -> SpfRecord:
    directives: list[Directive] = []
    modifiers: dict[str, MacroString] = {}
    for term in terms:
        if modifier := _MODIFIER.match(term):
            name = modifier[1].lower()
            if name not in ("redirect", "exp"):
                parse_macro_string(modifier[2])  # §6: unknown modifiers are ignored, if their syntax is right
            elif name in modifiers:
                # §6: "MUST NOT appear in a record more than once each. If they do, ... permerror."
                raise BrokenRecord(f"{name} stands twice")
            else:
                modifiers[name] = parse_domain_spec(modifier[2])
        else:
            directives.append(_address(term) or _directive(term))
    # §6.1: "if there is an "all" mechanism anywhere in the record, [redirect] MUST be ignored".
    has_all = any(directive.mechanism == "all" for directive in directives)
    return SpfRecord(tuple(directives), None if has_all else modifiers.get("redirect"), modifiers.get("exp"))


def _address(term: str) -> Directive | None:
    match = _ADDRESS.match(term)
    if match is None:
        return None
    mechanism = match[2].lower()
    bits = 32 if mechanism == "ip4" else 128
    length = bits if match[4] is None else int(match[4])
    if length > bits:
        raise BrokenRecord(f"a network of too many bits: {term[:80]}")
    try:
        number = int(IPv4Address(match[3]) if bits == 32 else IPv6Address(match[3]))
    except ValueError:
        raise BrokenRecord(f"no address: {term[:80]}") from None
    return Directive(QUALIFIERS[match[1] or "+"], mechanism, term, None, (length, length), number >> (bits - length))


def _directive(term: str) -> Directive:
    match = _DIRECTIVE.match(term)
    if match is None:
        raise BrokenRecord(f"no term of SPF: {term[:80]}")
    mechanism, target, lengths = match[2].lower(), match[4], match[5]
    if lengths and mechanism not in _WITH_LENGTHS:
        # A slash belongs to a macro's delimiters or to nothing.
        target, lengths = (target or "") + lengths if match[3] else target, "" if match[3] else lengths
    if lengths and mechanism not in _WITH_LENGTHS:
        raise BrokenRecord(f"a length where none belongs: {term[:80]}")
    if mechanism == "all" and match[3] is None:
        return Directive(QUALIFIERS[match[1] or "+"], mechanism, term)
    if mechanism not in (_OPTIONAL_TARGET if match[3] is None else _OPTIONAL_TARGET | _NEEDS_TARGET):
        raise BrokenRecord(f"no mechanism of SPF: {term[:80]}")
    length4, length6 = int(match[6] or 32), int(match[7] or 128)
    if lengths and (length4 > 32 or length6 > 128):
        raise BrokenRecord(f"a network of too many bits: {term[:80]}")
    spec = None if match[3] is None else parse_domain_spec(target)
    return Directive(QUALIFIERS[match[1] or "+"], mechanism, term, spec, (length4, length6))
