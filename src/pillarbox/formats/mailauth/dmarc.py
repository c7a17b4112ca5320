"""DMARC: whether a domain that was proved belongs to the author, and what the author wants done if none does.

Sections: RFC 9989 §4.4, §4.10, §5.3, §11.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from pillarbox.core.dns import Lookup, Status, ask, together
from pillarbox.formats.mailauth.author import Author
from pillarbox.formats.mailauth.dmarc_discovery import Walk, Walks
from pillarbox.formats.mailauth.dmarc_record import POLICIES, DmarcRecord
from pillarbox.formats.mailauth.domain import is_at_or_below, to_ascii
from pillarbox.formats.mailauth.spf import SpfResult
from pillarbox.formats.mailauth.verdict import Verdict

# Domains of signatures that are compared; a message has one or two.
MAX_IDENTIFIERS = 10


class DmarcOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What DMARC says about one author domain.

    `result` is pass, fail, none, temperror or permerror. `policy` is what the domain wants for such mail; `disposition`
    is what it wants done with this message, after tests were allowed for: none, quarantine or reject. `problem` says
    what is wrong with the From field, or with the record.
    """

    result: str
    author: str | None = None
    policy: str = "none"
    disposition: str = "none"
    is_dkim_aligned: bool = False
    is_spf_aligned: bool = False
    policy_domain: str | None = None
    organizational: str | None = None
    record: DmarcRecord | None = None
    problem: str | None = None

    @property
    def aligned(self) -> tuple[str, ...]:
        """The methods that prove the author's domain."""
        return ("dkim",) * self.is_dkim_aligned + ("spf",) * self.is_spf_aligned

    @property
    def is_testing(self) -> bool:
        """Whether less is to be done than the policy says, because the domain tests it."""
        return self.record is not None and self.record.applied(self.policy) != self.policy

    def verdict(self) -> Verdict:
        """For Authentication-Results (RFC 9989 §9.1)."""
        properties = (("header.from", self.author),) if self.author else ()
        if self.record is not None:
            properties = (*properties, ("policy.dmarc", self.disposition if self.result == "fail" else self.policy))
        return Verdict("dmarc", self.result, self.problem, properties)


class Discovery(msgspec.Struct, frozen=True):
    """The policies of a message's author, asked for while signatures and SPF are still checked."""

    author: Author
    walks: Walks
    found: tuple[Walk, ...]


def discover(author: Author) -> Lookup[Discovery]:
    """Look for the policy of each domain that From names; there is one, in an honest message."""
    walks = Walks()
    found = yield from together(*(walks.walk(domain) for domain in author.domains))
    return Discovery(author, walks, found)


def evaluate(discovery: Discovery, spf: SpfResult | None, dkim: Sequence[Verdict]) -> Lookup[DmarcOutcome]:
    """Compare what was proved with the author.

    Several author domains: each is looked at, and the one that fails with the strictest policy speaks (§11.5). A From
    field that names nobody, or several of them, is quarantined at least: no two programs agree whom they show.
    """
    outcomes: tuple[DmarcOutcome, ...] = yield from together(
        *(_evaluate(discovery.walks, walk, spf, dkim) for walk in discovery.found)
    )
    if not outcomes:
        return DmarcOutcome(result="permerror", disposition="quarantine", problem=discovery.author.problem)
    worst = max(outcomes, key=_severity)
    if discovery.author.problem is None:
        return worst
    is_honest = discovery.author.is_shared and all(outcome.result == "pass" for outcome in outcomes)
    return msgspec.structs.replace(
        worst,
        result="permerror" if worst.result in ("pass", "none") and not is_honest else worst.result,
        disposition=worst.disposition if is_honest else max(worst.disposition, "quarantine", key=POLICIES.index),
        problem=discovery.author.problem,
    )


def _severity(outcome: DmarcOutcome) -> tuple[int, int]:
    order = ("pass", "none", "permerror", "temperror", "fail")
    return POLICIES.index(outcome.disposition), order.index(outcome.result)


def _evaluate(walks: Walks, walk: Walk, spf: SpfResult | None, dkim: Sequence[Verdict]) -> Lookup[DmarcOutcome]:
    found = walk.policy()
    if found is None:
        # §5.3.6: without all answers "the message cannot be considered to pass or fail".
        return DmarcOutcome(result="none" if walk.is_certain else "temperror", author=walk.domain)
    name, record = found
    if not record.is_policy:
        problem = f"the record of {name} has no valid policy"
        return DmarcOutcome(result="permerror", author=walk.domain, policy_domain=name, problem=problem)
    exists = True
    if name != walk.domain and record.missing_policy is not None:
        exists = yield from _exists(walks, walk.domain)
    signers = _distinct(verdict.value("header.d") for verdict in dkim if verdict.result == "pass")
    sender = _distinct([spf.domain] if spf is not None and spf.result == "pass" else [])
    by_dkim, knows_dkim = yield from _is_aligned(walks, walk, signers, is_strict=record.is_strict_dkim)
    by_spf, knows_spf = yield from _is_aligned(walks, walk, sender, is_strict=record.is_strict_spf)
    policy = record.policy_for(is_subdomain=name != walk.domain, exists=exists)
    is_certain = walk.is_certain and knows_dkim and knows_spf
    result = "pass" if by_dkim or by_spf else _without_alignment(walk, spf, dkim, is_certain=is_certain)
    return DmarcOutcome(
        result=result,
        author=walk.domain,
        policy=policy,
        disposition=record.applied(policy) if result == "fail" else "none",
        is_dkim_aligned=by_dkim,
        is_spf_aligned=by_spf,
        policy_domain=name,
        organizational=walk.organizational,
        record=record,
    )


def _without_alignment(walk: Walk, spf: SpfResult | None, dkim: Sequence[Verdict], *, is_certain: bool) -> str:
    """Fail, or temperror where an answer that was missing could have made it a pass (§5.3.6).

    Only domains of the author's count: whoever forges has domains of his own that do not answer.
    """
    unknown = _distinct(verdict.value("header.d") for verdict in dkim if verdict.result == "temperror")
    unknown += _distinct([spf.domain] if spf is not None and spf.result == "temperror" else [])
    is_open = any(is_at_or_below(domain, walk.organizational) for domain in unknown)
    return "fail" if is_certain and not is_open else "temperror"


def _is_aligned(walks: Walks, walk: Walk, domains: list[str], *, is_strict: bool) -> Lookup[tuple[bool, bool]]:
    """§4.4: the same domain, or (relaxed) the same organization; and whether no answer was missing for that."""
    if walk.domain in domains:
        return True, True
    if is_strict:
        return False, True
    is_certain = True
    # Who is not below the author's Organizational Domain has another.
    for domain in domains:
        if is_at_or_below(domain, walk.organizational):
            other = yield from walks.walk(domain)
            if not other.is_certain:
                is_certain = False
            elif other.organizational == walk.organizational:
                return True, True
    return False, is_certain


def _exists(walks: Walks, domain: str) -> Lookup[bool]:
    """§3.2.13: a domain does not exist if the DNS says NXDOMAIN."""
    return walks.exists(domain) or (yield from ask(domain, "A")).status is not Status.NO_NAME


def _distinct(names: Iterable[str | None]) -> list[str]:
    domains = (to_ascii(name) for name in names if name)
    return list(dict.fromkeys(name for name in domains if name))[:MAX_IDENTIFIERS]
