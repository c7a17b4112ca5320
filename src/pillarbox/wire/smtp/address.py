"""Paths: the addresses of envelopes.

Sections: RFC 5321 §4.1.2, §4.1.3, §4.5.3.1; RFC 6531 §3.3.
"""

from __future__ import annotations

import functools
import ipaddress
import re

import msgspec

_ATEXT = r"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~"
_WIDE = r"\xa0-\U0010ffff"
_DOT_STRING = re.compile(rf"[{_ATEXT}{_WIDE}]+(?:\.[{_ATEXT}{_WIDE}]+)*")
# qtextSMTP or quoted-pairSMTP
_QUOTED_STRING = re.compile(rf'"((?:[ !#-\[\]-~{_WIDE}]|\\[ -~])*)"')
_QUOTED_PAIR = re.compile(r"\\(.)")
# A label may have inner hyphens; "_" is in no grammar, but in real host names.
_LABEL = rf"[A-Za-z0-9_{_WIDE}](?:[A-Za-z0-9_{_WIDE}-]*[A-Za-z0-9_{_WIDE}])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LITERAL = re.compile(r"\[([0-9A-Za-z:.\-]{1,250})\]")
# "@one,@two:" before the mailbox
_SOURCE_ROUTE = re.compile(rf"@{_DOMAIN.pattern}(?:,@{_DOMAIN.pattern})*:")

LONGEST_LOCAL_PART = 64
LONGEST_DOMAIN = 255


class BadPath(Exception):
    """The text is no path; `too_long` if only its length is wrong."""

    def __init__(self, reason: str, *, too_long: bool = False) -> None:
        super().__init__(reason)
        self.too_long = too_long


class Address(msgspec.Struct, frozen=True):
    """A mailbox: the local part without quotes, and the domain as it came.

    The domain is an address literal in its brackets, or empty for <postmaster>, too.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        local = self.local
        if not _DOT_STRING.fullmatch(local):
            local = '"' + re.sub(r'(["\\])', r"\\\1", local) + '"'
        return f"{local}@{self.domain}" if self.domain else local


@functools.lru_cache(maxsize=512)
def parse_path(text: str, *, may_be_null: bool = False, may_be_postmaster: bool = False) -> tuple[Address | None, str]:
    """The path at the beginning of the text, None for <>, and what follows it. Raises BadPath (RFC 5321 §4.1.2).

    A source route is read over, as RFC 5321 §4.1.1.3 asks: it "SHOULD be ignored".
    """
    if not text.startswith("<"):
        raise BadPath("A path stands in angle brackets")
    if text.startswith("<>"):
        if may_be_null:
            return None, text[2:]
        raise BadPath("The null path is only for senders")
    route = _SOURCE_ROUTE.match(text, 1)
    start = route.end() if route else 1
    local, at = _local_part(text, start)
    if may_be_postmaster and text.startswith(">", at) and local.lower() == "postmaster":
        return Address(local, ""), text[at + 1 :]
    if not text.startswith("@", at):
        raise BadPath("The local part is malformed, or has no domain")
    domain, end = _domain(text, at + 1)
    if not text.startswith(">", end):
        raise BadPath("The domain is malformed")
    _check_lengths(local, domain)
    return Address(local, domain), text[end + 1 :]


def _local_part(text: str, start: int) -> tuple[str, int]:
    if match := _QUOTED_STRING.match(text, start):
        return _QUOTED_PAIR.sub(r"\1", match[1]), match.end()
    if match := _DOT_STRING.match(text, start):
        return match[0], match.end()
    raise BadPath("The local part is malformed")


def _domain(text: str, start: int) -> tuple[str, int]:
    if match := _LITERAL.match(text, start):
        _check_literal(match[1])
        return match[0], match.end()
    if match := _DOMAIN.match(text, start):
        return match[0], match.end()
    raise BadPath("The domain is malformed")


def _check_literal(text: str) -> None:
    try:
        if text[:5].upper() == "IPV6:":
            ipaddress.IPv6Address(text[5:])
        else:
            ipaddress.IPv4Address(text)
    except ValueError:
        raise BadPath("The address literal is malformed") from None


def _check_lengths(local: str, domain: str) -> None:
    """RFC 5321 §4.5.3.1.1 and §4.5.3.1.2, in octets."""
    if len(local.encode()) > LONGEST_LOCAL_PART:
        raise BadPath("The local part is longer than 64 octets", too_long=True)
    if len(domain.encode()) > LONGEST_DOMAIN:
        raise BadPath("The domain is longer than 255 octets", too_long=True)
    if not domain.startswith("[") and any(len(label) > 63 for label in domain.split(".")):
        raise BadPath("A label of the domain is longer than 63 octets", too_long=True)
