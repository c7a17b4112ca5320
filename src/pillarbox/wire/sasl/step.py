"""What a server's machine says while an exchange runs: challenges for the peer, claims for whoever knows accounts.

A machine is a generator. It is resumed with the peer's response after a `Challenge`, and after a claim with what the
claim's own docstring says. When it ends, the last claim was granted. RFC 4422 §3.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

MAX_NAME, MAX_PASSWORD, MAX_TOKEN = 1_024, 1_024, 12_288  # octets
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Malformed(Exception):
    """The peer's message is none of this mechanism: the exchange is over, and nothing was guessed."""


class Unbound(Exception):
    """The peer speaks of another connection than this one, or was shown other mechanisms (RFC 5802 §6)."""


class Refused(Exception):
    """The last claim was refused, and the peer has been told in the mechanism's own way."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Octets for the peer, without Base64; the answer is its response.

    The last one, `is_final`, may be told together with the success, where the protocol can (RFC 4422 §3.6, §5).
    """

    data: bytes
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Password:
    """A name and its password. There is nothing to answer: whoever finds it wrong does not resume the machine."""

    name: str
    password: str
    authorization: str = ""  # the identity to act as; empty: the name's own


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token. The answer is the word of the refusal (RFC 7628 §3.2.2), or None when the token is right."""

    token: str
    authorization: str = ""


@dataclass(frozen=True, slots=True)
class Parameters:
    """How a name's passwords are hashed for SCRAM; whoever asks learns them, so they are made up for unknown names."""

    salt: bytes
    iterations: int


@dataclass(frozen=True, slots=True)
class Salt:
    """A name that begins SCRAM. The answer are its Parameters."""

    name: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What shows that the peer has the keys to the name. The answer is the ServerKey of the keys that it fits.

    There is none for a wrong one: whoever finds it wrong does not resume the machine.
    """

    name: str
    message: bytes  # AuthMessage (RFC 5802 §3)
    proof: bytes  # ClientProof
    authorization: str = ""


Step: TypeAlias = Challenge | Password | Token | Salt | Proof
Machine = Generator[Step, Any, None]


def text_of(octets: bytes, limit: int) -> str:
    """A name or a password in UTF-8. Raises Malformed when it is empty, too long, or has control characters."""
    if not 0 < len(octets) <= limit:
        raise Malformed("a part is empty or too long")
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        raise Malformed("a part is not UTF-8") from None
    if _CONTROL.search(text):
        raise Malformed("a part has control characters")
    return text
