"""Received-SPF: the result of SPF with what it was made of, for debugging.

Sections: RFC 7208 §9.1.
"""

from __future__ import annotations

import msgspec

from pillarbox.formats.mailauth.domain import is_mail_domain
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.mailauth.trace_value import Reader, atom
from pillarbox.formats.message.fold import fold

NAME = "Received-SPF"
MAX_PAIRS = 30
RESULTS = frozenset({"pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"})
_SENTENCES = {
    "pass": "{domain} designates the client as permitted sender",
    "fail": "{domain} does not designate the client as permitted sender",
    "softfail": "{domain} is not sure, but does not designate the client as permitted sender",
    "neutral": "{domain} says nothing about the client",
    "none": "{domain} has no SPF record",
    "temperror": "the DNS did not answer about {domain}",
    "permerror": "the SPF record of {domain} is wrong",
}


class ReceivedSpf(msgspec.Struct, frozen=True):
    """A field that was read: the result, and the pairs by key in lower case."""

    result: str
    pairs: dict[str, str]


def received_spf_to_bytes(
    found: SpfResult, *, address: str, helo: str, mail_from: str, receiver: str, is_utf8: bool = False
) -> bytes:
    """The field, folded, with its CRLF. Only a plain domain gets into its comment, all else is quoted."""
    domain = found.domain if is_mail_domain(found.domain) else "the domain"
    pairs = [
        ("receiver", receiver),
        ("client-ip", address),
        ("envelope-from", mail_from),
        ("helo", helo),
        ("identity", found.identity),
        ("mechanism", found.mechanism),
        ("problem", found.problem),
    ]
    units = [found.result, f" ({_SENTENCES[found.result].format(domain=domain)})"]
    units += [
        f" {key}={_value(key, value, is_utf8=is_utf8)};"
        for key, value in pairs
        if value is not None and (value or key == "envelope-from")
    ]
    units[-1] = units[-1].removesuffix(";")
    return fold(NAME, units)


def parse_received_spf(value: bytes) -> ReceivedSpf | None:
    """Reads a field's value; None if it does not begin with a result. Budgets: 16 KiB, 30 pairs."""
    reader = Reader(value)
    result = (reader.value() or "").lower()
    if result not in RESULTS:
        return None
    pairs: dict[str, str] = {}
    while len(pairs) < MAX_PAIRS:
        key = reader.value()
        if key is None or not reader.take("="):
            break
        pairs.setdefault(key.lower(), reader.value() or "")
        reader.pass_over(";")
        if not reader.take(";"):
            break
    return ReceivedSpf(result, pairs)


def _value(key: str, value: str, *, is_utf8: bool) -> str:
    text = atom(value, is_utf8=is_utf8)
    return f'"{text}"' if key == "envelope-from" and not text.startswith('"') else text
