"""Whether forwarders whom an administrator trusts say that a message was its author's when they got it.

Sections: RFC 8617 §4.1.1, §7.2.1; RFC 9989 §5.4 (a receiver may let mail through that fails).
"""

from __future__ import annotations

from collections.abc import Collection

from pillarbox.formats.mailauth.authentication_results import parse_results
from pillarbox.formats.mailauth.verdict import Verdict, find
from pillarbox.services.mail_authentication import Authenticated


def was_good_before(found: Authenticated, trusted: Collection[str]) -> bool:
    """Whether the chain holds, and a trusted sealer has seen DMARC pass for the author that the message still has.

    The newest handler's word counts. Of an older one's only if all after it are trusted too, each having found the
    chain good: whoever else had the message in between may have changed it. `trusted` are domains in lower case.
    """
    arc = find(found.verdicts, "arc")
    if arc is None or arc.result != "pass":
        return False
    for each in reversed(found.chain.sets):
        if each.seal_terms.domain.lower() not in trusted:
            return False
        verdicts = _results(each.results.value)
        if any(_is_about(verdict, found.dmarc.author) for verdict in verdicts if verdict.method == "dmarc"):
            return True
        before = find(verdicts, "arc")
        if before is None or before.result != "pass":
            return False
    return False


def _is_about(verdict: Verdict, author: str | None) -> bool:
    """A good word, and for the author's domain of now: mail whose author was changed on its way is another's."""
    of = verdict.value("header.from")
    return verdict.result == "pass" and (of is None or of.lower().rstrip(".") == (author or "").lower())


def _results(value: bytes) -> tuple[Verdict, ...]:
    """What an ARC-Authentication-Results says, after its number (RFC 8617 §4.1.1)."""
    results = parse_results(value.partition(b";")[2])
    return results.verdicts if results is not None else ()
