"""The name of a client by the DNS: its address leads to a name, and the name back to the address.

Sections: RFC 8601 §2.7.3, §3.
"""

from __future__ import annotations

from ipaddress import ip_address

import msgspec

from pillarbox.core.dns import Lookup, Question, Status, ask, ask_all
from pillarbox.formats.mailauth.domain import is_name, to_ascii
from pillarbox.formats.mailauth.spf import client_address
from pillarbox.formats.mailauth.spf_macro import reverse_name
from pillarbox.formats.mailauth.verdict import Verdict

# Names and addresses of each that are looked at: hosts have one or two.
MAX_NAMES = 10
MAX_ADDRESSES = 100


class Reverse(msgspec.Struct, frozen=True):
    """The result, and the host's name if it passed."""

    verdict: Verdict
    host: str | None = None


def check_iprev(address: str) -> Lookup[Reverse]:
    """Check a client's name (§3). Raises ValueError for no IP address."""
    client = client_address(address)
    properties = (("policy.iprev", str(client)),)
    found = yield from ask(reverse_name(client), "PTR")
    if found.status is Status.FAILED:
        return Reverse(Verdict("iprev", "temperror", None, properties))
    names = [name for name in map(to_ascii, found.texts()[:MAX_NAMES]) if name and is_name(name)]
    if not names:
        # §2.7.3: permerror, "because no PTR data are published for the connecting IP address"
        return Reverse(Verdict("iprev", "permerror", "no name for the address", properties))
    type = "A" if client.version == 4 else "AAAA"
    answers = yield from ask_all(*(Question(name, type) for name in names))
    for name, answer in zip(names, answers, strict=True):
        if any(ip_address(text) == client for text in answer.texts()[:MAX_ADDRESSES]):
            return Reverse(Verdict("iprev", "pass", None, properties), name)
    is_open = any(answer.status is Status.FAILED for answer in answers)
    return Reverse(Verdict("iprev", "temperror" if is_open else "fail", None, properties))
