"""What a mail server has to prove before mail is handed to it.

Sections: RFC 7672 §2.2, §3; RFC 8461 §4, §5; RFC 8689 §4.2.1, §5; RFC 3207 §4 (otherwise whatever there is).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

import msgspec

from pillarbox.core.dns import Tlsa
from pillarbox.formats.tls_result import Result


class Demand(Enum):
    """What the sender of a message asks of the way."""

    USUAL = "as the recipient's domain says"
    REQUIRE_TLS = "protected all the way (RFC 8689 §4)"
    ANY = "delivered rather than protected (TLS-Required: No, RFC 8689 §5)"


class Level(Enum):
    """How much has to be proved."""

    OPPORTUNISTIC = "TLS where it is offered, unchecked; in the clear rather than not at all"
    ENCRYPTED = "TLS, unchecked"
    WEBPKI = "TLS with a certificate for one of the names, from an authority that we believe"
    DANE = "TLS with a certificate that the TLSA records name"


class Source(Enum):
    """Whose policy it is, in the words of TLS reports (RFC 8460 §4.4)."""

    TLSA = "tlsa"
    STS = "sts"
    NONE = "no-policy-found"


class Requirement(msgspec.Struct, frozen=True):
    """What to prove. `names` are those that count for the host; the first is asked for by SNI.

    Unless `is_enforced`, a failure is reported and mail is delivered nevertheless (RFC 8461 §5, "testing").
    """

    level: Level = Level.OPPORTUNISTIC
    names: tuple[str, ...] = ()
    tlsa: tuple[Tlsa, ...] = ()
    is_enforced: bool = True
    source: Source = Source.NONE

    @property
    def server_name(self) -> str:
        """The name to ask for in the handshake (RFC 7672 §8.1: for DANE the name at which the records are)."""
        return self.names[0] if self.names else ""

    @property
    def needs_tls(self) -> bool:
        """Whether mail is rather kept than sent in the clear."""
        return self.is_enforced and self.level is not Level.OPPORTUNISTIC

    @property
    def is_checked_by_authorities(self) -> bool:
        """Whether TLS itself has to check chain and name, with the authorities that the system believes."""
        return self.level is Level.WEBPKI

    def check(self, chain: Sequence[bytes], now: datetime) -> Result | None:
        """What is wrong with the chain (DER, the leaf first) after a handshake; None: nothing that is for us to see."""
        if self.level is not Level.DANE:
            return None
        from pillarbox.formats.tlsa import check_chain  # noqa: PLC0415 -- X.509, for who meets DANE

        return check_chain(self.tlsa, chain, self.names, now)
