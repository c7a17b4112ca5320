"""Signs what leaves with the keys of the author's domain, and seals what is sent on with those of who sends it on.

Sections: RFC 6376 §5.1, §5.3; RFC 9989 §4.4 (alignment); RFC 8617 §5.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from pillarbox.datatypes.admin.dkim_key import ACTIVE, keys_of
from pillarbox.datatypes.admin.domain import Domain, domain_of
from pillarbox.datatypes.admin.name import address_name
from pillarbox.datatypes.view import View
from pillarbox.formats.mailauth.arc_seal import next_instance, seal
from pillarbox.formats.mailauth.authentication_results import results_to_bytes
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector, sign
from pillarbox.formats.mailauth.message_field import Header, read_header
from pillarbox.formats.mailauth.signing_key import SigningKey
from pillarbox.formats.mailauth.verdict import find
from pillarbox.formats.message.header import as_addresses
from pillarbox.services.mail_authentication import Authenticated

_MOST_AUTHORS = 10


def signature_fields(view: View, message: bytes, mail_from: str) -> bytes:
    """DKIM-Signature fields to be put in front of a message; none when no domain of ours answers for it.

    `mail_from` is the reverse-path, "" for the null one. Pure but for what it reads: it may run in a thread.
    """
    domain = signing_domain(view, message, mail_from)
    if domain is None:
        return b""
    return sign(message, keys_at(view, domain), view.now_ms // 1000)


def seal_fields(view: View, message: bytes, found: Authenticated, address: str) -> bytes:
    """The fields of an ARC set for a message that came and is sent on, to be put in front of it; b"" without a key.

    `found` is what was found out at its arrival; `address` is the one here that it is sent on from, whose domain seals.
    Whoever has the message afterwards may put more fields in front, and change nothing else.
    """
    domain, instance = _own_domain(view, address), next_instance(found.chain)
    keys = keys_at(view, domain) if domain is not None else []
    if not keys or instance is None:
        return b""
    arc = find(found.verdicts, "arc")
    results = results_to_bytes(
        found.authserv_id, found.verdicts, name="ARC-Authentication-Results", prefix=f"i={instance}; "
    )
    # RSA, if there is such a key: of seals some verifiers know no other kind, and a set has one seal.
    return seal(message, found.chain, arc.result if arc else "none", results, keys[0], view.now_ms // 1000)


def signing_domain(view: View, message: bytes, mail_from: str) -> Domain | None:
    """The domain that signs: that of the author, or the one above it, so that both are aligned for DMARC.

    A list's mail has authors from everywhere; there it is the list's own domain, which is that of the reverse-path.
    """
    header = read_header(message)
    for address in _authors(header):
        if domain := _own_domain(view, address):
            return domain
    return _own_domain(view, mail_from) if header.named("list-id") else None


def keys_at(view: View, domain: Domain) -> list[KeyAtSelector]:
    """The keys that sign for a domain, RSA first: some verifiers look at one signature only."""
    active = [key for key in keys_of(view, domain.id) if key.state == ACTIVE]
    active.sort(key=lambda key: key.algorithm, reverse=True)
    return [KeyAtSelector(key.domain, key.selector, _loaded(key.secret)) for key in active]


@lru_cache(maxsize=256)
def _loaded(secret: str) -> SigningKey:
    return SigningKey(secret)


def _authors(header: Header) -> Iterator[str]:
    for field in header.named("from")[:1]:
        for address in as_addresses(field.value)[:_MOST_AUTHORS]:
            yield address.email


def _own_domain(view: View, address: str) -> Domain | None:
    parts = address_name(address)
    name = parts[1] if parts is not None else ""
    while name:
        domain = domain_of(view, name)
        if domain is not None:
            return domain if domain.is_enabled else None
        name = name.partition(".")[2]
    return None
