"""TLSRPT records: where a domain wants to hear how TLS with its mail exchanges went.

Sections: RFC 8460 §3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

MAX_RECORD = 4096
MAX_DESTINATIONS = 10
_VERSION = re.compile(rb"v=TLSRPTv1[ \t]*;")
_ADDRESS = re.compile(r"""[^\s@<>,;"\\]{1,64}@[^\s@<>,;"\\]{1,253}""")


class TlsDestinations(msgspec.Struct, frozen=True):
    """Addresses for mail, and URLs to post to, in the record's order."""

    addresses: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


def read_tls_record(texts: Iterable[bytes]) -> TlsDestinations:
    """What the TXT records at `_smtp._tls.DOMAIN` ask for.

    RFC 8460 §3: "If the number of resulting records is not one, senders MUST assume the recipient domain does not
    implement TLSRPT."
    """
    records = [text for text in texts if _VERSION.match(text)]
    if len(records) != 1 or len(records[0]) > MAX_RECORD:
        return TlsDestinations()
    addresses: list[str] = []
    urls: list[str] = []
    for uri in _uris(records[0].decode("ascii", "replace"))[:MAX_DESTINATIONS]:
        scheme, _, rest = uri.partition(":")
        if scheme.lower() == "mailto" and _ADDRESS.fullmatch(address := unquote(rest.partition("?")[0])):
            if address.isprintable():
                addresses.append(address)
        elif scheme.lower() == "https" and uri.isprintable() and " " not in uri:
            urls.append(uri)
    return TlsDestinations(tuple(dict.fromkeys(addresses)), tuple(dict.fromkeys(urls)))


def _uris(record: str) -> list[str]:
    """The values of the first `rua`; "," and ";" in a URI are percent-encoded."""
    for field in record.split(";"):
        name, equals, value = field.partition("=")
        if equals and name.strip(" \t").lower() == "rua":
            return [uri.strip(" \t") for uri in value.split(",")]
    return []
