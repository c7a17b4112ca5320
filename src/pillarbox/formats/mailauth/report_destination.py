"""Who wants reports about a domain: the addresses of its record, those elsewhere only if they agree.

Sections: RFC 9990 §4; RFC 9991 §5.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pillarbox.core.dns import Answer, Lookup, Question, Status, ask_all
from pillarbox.formats.mailauth.dmarc_discovery import Walks
from pillarbox.formats.mailauth.dmarc_record import Destination, is_dmarc, parse_dmarc_record
from pillarbox.formats.mailauth.domain import is_name, to_ascii


class Destinations(msgspec.Struct, frozen=True):
    """Where reports go. `is_certain` is False when an answer was missing: the others may be asked again later."""

    agreed: tuple[Destination, ...]
    is_certain: bool = True


def agreed_destinations(
    policy_domain: str, wanted: Sequence[Destination], *, is_failure: bool = False
) -> Lookup[Destinations]:
    """Of the addresses that a record at a domain names, those to which reports may be sent.

    One outside of the domain's organization must say so in the DNS, and may name another address at the same host
    instead (§4, step 9); `is_failure` asks for `ruf` rather than `rua`.
    """
    walks = Walks()
    own = yield from walks.walk(policy_domain)
    agreed: list[Destination] = []
    outside: list[tuple[Destination, str]] = []
    is_certain = own.is_certain
    for destination in wanted:
        host = to_ascii(destination.host)
        if host is None:
            continue
        other = yield from walks.walk(host)
        is_certain = is_certain and other.is_certain
        if other.organizational == own.organizational:
            agreed.append(destination)
        elif is_name(question := f"{policy_domain}._report._dmarc.{host}"):
            outside.append((destination, question))
    answers = yield from ask_all(*(Question(name, "TXT") for _, name in outside))
    for (destination, _), answer in zip(outside, answers, strict=True):
        is_certain = is_certain and answer.status is not Status.FAILED
        agreed += _agreed(destination, answer, is_failure=is_failure)
    return Destinations(tuple(dict.fromkeys(agreed)), is_certain)


def _agreed(destination: Destination, answer: Answer, *, is_failure: bool) -> Sequence[Destination]:
    """What the host says; with an address elsewhere "MUST NOT generate a report to either"."""
    texts = [octets for octets in answer.records if isinstance(octets, bytes) and is_dmarc(octets)]
    if not texts:
        return ()
    record = parse_dmarc_record(texts[0])
    others = () if record is None else record.failure if is_failure else record.aggregate
    if any(other.host != destination.host for other in others):
        return ()
    return others or (destination,)
