"""MTA-STS: what a domain says of the certificates of its mail servers, in a record and in a file.

Sections: RFC 8461 §3.1 (the record), §3.2 (the file), §4.1 (names of hosts); RFC 8460 §3 for the likeness of records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum

import idna
import msgspec

MAX_OCTETS = 65_536  # RFC 8461 §3.3: "a maximum size of 64 KB"
MAX_AGE = 31_557_600  # seconds; RFC 8461 §3.2: a year
_MAX_PATTERNS = 100
_MAX_LINES = 1_000
# RFC 8461 §3.1: the version comes first, the id is 1*32 letters and digits; unknown fields are passed over.
_RECORD = re.compile(rb"v=STSv1[ \t]*;(?:[ \t]*[a-zA-Z0-9][a-zA-Z0-9_.-]{0,31}[ \t]*=[^;]*(?:;|\Z))*[ \t]*\Z")
_ID = re.compile(rb";[ \t]*id[ \t]*=[ \t]*([A-Za-z0-9]{1,32})[ \t]*(?:;|\Z)")
_LINE = re.compile(r"([a-zA-Z0-9][a-zA-Z0-9_.-]{0,31})[ \t]*:[ \t]*(.*?)[ \t]*\Z")
_HOST = re.compile(r"(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")


class StsError(ValueError):
    """A file is no policy; the message says why."""


class Mode(Enum):
    """What senders are asked to do (RFC 8461 §5)."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


class Policy(msgspec.Struct, frozen=True):
    """A domain's policy. `mx` are names in A-labels; `*.` at the beginning stands for one label."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int  # seconds

    @property
    def is_enforced(self) -> bool:
        """Whether mail is rather kept than handed to a host that cannot prove what it is."""
        return self.mode is Mode.ENFORCE

    @property
    def is_obeyed(self) -> bool:
        """Whether hosts are looked at at all: for the report only, when it is not enforced."""
        return self.mode is not Mode.NONE

    def allows(self, host: str) -> bool:
        """Whether a host, in A-labels and lower case, is one of the domain's (RFC 8461 §4.1)."""
        return host in self.mx or f"*.{host.partition('.')[2]}" in self.mx


def read_record(records: Iterable[bytes]) -> str | None:
    """The id in the TXT records at `_mta-sts.DOMAIN`; None when there is no policy (RFC 8461 §3.1).

    "If the number of resulting records is not one" there is none; what does not begin as one is another's.
    """
    found = [record for record in records if record.startswith(b"v=STSv1;") or re.match(rb"v=STSv1[ \t]*;", record)]
    if len(found) != 1 or not _RECORD.match(found[0]):
        return None
    ids = _ID.findall(found[0])
    return ids[0].decode("ascii") if len(ids) == 1 else None


def parse_policy(octets: bytes) -> Policy:
    """The policy in a file. Raises StsError. Lines may end with LF; the first of several fields counts, all `mx` do."""
    if len(octets) > MAX_OCTETS:
        raise StsError(f"the policy has more than {MAX_OCTETS} octets")
    try:
        lines = octets.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        raise StsError("the policy is not UTF-8") from None
    if len(lines) > _MAX_LINES:
        raise StsError(f"the policy has more than {_MAX_LINES} lines")
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in lines:
        if not line.strip(" \t"):
            continue
        found = _LINE.match(line)
        if found is None:
            raise StsError(f"there is a line that is no field: {line[:80]!r}")
        if found[1] == "mx":
            patterns.append(_pattern(found[2]))
        else:
            fields.setdefault(found[1], found[2])
    return _policy(fields, patterns)


def _policy(fields: dict[str, str], patterns: Sequence[str]) -> Policy:
    if fields.get("version") != "STSv1":
        raise StsError("the version is not STSv1")
    try:
        mode = Mode(fields.get("mode"))
    except ValueError:
        raise StsError("the mode is none of enforce, testing and none") from None
    age = fields.get("max_age", "")
    if not (age.isascii() and age.isdigit() and len(age) <= 10):
        raise StsError("max_age is no number of seconds")
    if len(patterns) > _MAX_PATTERNS:
        raise StsError(f"there are more than {_MAX_PATTERNS} mx fields")
    if not patterns and mode is not Mode.NONE:
        raise StsError("there is no mx field")
    return Policy(mode, tuple(dict.fromkeys(patterns)), min(int(age), MAX_AGE))


def _pattern(text: str) -> str:
    """A name or a wildcard in A-labels; U-labels are taken, as people write them (RFC 8461 §4.1 asks for A-labels)."""
    star, name = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    try:
        name = name.lower() if name.isascii() else idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise StsError(f"an mx field is no name: {text[:80]!r}") from None
    if len(name) > 253 or not _HOST.match(star + name):
        raise StsError(f"an mx field is no name: {text[:80]!r}")
    return star + name


def policy_to_bytes(policy: Policy) -> bytes:
    """The file of a policy, its lines ended by CRLF (RFC 8461 §3.2)."""
    lines = [
        "version: STSv1",
        f"mode: {policy.mode.value}",
        *(f"mx: {name}" for name in policy.mx),
        f"max_age: {policy.max_age}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
