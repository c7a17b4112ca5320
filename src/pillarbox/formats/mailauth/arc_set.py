"""The ARC sets of a message, read from its header: what each says, and whether they are a chain at all.

Sections: RFC 8617 §4.1, §4.2.1, §5.2 steps 1 to 3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pillarbox.formats.mailauth.message_field import Header, MessageField
from pillarbox.formats.mailauth.signature import BadSignature, Terms, message_terms, need, seal_terms, tags_of

# RFC 8617 §4.2.1: "the maximum number of ARC Sets that can be attached to a message is 50".
MAX_SETS = 50
RESULTS, SIGNATURE, SEAL = "arc-authentication-results", "arc-message-signature", "arc-seal"
NAMES = (RESULTS, SIGNATURE, SEAL)

# RFC 8617 §4.1.1: instance [CFWS] ";" comes first in ARC-Authentication-Results.
_FIRST_INSTANCE = re.compile(rb"[ \t\r\n]*+i[ \t\r\n]*+=[ \t\r\n]*+([0-9]{1,2})[ \t\r\n]*+;")
_INSTANCE = re.compile(r"[0-9]{1,2}\Z")


class ArcSet(msgspec.Struct, frozen=True):
    """What one handler of the message has added."""

    instance: int
    results: MessageField
    signature: MessageField
    seal: MessageField
    signature_terms: Terms
    seal_terms: Terms
    validation: str  # cv=: what it made of the chain before it

    @property
    def hashed(self) -> tuple[bytes, bytes, bytes]:
        """Its fields as seals hash them, in this order (RFC 8617 §5.1.1)."""
        return tuple(each.canonical(is_relaxed=True) for each in (self.results, self.signature, self.seal))  # type: ignore[return-value]


class BadChain(ValueError):
    """The sets are no chain; the message says why."""


def read_sets(header: Header) -> tuple[ArcSet, ...]:
    """The sets from the first to the newest; none without any field of ARC. Raises BadChain."""
    found: dict[tuple[str, int], MessageField] = {}
    for field in header.fields:
        if field.name in NAMES:
            key = field.name, instance_of(field)
            if key in found:
                raise BadChain(f"two fields of the set {key[1]}")
            found[key] = field
    newest = max((instance for _, instance in found), default=0)
    if len(found) != newest * len(NAMES):
        raise BadChain("a field of a set is missing")
    return tuple(_read_set(instance, [found[name, instance] for name in NAMES]) for instance in range(1, newest + 1))


def instance_of(field: MessageField) -> int:
    """The number of the set that a field belongs to, 1 to 50. Raises BadChain."""
    if field.name == RESULTS:
        match = _FIRST_INSTANCE.match(field.value)
        text = match[1].decode("ascii") if match else ""
    else:
        try:
            text = tags_of(field.value).get("i", "")
        except BadSignature as error:
            raise BadChain(str(error)) from None
    instance = int(text) if _INSTANCE.match(text) and text.isascii() else 0
    if not 1 <= instance <= MAX_SETS:
        raise BadChain("a set without a number")
    return instance


def newest_instance(header: Header) -> int:
    """The highest number that any field has, whether the sets are a chain or not."""
    newest = 0
    for field in header.fields:
        if field.name in NAMES:
            try:
                newest = max(newest, instance_of(field))
            except BadChain:
                continue
    return newest


def _read_set(instance: int, fields: Sequence[MessageField]) -> ArcSet:
    results, signature, seal = fields
    try:
        # RFC 8617 does not say what a signature is in that has no c=; the suite of its authors says this.
        signed = message_terms(tags_of(signature.value), "relaxed/relaxed")
        tags = tags_of(seal.value)
        need(tags, "cv")
        sealed = seal_terms(tags)
    except BadSignature as error:
        raise BadChain(str(error)) from None
    if "h" in tags:
        # RFC 8617 §4.1.3: "Validators MUST verify that the "h" tag is NOT found in the AS ... fail"
        raise BadChain("a seal with a list of fields")
    if SEAL in signed.names:
        # RFC 8617 §4.1.2: ARC-Seal "MUST NOT be included".
        raise BadChain("a signature over a seal")
    validation = tags["cv"].lower()
    # RFC 8617 §5.2 step 3: the first says "none", all others "pass"; only the newest can say "fail" (step 2).
    if validation not in {"fail", "none" if instance == 1 else "pass"}:
        raise BadChain(f"the set {instance} says that the chain before it was not good")
    return ArcSet(instance, results, signature, seal, signed, sealed, validation)
