"""Authentication-Results: what was found out, written for those who read the message later; and read again.

Sections: RFC 8601 §2.2, §2.7, §5; RFC 8616 §5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from pillarbox.formats.mailauth.domain import to_ascii
from pillarbox.formats.mailauth.trace_value import Reader, pvalue, quoted
from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.formats.message.fold import fold
from pillarbox.formats.message.header_block import read_block
from pillarbox.formats.message.structure import Field

NAME = "Authentication-Results"
MAX_VERDICTS = 100
MAX_PROPERTIES = 30
# A header that is longer is none that a mail program looks through.
_MAX_FIELDS = 10_000
_MAX_OCTETS = 262_144

# §2.2: Keyword, for methods, results, property types and properties.
_KEYWORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\Z")


class AuthenticationResults(msgspec.Struct, frozen=True):
    """A field that was read: who says so, and what."""

    authserv_id: str
    verdicts: tuple[Verdict, ...] = ()


def results_to_bytes(
    authserv_id: str, verdicts: Sequence[Verdict], *, name: str = NAME, prefix: str = "", is_utf8: bool = False
) -> bytes:
    """The field, folded, with its CRLF; "none" without verdicts (§2.2). `prefix` is ARC's instance, `i=1; `.

    No comments are written, and every value that is not plainly harmless is quoted: nothing of a sender's can look like
    a result. UTF-8 stands in it only if the message is internationalized (RFC 8616 §5).
    """
    units = [f"{prefix}{pvalue(authserv_id)};"]
    for verdict in verdicts:
        units += [" " + unit for unit in _units(verdict, is_utf8=is_utf8)]
        units[-1] += ";"
    if len(units) == 1:
        units.append(" none;")
    units[-1] = units[-1].removesuffix(";")
    return fold(name, units)


def _units(verdict: Verdict, *, is_utf8: bool) -> Iterator[str]:
    if not _KEYWORD.match(verdict.method) or not _KEYWORD.match(verdict.result):
        raise ValueError(f"no method and result: {verdict.method[:40]!r}, {verdict.result[:40]!r}")
    yield f"{verdict.method}={verdict.result}"
    if verdict.reason:
        yield f"reason={quoted(verdict.reason, is_utf8=is_utf8)}"
    for name, value in verdict.properties[:MAX_PROPERTIES]:
        kind, dot, rest = name.partition(".")
        if dot and _KEYWORD.match(kind) and _KEYWORD.match(rest):
            yield f"{name}={pvalue(_readable(value, is_utf8=is_utf8), is_utf8=is_utf8)}"


def _readable(value: str, *, is_utf8: bool) -> str:
    """An address whose domain is not ASCII, with A-labels where UTF-8 cannot stand."""
    if is_utf8 or value.isascii():
        return value
    local, at, domain = value.rpartition("@")
    return f"{local}{at}{to_ascii(domain) or domain}"


def parse_results(value: bytes) -> AuthenticationResults | None:
    """Reads a field's value; None if it does not even say whose it is. What cannot be read of the rest is left out.

    Budgets: 16 KiB, 100 results, 30 properties each.
    """
    reader = Reader(value)
    authserv_id = reader.value()
    if authserv_id is None:
        return None
    verdicts: list[Verdict] = []
    reader.pass_over(";")
    while reader.take(";") and len(verdicts) < MAX_VERDICTS:
        verdict = _read_verdict(reader)
        if verdict is not None:
            verdicts.append(verdict)
        reader.pass_over(";")
    return AuthenticationResults(authserv_id, tuple(verdicts))


def _read_verdict(reader: Reader) -> Verdict | None:
    method = reader.value()
    if method is None or not reader.take("="):
        return None  # "none", or nothing
    result = reader.value()
    method = method.partition("/")[0].lower()
    if result is None or not _KEYWORD.match(method) or not _KEYWORD.match(result):
        return None
    reason: str | None = None
    properties: list[tuple[str, str]] = []
    while len(properties) < MAX_PROPERTIES and (pair := _read_pair(reader)) is not None:
        if pair[0] == "reason" and reason is None:
            reason = pair[1]
        elif "." in pair[0]:
            properties.append(pair)
    return Verdict(method, result.lower(), reason, tuple(properties))


def _read_pair(reader: Reader) -> tuple[str, str] | None:
    name = reader.value()
    if name is None:
        return None
    # "ptype [CFWS] "." [CFWS] property": to the reader the dot is part of a token, so up to three make the name.
    for _ in range(3):
        if reader.take("="):
            break
        more = reader.value()
        if more is None or not (name.endswith(".") or more.startswith(".")):
            return None
        name += more
    else:
        return None
    value = reader.value()
    return None if value is None else (name.lower(), value)


def remove_forged(message: bytes, authserv_ids: Iterable[str]) -> bytes:
    """The message without Authentication-Results that claim to be ours; the same object if there are none.

    §5: such a field from outside "MUST" go. One that names nobody goes as well: another reader may find a name in it.
    """
    ours = {_normal(authserv_id) for authserv_id in authserv_ids}
    block = read_block(message, 0, _MAX_FIELDS, _MAX_OCTETS)
    kept: list[bytes] = []
    position = 0
    for field in block.fields:
        if field.name.lower() == NAME.lower() and _is_forged(message, field, ours):
            kept.append(message[position : field.start])
            position = _end_of_line(message, field.end)
    return b"".join([*kept, message[position:]]) if kept else message


def _is_forged(message: bytes, field: Field, ours: set[str]) -> bool:
    authserv_id = Reader(message[field.value : field.end]).value()
    return authserv_id is None or _normal(authserv_id.partition("/")[0]) in ours


def _normal(authserv_id: str) -> str:
    return to_ascii(authserv_id.strip()) or authserv_id.strip().lower()


def _end_of_line(message: bytes, position: int) -> int:
    end = message.find(b"\n", position)
    return len(message) if end < 0 else end + 1
