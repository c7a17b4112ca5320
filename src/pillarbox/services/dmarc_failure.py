"""Whether a message failed in a way of which its author's domain wants to hear, and what it hears.

Sections: RFC 9989 §4.7 (`fo`, `ruf`); RFC 9991 §2, §4; RFC 6591 §3.2.
"""

from __future__ import annotations

import msgspec

from pillarbox.formats.mailauth.dkim import BODY_CHANGED
from pillarbox.formats.mailauth.dmarc import DmarcOutcome
from pillarbox.formats.mailauth.dmarc_record import Destination
from pillarbox.formats.mailauth.domain import is_at_or_below
from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.services.mail_authentication import Authenticated, CheckedPeer

# RFC 6591 §3.2.2: what was done, in the words of DMARC and of feedback.
_RESULTS = {"none": "delivered", "quarantine": "spam", "reject": "reject"}


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A message that failed, or several that failed alike; `header` is the first one's, if it was kept.

    `kind` is what failed, in the words of Auth-Failure: dmarc, signature, bodyhash, spf. `unaligned` are the methods
    that did not prove the author's domain. `spf_domain` is that whose record did not permit it, "" if there is none.
    """

    kind: str
    domain: str  # where the policy was found
    author: str
    destinations: tuple[Destination, ...]
    address: str
    mail_from: str
    unaligned: tuple[str, ...]
    delivery_result: str
    signature: Verdict | None
    spf_domain: str
    verdicts: tuple[Verdict, ...]
    authserv_id: str
    arrived_at: int  # seconds
    header: bytes = b""
    incidents: int = 1


def failure_of(found: Authenticated, peer: CheckedPeer, applied: str) -> Failure | None:
    """What is told of a message; None if there is nothing that the domain wants to hear. `applied` as DMARC has it.

    Of mail with the null reverse-path nothing is told, and neither of such whose From field does not name one author:
    whose policy it is would be a guess.
    """
    dmarc = found.dmarc
    record = dmarc.record
    if record is None or dmarc.author is None or dmarc.policy_domain is None or dmarc.problem is not None:
        return None
    if not peer.mail_from or not record.failure_destinations:
        return None
    broken = [each for each in found.verdicts if each.method == "dkim" and each.result in ("fail", "permerror")]
    kind = _kind(found, record.failure_options, broken)
    if kind is None:
        return None
    aligned = [each for each in broken if _is_authors(each.value("header.d") or "", dmarc)]
    shown = aligned if kind == "dmarc" else broken
    # RFC 9991 §4: SPF-DNS is "REQUIRED for SPF failure of an aligned identifier".
    is_spf_told = found.spf.result != "pass" and (kind == "spf" or _is_authors(found.spf.domain, dmarc))
    return Failure(
        kind=kind,
        domain=dmarc.policy_domain,
        author=dmarc.author,
        destinations=record.failure_destinations,
        address=peer.address,
        mail_from=peer.mail_from,
        unaligned=tuple(method for method in ("dkim", "spf") if method not in dmarc.aligned),
        delivery_result=_RESULTS.get(applied, "other"),
        signature=shown[0] if shown and kind != "spf" else None,
        spf_domain=found.spf.domain if is_spf_told and kind in ("dmarc", "spf") else "",
        verdicts=found.verdicts,
        authserv_id=peer.authserv_id,
        arrived_at=peer.now,
    )


def _kind(found: Authenticated, options: frozenset[str], broken: list[Verdict]) -> str | None:
    """What there is to tell: of DMARC first, of a method alone where only that is asked for."""
    dmarc = found.dmarc
    if dmarc.result == "fail" and options & {"0", "1"}:
        return "dmarc"
    # "1" asks for messages as well that one method proves and the other does not.
    if dmarc.result == "pass" and "1" in options and len(dmarc.aligned) < 2:
        return "dmarc"
    if "d" in options and broken:
        return "bodyhash" if broken[0].reason == BODY_CHANGED else "signature"
    if "s" in options and found.spf.result in ("fail", "softfail", "permerror"):
        return "spf"
    return None


def _is_authors(domain: str, dmarc: DmarcOutcome) -> bool:
    return domain == dmarc.author or (dmarc.organizational is not None and is_at_or_below(domain, dmarc.organizational))
