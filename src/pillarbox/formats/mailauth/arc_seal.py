"""Adds an ARC set to a message that goes on: what was found out at its arrival, signed, and the chain sealed.

Sections: RFC 8617 §4.1, §5.1, §5.1.1, §5.1.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from pillarbox.formats.mailauth.arc import Chain
from pillarbox.formats.mailauth.arc_set import MAX_SETS
from pillarbox.formats.mailauth.body_digest import pieces_of
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector, body_hash, names_to_sign
from pillarbox.formats.mailauth.message_field import Header, read_header
from pillarbox.formats.mailauth.signature_field import LINE, relaxed_fields, signed_field


def next_instance(chain: Chain) -> int | None:
    """The number of the set to be added; None when none may be: the chain is full, or closed as broken."""
    return None if chain.is_closed or chain.newest >= MAX_SETS else chain.newest + 1


def seal(
    message: bytes,
    chain: Chain,
    result: str,
    results: bytes,
    key: KeyAtSelector,
    now: int,
    *,
    names: Sequence[str] | None = None,
    width: int = LINE,
) -> bytes:
    """The three fields of a new set, to be put in front of the message.

    `result` is what the chain was found to be (none, pass, fail), `results` the whole field
    ARC-Authentication-Results with this set's number; `now` in seconds of the epoch. Lines of `width` octets. Empty
    when nothing may be added.
    """
    instance = next_instance(chain)
    header = read_header(message)
    if instance is None or header.is_over_budget:
        return b""
    chosen = list(names) if names is not None else _names(header)
    common = [("d", key.domain), ("i", str(instance)), ("s", key.selector), ("t", str(now))]
    tags = [("a", key.key.algorithm), ("b", ""), ("bh", body_hash(pieces_of(message, header.body_start)))]
    tags += [("c", "relaxed/relaxed"), common[0], ("h", ":".join(chosen)), *common[1:]]
    with_results = (*read_header(results).fields, *header.fields)
    signature = signed_field("ARC-Message-Signature", tags, relaxed_fields(with_results, chosen), key.key, width=width)
    own = [field.canonical(is_relaxed=True) for field in read_header(results + signature).fields]
    # RFC 8617 §5.1.2: the seal of a chain that was found broken covers its own set only, "as if this newest ARC Set
    # was the only set present".
    before = [each for known in chain.sets for each in known.hashed] if result == "pass" else []
    tags = [("a", key.key.algorithm), ("b", ""), ("cv", result), *common]
    return signed_field("ARC-Seal", tags, [*before, *own], key.key, width=width) + signature + results


def _names(header: Header) -> list[str]:
    """Those of DKIM, and the signatures of DKIM (RFC 8617 §4.1.2); no field that a handler adds for itself."""
    return names_to_sign(header) + ["dkim-signature"] * min(len(header.named("dkim-signature")), 10)
