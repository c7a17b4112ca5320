"""Mail that was looked at and failed, as the checks of inbound mail tell of it."""

from __future__ import annotations

from pillarbox.formats.mailauth.dmarc import DmarcOutcome
from pillarbox.formats.mailauth.dmarc_record import parse_dmarc_record
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer

RUF = "ruf=mailto:ruf@sender.example"


def peer(
    address: str = "192.0.2.66", mail_from: str = "Mallory@sender.example", now: int = 1_700_000_000
) -> CheckedPeer:
    """Who brought it."""
    return CheckedPeer(address, "helo.example", mail_from, "mx.example.org", now)


def signature(domain: str, result: str, reason: str | None = None) -> Verdict:
    """What was found out about a signature."""
    of = (("header.d", domain), ("header.i", f"bob@{domain}"), ("header.s", "sel"))
    return Verdict("dkim", result, reason, of)


def authenticated(
    tags: str = RUF,
    *signatures: Verdict,
    result: str = "fail",
    spf: str = "fail",
    spf_domain: str = "sender.example",
    dkim_aligned: bool = False,
    spf_aligned: bool = False,
    author: str = "sender.example",
    problem: str | None = None,
) -> Authenticated:
    """A message whose author's domain has a record with these tags."""
    record = parse_dmarc_record(f"v=DMARC1; p=reject; {tags}".encode())
    assert record is not None
    domain = ".".join(author.split(".")[-2:])
    dmarc = DmarcOutcome(
        result=result,
        author=author,
        policy="reject",
        disposition="reject" if result == "fail" else "none",
        is_dkim_aligned=dkim_aligned,
        is_spf_aligned=spf_aligned,
        policy_domain=domain,
        organizational=domain,
        record=record,
        problem=problem,
    )
    found = SpfResult(spf, spf_domain, "mailfrom")
    verdicts = (found.verdict("Mallory@sender.example"), *signatures, dmarc.verdict())
    return Authenticated(verdicts, dmarc, found, b"")
