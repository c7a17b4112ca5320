"""What a DMARC aggregate report says about one message that we received.

Sections: RFC 9990 §3.1.1, §3.1.3, §3.1.6.
"""

from __future__ import annotations

from pillarbox.formats.mailauth.dmarc import DmarcOutcome
from pillarbox.formats.mailauth.dmarc_record import DmarcRecord
from pillarbox.formats.mailauth.domain import is_at_or_below, to_ascii
from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.formats.report.dmarc import DkimResult, DmarcRow, Override, PublishedPolicy, SpfReported
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer

MAX_SIGNATURES = 100


def observed(found: Authenticated, peer: CheckedPeer, applied: str, why: Override | None = None) -> DmarcRow | None:
    """The row that a message adds to, with a count of 1; None if no record applied to it.

    `applied` is what was done: none, quarantine or reject; `why`, where that is not what the domain wants. Rows that
    are equal but for the count are counted together.
    """
    dmarc = found.dmarc
    if dmarc.record is None or dmarc.author is None or dmarc.result not in ("pass", "fail"):
        return None
    passes = dmarc.result == "pass"
    reasons = [why] if why is not None and not passes and applied != dmarc.disposition else []
    if not passes and dmarc.is_testing and applied != dmarc.policy:
        reasons.append(Override("policy_test_mode"))
    return DmarcRow(
        source_ip=peer.address,
        count=1,
        # §3.1.1.9: "pass" is what passes under a policy that would do something.
        disposition=applied if not passes else "none" if dmarc.policy == "none" else "pass",
        dkim="pass" if dmarc.is_dkim_aligned else "fail",
        spf="pass" if dmarc.is_spf_aligned else "fail",
        header_from=dmarc.author,
        envelope_from=to_ascii(peer.mail_from.rpartition("@")[2]) or "",
        reasons=tuple(reasons),
        dkim_results=_signatures(found.verdicts, dmarc),
        spf_results=(SpfReported(found.spf.domain, found.spf.result, "mfrom", found.spf.problem or ""),),
    )


def published(domain: str, record: DmarcRecord) -> PublishedPolicy:
    """The record at a domain, as a report shows it."""
    return PublishedPolicy(
        domain=domain,
        p=record.policy,
        sp=record.sub_policy or "",
        np=record.missing_policy or "",
        adkim="s" if record.is_strict_dkim else "r",
        aspf="s" if record.is_strict_spf else "r",
        fo=":".join(sorted(record.failure_options)),
        testing="y" if record.is_testing else "n",
        discovery_method="treewalk",
    )


def _signatures(verdicts: tuple[Verdict, ...], dmarc: DmarcOutcome) -> tuple[DkimResult, ...]:
    """§3.1.3: those that pass and are the author's first, those that do not pass last."""
    found = [verdict for verdict in verdicts if verdict.method == "dkim" and verdict.value("header.d")]
    found.sort(key=lambda verdict: _rank(verdict, dmarc))
    return tuple(
        DkimResult(
            verdict.value("header.d") or "", verdict.value("header.s") or "", verdict.result, verdict.reason or ""
        )
        for verdict in found[:MAX_SIGNATURES]
    )


def _rank(verdict: Verdict, dmarc: DmarcOutcome) -> int:
    domain = verdict.value("header.d") or ""
    if verdict.result != "pass":
        return 3
    if domain == dmarc.author:
        return 0
    return 1 if dmarc.organizational and is_at_or_below(domain, dmarc.organizational) else 2
