"""Finds out who a message is from, by all methods at once, and writes down what was found.

Sections: RFC 8601; RFC 7208; RFC 6376; RFC 8617; RFC 9989.
"""

from __future__ import annotations

import msgspec

from pillarbox.core.dns import Lookup, together
from pillarbox.formats.mailauth.arc import Chain, read_chain, verify_chain
from pillarbox.formats.mailauth.authentication_results import results_to_bytes
from pillarbox.formats.mailauth.author import Author, find_author
from pillarbox.formats.mailauth.dkim import Signature, read_signatures, verify_signatures
from pillarbox.formats.mailauth.dmarc import Discovery, DmarcOutcome, discover, evaluate
from pillarbox.formats.mailauth.iprev import Reverse, check_iprev
from pillarbox.formats.mailauth.received_spf import received_spf_to_bytes
from pillarbox.formats.mailauth.spf import SpfResult, check_helo, check_spf
from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.formats.message.header_block import read_block

_MAX_FIELDS = 10_000
_MAX_OCTETS = 262_144


class CheckedPeer(msgspec.Struct, frozen=True):
    """What SMTP tells of who sends: addresses and names as they were given, `mail_from` "" for the null reverse-path.

    `authserv_id` is the name under which we speak. `now` is in seconds since 1970.
    """

    address: str
    helo: str
    mail_from: str
    authserv_id: str
    now: int
    is_utf8: bool = False


class Prepared(msgspec.Struct, frozen=True):
    """A message, read as far as it can be without the DNS; may be made in a thread."""

    author: Author
    signatures: tuple[Signature, ...] = ()
    chain: Chain = Chain()


class Authenticated(msgspec.Struct, frozen=True):
    """What was found out. `fields` is Received-SPF and Authentication-Results, to be put before the message.

    `host` is the client's name, if iprev passed. `chain` and `authserv_id` are for the seal of who sends it on.
    """

    verdicts: tuple[Verdict, ...]
    dmarc: DmarcOutcome
    spf: SpfResult
    fields: bytes
    host: str | None = None
    chain: Chain = Chain()
    authserv_id: str = ""


def prepare(message: bytes) -> Prepared:
    """The heavy part: digests of the body for each signature. Never raises for what a message may be."""
    block = read_block(message, 0, _MAX_FIELDS, _MAX_OCTETS)
    return Prepared(find_author(message, block.fields), read_signatures(message), read_chain(message))


def authenticate(prepared: Prepared, peer: CheckedPeer) -> Lookup[Authenticated]:
    """Check the client's name, HELO, reverse-path, signatures and the author, all at the same time.

    The name of HELO is mentioned where SPF knows it (RFC 7208 §2.3); DMARC does not look at it, but for the null
    reverse-path (RFC 9989 §3.2.4).
    """
    reverse: Reverse
    spf: SpfResult
    helo: SpfResult | None
    discovery: Discovery
    dkim: tuple[Verdict, ...]
    arc: Verdict
    reverse, spf, helo, dkim, arc, discovery = yield from together(
        check_iprev(peer.address),
        check_spf(peer.address, peer.helo, peer.mail_from, peer.authserv_id, peer.now),
        _helo(peer),
        verify_signatures(prepared.signatures, peer.now),
        verify_chain(prepared.chain),
        discover(prepared.author),
    )
    dmarc = yield from evaluate(discovery, spf, dkim)
    verdicts = [reverse.verdict, spf.verdict(peer.mail_from or peer.helo)]
    if helo is not None and helo.result != "none":
        verdicts.append(helo.verdict(peer.helo))
    # RFC 8601 §2.7.1: "none" says that the message was looked at and has no signature.
    verdicts += [*(dkim or (Verdict("dkim", "none"),)), dmarc.verdict()]
    if arc.result != "none":
        verdicts.append(arc)
    fields = _fields(peer, spf, verdicts)
    return Authenticated(tuple(verdicts), dmarc, spf, fields, reverse.host, prepared.chain, peer.authserv_id)


def _helo(peer: CheckedPeer) -> Lookup[SpfResult | None]:
    if not peer.mail_from:
        return None  # the null reverse-path is checked by this name already
    return (yield from check_helo(peer.address, peer.helo, peer.authserv_id, peer.now))


def _fields(peer: CheckedPeer, spf: SpfResult, verdicts: list[Verdict]) -> bytes:
    received = received_spf_to_bytes(
        spf,
        address=peer.address,
        helo=peer.helo,
        mail_from=peer.mail_from,
        receiver=peer.authserv_id,
        is_utf8=peer.is_utf8,
    )
    return received + results_to_bytes(peer.authserv_id, verdicts, is_utf8=peer.is_utf8)
