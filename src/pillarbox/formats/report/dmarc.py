"""DMARC aggregate reports: what receivers counted for a domain.

Sections: RFC 9990 §3; RFC 7489 §C.
"""

from __future__ import annotations

import gzip

import msgspec


class PublishedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The record that the receiver found (RFC 9990 §3.1.1.5). What it does not say is "" or None."""

    domain: str
    p: str = "none"
    sp: str = ""
    np: str = ""
    adkim: str = ""
    aspf: str = ""
    fo: str = ""
    testing: str = ""
    discovery_method: str = ""
    pct: int | None = None


class Override(msgspec.Struct, frozen=True):
    """Why a policy was not applied (§3.1.6)."""

    type: str
    comment: str = ""


class DkimResult(msgspec.Struct, frozen=True):
    """What became of a signature (§3.1.1.12)."""

    domain: str
    selector: str = ""
    result: str = "none"
    human_result: str = ""


class SpfReported(msgspec.Struct, frozen=True):
    """What SPF said (§3.1.1.13); RFC 7489 had `helo` for a scope."""

    domain: str
    result: str = "none"
    scope: str = ""
    human_result: str = ""


class DmarcRow(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that came from one address with the same results (§3.1.1.7 to §3.1.1.11).

    `dkim` and `spf` say whether they were aligned: pass or fail.
    """

    source_ip: str
    count: int
    disposition: str
    dkim: str
    spf: str
    header_from: str
    envelope_from: str = ""
    envelope_to: str = ""
    reasons: tuple[Override, ...] = ()
    dkim_results: tuple[DkimResult, ...] = ()
    spf_results: tuple[SpfReported, ...] = ()

    @property
    def passes(self) -> bool:
        """Whether DMARC passed."""
        return "pass" in (self.dkim, self.spf)


class DmarcReport(msgspec.Struct, frozen=True, kw_only=True):
    """A report; `begins_at` and `ends_at` in seconds since 1970."""

    organization: str
    email: str
    report_id: str
    begins_at: int
    ends_at: int
    policy: PublishedPolicy
    rows: tuple[DmarcRow, ...]
    extra_contact: str = ""
    errors: tuple[str, ...] = ()
    generator: str = ""
    version: str = ""


def pack(document: bytes) -> bytes:
    """A document in gzip, the same for the same document."""
    return gzip.compress(document, mtime=0)
