"""TLS as a client of other mail servers: contexts, the chain that a peer showed, and what a failure means.

Two kinds of contexts: one believes the system's authorities, the other lets anybody pass and leaves it to whoever
connects to look at the chain (DANE) or not to look (opportunistic). Sections: RFC 3207 §4; RFC 7672 §3; RFC 8461 §4.2;
RFC 9325 §3, §4.
"""

from __future__ import annotations

import functools
import ssl
from pathlib import Path
from typing import Any

from pillarbox.formats.tls_result import Result

# OpenSSL's numbers for what was wrong with a certificate (X509_V_ERR_...), which have not changed in decades.
_MISMATCH = frozenset({62, 63, 64})
_EXPIRED = frozenset({9, 10})


class OutboundTls:
    """The contexts of a process, each made when it is first needed."""

    def __init__(self, ca_file: Path | None = None) -> None:
        """`ca_file` holds further authorities for certificates, in PEM."""
        self._ca_file = ca_file

    def context(self, *, is_checked: bool) -> ssl.SSLContext:
        """A context that checks chain and name with the authorities that the system believes, or one that does not."""
        return self._checking if is_checked else self._tolerant

    @functools.cached_property
    def _checking(self) -> ssl.SSLContext:
        out = ssl.create_default_context()
        out.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8461 and RFC 7672 name 1.2 as the least
        if self._ca_file is not None:
            out.load_verify_locations(self._ca_file)
        return out

    @functools.cached_property
    def _tolerant(self) -> ssl.SSLContext:
        """For DANE and for whatever there is: an unchecked certificate is better than none (RFC 7435)."""
        out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        out.check_hostname = False
        out.verify_mode = ssl.CERT_NONE
        out.minimum_version = ssl.TLSVersion.TLSv1_2
        return out


def peer_chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """The certificates that a peer showed, in DER, the leaf first, unchecked. `tls` is a transport's `ssl_object`."""
    # Python 3.13 has made the method public; before, it is that of the inner object.
    chain: Any = getattr(tls, "get_unverified_chain", None) or tls._sslobj.get_unverified_chain  # type: ignore[attr-defined] # noqa: SLF001
    found = chain() or ()
    return tuple(one if isinstance(one, bytes) else one.public_bytes(_DER) for one in found)


_DER = 2  # `_ssl.ENCODING_DER`


def result_of(error: BaseException) -> Result:
    """What a failed handshake means in a report (RFC 8460 §4.3)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _MISMATCH:
            return Result.HOST_MISMATCH
        return Result.EXPIRED if error.verify_code in _EXPIRED else Result.NOT_TRUSTED
    return Result.VALIDATION_FAILURE
