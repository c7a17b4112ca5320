"""Verifies the chain of those who handled a message, in two halves as DKIM: hashing, and asking for keys.

Sections: RFC 8617 §5.2, §7.2; RFC 8601 §2.7.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from pillarbox.core.dns import Answer, Lookup
from pillarbox.formats.mailauth.arc_set import ArcSet, BadChain, newest_instance, read_sets
from pillarbox.formats.mailauth.body_digest import BodyDigests, pieces_of
from pillarbox.formats.mailauth.dkim import header_digest
from pillarbox.formats.mailauth.key_lookup import ask_keys, try_signature
from pillarbox.formats.mailauth.message_field import Header, read_header
from pillarbox.formats.mailauth.verdict import Verdict


class Chain(msgspec.Struct, frozen=True):
    """The sets of a message, digests made. `fault` says why they are no good chain; `newest` is the last number.

    A chain that says of itself that it was broken is closed: nobody may add to it.
    """

    sets: tuple[ArcSet, ...] = ()
    fault: str | None = None
    newest: int = 0
    is_closed: bool = False
    signature_digest: bytes = b""
    seal_digests: tuple[bytes, ...] = ()

    @property
    def sealers(self) -> tuple[str, ...]:
        """The domains that sealed, the first handler's first. Believe them only of a chain that passes."""
        return tuple(each.seal_terms.domain for each in self.sets)


def read_chain(message: bytes) -> Chain:
    """The chain of a message; all the hashing is done here, in time linear in the message. Never raises."""
    header = read_header(message)
    return read_chain_of(header, pieces_of(message, header.body_start))


def read_chain_of(header: Header, body: Iterable[bytes]) -> Chain:
    """The same for a header that was read before, and a body that comes in pieces."""
    if header.is_over_budget:
        return Chain(fault="the header is too large", newest=1, is_closed=True)
    try:
        sets = read_sets(header)
    except BadChain as error:
        return Chain(fault=str(error), newest=newest_instance(header))
    if not sets:
        return Chain()
    newest = len(sets)
    if any(each.validation == "fail" for each in sets):
        return Chain(sets, "the chain was broken before", newest, is_closed=sets[-1].validation == "fail")
    last = sets[-1]
    return Chain(
        sets,
        _body_fault(last, body),
        newest,
        signature_digest=header_digest(last.signature, last.signature_terms, header.fields),
        seal_digests=tuple(_seal_digests(sets)),
    )


def _body_fault(newest: ArcSet, body: Iterable[bytes]) -> str | None:
    terms = newest.signature_terms
    digests = BodyDigests([(terms.relaxed_body, terms.body_limit)])
    digests.read(body)
    if terms.body_limit is not None and terms.body_limit != digests.length(is_relaxed=terms.relaxed_body):
        return "a part of the body is not signed"
    if digests.digest(is_relaxed=terms.relaxed_body, limit=terms.body_limit) != terms.body_hash:
        return "the body was changed"
    return None


def _seal_digests(sets: Iterable[ArcSet]) -> Iterable[bytes]:
    """What each seal signs: all sets before it, then its own without its `b` (RFC 8617 §5.1.1)."""
    before = hashlib.sha256()
    for each in sets:
        results, signature, seal = each.hashed
        before.update(results + b"\r\n" + signature + b"\r\n")
        sealed = before.copy()
        sealed.update(each.seal.unsigned().canonical(is_relaxed=True))
        yield sealed.digest()
        before.update(seal + b"\r\n")


def verify_chain(chain: Chain) -> Lookup[Verdict]:
    """The verdict: none, pass or fail. The keys of the newest set are asked for first: most broken chains end there."""
    if not chain.newest and chain.fault is None:
        return Verdict("arc", "none")
    if chain.fault is not None:
        return _failed(chain.fault)
    last = chain.sets[-1]
    answers = yield from ask_keys((last.signature_terms.key_name, last.seal_terms.key_name))
    outcome, reason = try_signature(
        last.signature_terms, chain.signature_digest, answers[last.signature_terms.key_name]
    )
    if outcome != "pass":
        return _failed(f"set {last.instance}, {reason}")
    if (fault := _seal_fault(chain, last, answers)) is not None:
        return _failed(fault)
    earlier = chain.sets[:-1]
    answers = yield from ask_keys(each.seal_terms.key_name for each in earlier)
    for each in reversed(earlier):
        if (fault := _seal_fault(chain, each, answers)) is not None:
            return _failed(fault)
    return Verdict("arc", "pass", properties=(("header.d", last.seal_terms.domain),))


def _seal_fault(chain: Chain, each: ArcSet, answers: Mapping[str, Answer]) -> str | None:
    digest = chain.seal_digests[each.instance - 1]
    outcome, reason = try_signature(each.seal_terms, digest, answers[each.seal_terms.key_name])
    return None if outcome == "pass" else f"set {each.instance}, {reason}"


def _failed(reason: str) -> Verdict:
    return Verdict("arc", "fail", reason)
