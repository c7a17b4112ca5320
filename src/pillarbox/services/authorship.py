"""Whether a message is from who sends it: its reverse-path, and every address that it names as an author or a sender.

Sections: RFC 6409 §6.1; RFC 5322 §3.6.2, §3.6.6; RFC 8621 §7.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.address import same_address_key
from pillarbox.datatypes.view import View
from pillarbox.formats.message.address import parse_raw_groups
from pillarbox.formats.message.header_block import Block, read_block
from pillarbox.services.directory import may_send_as

# Fields past these would not be looked at, so a message that has more is not sent.
_MOST_FIELDS, _MOST_OCTETS = 2_000, 200_000
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"(?!@)', re.DOTALL)
_COMMENT = re.compile(r"\([^()]*+\)")
_COMMENT_DEPTH = 8
_ADDRESS = re.compile(r"[^\s<>,;:()\"@]++@[^\s<>,;:()\"]++")
_AUTHORS = frozenset({"from", "sender", "resent-from", "resent-sender"})


def check_reverse_path(view: View, account: str, address: str) -> None:
    """Raise forbiddenMailFrom for a reverse-path that the account may not use; the null one, "", it may."""
    if address and not may_write_as(view, account, address):
        raise Fault(Kind.FORBIDDEN_MAIL_FROM, f"this account may not send mail that returns to {address}")


def check_authors(view: View, account: str, data: bytes) -> bool:
    """Whether the message has a From field. Raises forbiddenFrom, or invalidEmail for a header of two meanings.

    All addresses count, those in groups too; one that is encoded, or none at all where one must be, is nobody's.
    """
    block = read_block(data, 0, _MOST_FIELDS, _MOST_OCTETS)
    if block.is_over_budget or block.is_oversized:
        raise _malformed("the header is too large")
    names = [field.name.lower() for field in block.fields]
    for name in ("from", "sender"):
        # RFC 5322 §3.6: at most one. A second is how a forged author is smuggled past a check of the first.
        if names.count(name) > 1:
            raise _malformed(f"the message has more than one {name.capitalize()}")
    for value in _values(data, block):
        addresses = {address.email for group in parse_raw_groups(value) for address in group.addresses}
        if not addresses:
            raise _malformed("a From or Sender names no address")
        # What another reader could take for the address counts as well, as the second of `<alice@a> <bob@b>`.
        for address in sorted(addresses | _written(value)):
            if not may_write_as(view, account, address):
                raise Fault(Kind.FORBIDDEN_FROM, f"this account may not send as {address}")
    return "from" in names


def may_write_as(view: View, account: str, address: str) -> bool:
    """Whether an account may send as an address, by itself or as one in a domain of which it gets everything."""
    local, _, domain = same_address_key(address).rpartition("@")
    if not local or local == "*" or "=?" in address:
        return False
    return may_send_as(view, account, address) or may_send_as(view, account, f"*@{domain}")


def _written(value: str) -> set[str]:
    """Whatever looks like an address outside of quotes and comments."""
    text = _QUOTED.sub("", value)
    for _ in range(_COMMENT_DEPTH):
        text, count = _COMMENT.subn(" ", text)
        if not count:
            break
    return set(_ADDRESS.findall(text))


def _values(data: bytes, block: Block) -> Iterator[str]:
    for field in block.fields:
        if field.name.lower() in _AUTHORS:
            octets = data[field.value : field.end]
            yield octets.decode("utf-8", "replace").replace("\r\n", "").replace("\n", "").replace("\r", " ")


def _malformed(detail: str) -> Fault:
    return Fault(Kind.INVALID_MESSAGE, detail)
