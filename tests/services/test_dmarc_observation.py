from __future__ import annotations

import msgspec

from pillarbox.formats.mailauth.dmarc import DmarcOutcome
from pillarbox.formats.mailauth.dmarc_record import DmarcRecord, parse_dmarc_record
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.formats.report.dmarc import DkimResult, DmarcRow, Override, PublishedPolicy, SpfReported
from pillarbox.services.dmarc_observation import observed, published
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer

PEER = CheckedPeer("192.0.2.1", "h.example", "Bounce@News.Example.org", "mx.example.com", 0)


def record(text: str) -> DmarcRecord:
    found = parse_dmarc_record(f"v=DMARC1; {text}".encode())
    assert found is not None
    return found


def dkim(domain: str, result: str) -> Verdict:
    return Verdict("dkim", result, "why" if result != "pass" else None, (("header.d", domain), ("header.s", "s")))


def authenticated(text: str, **outcome: object) -> Authenticated:
    found = record(text)
    dmarc = msgspec.convert(
        {
            "result": "fail",
            "author": "example.org",
            "policy": found.policy,
            "disposition": found.applied(found.policy),
            **outcome,
        },
        DmarcOutcome,
    )
    dmarc = msgspec.structs.replace(dmarc, record=found, organizational="example.org")
    verdicts = (
        dkim("example.net", "pass"),
        dkim("example.org", "fail"),
        dkim("a.example.org", "pass"),
        dkim("example.org", "pass"),
        Verdict("dkim", "policy"),
    )
    return Authenticated(verdicts, dmarc, SpfResult("softfail", "news.example.org", "mailfrom"), b"")


def row(found: Authenticated, applied: str, why: Override | None = None) -> DmarcRow:
    seen = observed(found, PEER, applied, why)
    assert seen is not None
    return seen


def test_a_message_that_fails_is_a_row_with_all_that_was_looked_at() -> None:
    seen = row(authenticated("p=reject"), "reject")
    assert (seen.disposition, seen.dkim, seen.spf, seen.reasons) == ("reject", "fail", "fail", ())
    assert (seen.source_ip, seen.header_from, seen.envelope_from) == ("192.0.2.1", "example.org", "news.example.org")
    assert seen.dkim_results == (
        DkimResult("example.org", "s", "pass"),
        DkimResult("a.example.org", "s", "pass"),
        DkimResult("example.net", "s", "pass"),
        DkimResult("example.org", "s", "fail", "why"),
    )
    assert seen.spf_results == (SpfReported("news.example.org", "softfail", "mfrom"),)


def test_what_passes_under_a_policy_is_a_pass_and_without_one_nothing() -> None:
    assert row(authenticated("p=reject", result="pass", is_dkim_aligned=True), "none").disposition == "pass"
    assert row(authenticated("p=none", result="pass", is_spf_aligned=True), "none").disposition == "none"


def test_why_a_policy_was_not_applied_is_said() -> None:
    why = Override("trusted_forwarder", "arc=pass")
    assert row(authenticated("p=reject"), "none", why).reasons == (why,)
    assert row(authenticated("p=reject"), "reject", why).reasons == ()
    assert row(authenticated("p=reject; t=y"), "quarantine").reasons == (Override("policy_test_mode"),)


def test_a_message_without_a_record_or_a_result_adds_nothing() -> None:
    assert observed(authenticated("p=reject", result="temperror"), PEER, "none") is None
    bare = authenticated("p=reject")
    assert observed(msgspec.structs.replace(bare, dmarc=DmarcOutcome(result="none")), PEER, "none") is None


def test_the_published_policy_has_every_tag() -> None:
    assert published("example.org", record("p=reject; sp=none; np=reject; adkim=s; fo=d:1; t=y")) == PublishedPolicy(
        domain="example.org",
        p="reject",
        sp="none",
        np="reject",
        adkim="s",
        aspf="r",
        fo="1:d",
        testing="y",
        discovery_method="treewalk",
    )
