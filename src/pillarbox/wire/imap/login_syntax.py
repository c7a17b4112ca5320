"""ID, LOGIN, AUTHENTICATE, ENABLE: who the client is and what it knows.

Sections: RFC 9051 §6.2.2, §6.2.3, §6.3.1; RFC 2971 §3.1, §3.3; RFC 4959 §3; RFC 5161 §3.1.
"""

from __future__ import annotations

import base64
import binascii
import re

from pillarbox.wire.imap.command import Authenticate, Enable, Id, Login
from pillarbox.wire.imap.refusal import Refused
from pillarbox.wire.imap.scanner import Scanner
from pillarbox.wire.imap.set_syntax import spaced

_BASE64 = re.compile(r"=|[A-Za-z0-9+/]+={0,2}")
_ID_FIELDS = 30
_ID_NAME_OCTETS = 30
_ID_VALUE_OCTETS = 1024


def id_(scanner: Scanner) -> Id:
    """ID. RFC 2971 §3.3 bounds the fields, their names and their values."""
    scanner.need(" ")
    if not scanner.has("("):
        if scanner.word() != "NIL":
            raise Refused("ID takes a list or NIL")
        scanner.end()
        return Id(None)
    fields: dict[str, str | None] = {}
    while not scanner.has(")"):
        if fields:
            scanner.need(" ")
        name, value = _field(scanner)
        if name in fields or len(fields) == _ID_FIELDS:
            raise Refused("ID has at most 30 fields, each once")
        fields[name] = value
    scanner.end()
    return Id(tuple(fields.items()))


def _field(scanner: Scanner) -> tuple[str, str | None]:
    name = scanner.string()
    scanner.need(" ")
    value = scanner.nstring()
    if len(name.encode()) > _ID_NAME_OCTETS or len((value or "").encode()) > _ID_VALUE_OCTETS:
        raise Refused("A field of ID has at most 30 octets in its name and 1024 in its value")
    return name.lower(), value


def login(scanner: Scanner) -> Login:
    """LOGIN."""
    scanner.need(" ")
    username = scanner.loose_astring()
    scanner.need(" ")
    password = scanner.loose_astring()
    scanner.end()
    return Login(username, password)


def authenticate(scanner: Scanner) -> Authenticate:
    """AUTHENTICATE; RFC 4959 §3: an initial response that is empty is written `=`."""
    scanner.need(" ")
    mechanism = scanner.word()
    initial = None
    if scanner.has(" "):
        text = scanner.match(_BASE64, "base64")[0]
        try:
            initial = b"" if text == "=" else base64.b64decode(text, validate=True)
        except binascii.Error:
            raise Refused("The initial response is not base64") from None
    scanner.end()
    return Authenticate(mechanism, initial)


def enable(scanner: Scanner) -> Enable:
    """ENABLE, with at least one capability; what is unknown is the server's to ignore (RFC 5161 §3.1)."""
    scanner.need(" ")
    names = spaced(scanner, Scanner.word)
    scanner.end()
    return Enable(names)
