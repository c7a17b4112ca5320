"""Names as questions have them: which can be asked at all, and which never leave this machine.

RFC 1035 §2.3.4 (sizes), RFC 6761 §6.3 and §6.4, RFC 7686 §2, RFC 9476 §2.
"""

from __future__ import annotations

import re

from pillarbox.core.dns import Answer, Question, Status

_MAX_NAME = 253  # characters; 255 octets on the wire
# Any visible character: owners of DKIM keys and SPF macros have odd ones. No backslash: nothing here is an escape.
_NAME = re.compile(r"(?:[!-\-/-@\[\]-~]{1,63}\.)*[!-\-/-@\[\]-~]{1,63}\Z")
_LOCALHOST = {"A": "127.0.0.1", "AAAA": "::1"}
_NOWHERE = frozenset({"invalid", "onion", "alt"})
TYPES = frozenset({"A", "AAAA", "MX", "TXT", "PTR", "CNAME", "NS", "TLSA", "SRV", "CAA", "SOA", "DNSKEY"})


def is_askable(name: str) -> bool:
    """Whether a name can be in the DNS: lower case, ASCII, with labels and a length that fit."""
    return len(name) <= _MAX_NAME and _NAME.match(name) is not None


def answer_here(question: Question) -> Answer | None:
    """The answer to what nobody has to be asked for; None: somebody has to."""
    top = question.name.rpartition(".")[2]
    if top == "localhost":
        address = _LOCALHOST.get(question.type)
        return Answer(Status.FOUND, (address,)) if address else Answer(Status.NO_DATA)
    if top in _NOWHERE or not is_askable(question.name):
        return Answer(Status.NO_NAME)
    return None
