"""Broken chains against TLSA records: each is judged, and none passes that is not the one that was published.

Each round damages the octets of a real chain, as a hostile mail server may show it.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import cache

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pillarbox.core.dns import Tlsa
from pillarbox.formats.tls_result import Result
from pillarbox.formats.tlsa import check_chain, end_entity

_NOW = datetime.now(UTC)


@cache
def chain() -> tuple[tuple[bytes, ...], Tlsa, Tlsa]:
    """A chain in DER, and the records of its leaf and of its authority."""
    issued = trustme.CA().create_child_ca().issue_cert("mail.example.org")
    found = [x509.load_pem_x509_certificate(pem.bytes()) for pem in issued.cert_chain_pems]
    anchor = Tlsa(2, 1, 1, end_entity(found[1]).data)
    return tuple(one.public_bytes(Encoding.DER) for one in found), end_entity(found[0]), anchor


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """The same with some other octets, or pieces left out or doubled."""
    changed = bytearray(octets)
    for _ in range(chance.choice([1, 1, 2, 5])):
        at, act = chance.randrange(len(changed)), chance.randrange(3)
        if act == 0:
            changed[at] = chance.randrange(256)
        elif act == 1:
            del changed[at : at + chance.randrange(1, 9)]
        else:
            changed[at:at] = changed[at : at + chance.randrange(1, 9)]
    return bytes(changed)


def check(chance: random.Random) -> None:
    """One round."""
    (leaf, anchor), of_leaf, of_anchor = chain()
    broken = mutated(leaf, chance)
    for records in ([of_anchor], [of_leaf, of_anchor]):
        found = check_chain(records, (broken, anchor), ("mail.example.org",), _NOW)
        assert found is None or isinstance(found, Result), broken
        # Under a trust anchor each octet counts; of an end entity only the key does.
        assert found is not None or broken == leaf or len(records) == 2, broken
    check_chain([of_anchor], (leaf, mutated(anchor, chance)), ("mail.example.org",), _NOW)
    check_chain([Tlsa(2, 0, 0, mutated(anchor, chance))], (leaf,), ("mail.example.org",), _NOW)


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    for _ in range(rounds):
        check(chance)
