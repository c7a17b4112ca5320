"""The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: the peer proves that it knows the password unsaid.

RFC 5802; RFC 7677; RFC 5929 §4 (tls-server-end-point); RFC 9266 (tls-exporter).
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from pillarbox.wire.sasl import scram_message
from pillarbox.wire.sasl.gs2 import Header
from pillarbox.wire.sasl.scram_key import hmac_sha_256
from pillarbox.wire.sasl.step import Challenge, Machine, Malformed, Parameters, Proof, Salt, Unbound

_NONCE_OCTETS = 24


@dataclass(frozen=True, slots=True)
class Bindings:
    """What a server can bind an exchange to: the data of each type that the connection has."""

    data: Mapping[str, bytes] = field(default_factory=dict)
    is_offered: bool = False  # whether the -PLUS mechanism is, on this connection


def scram_sha_256(
    initial: bytes | None = None, bindings: Bindings | None = None, *, plus: bool = False, nonce: bytes | None = None
) -> Machine:
    """The exchange, with `plus` bound to the connection. A `nonce` of one's own is for test vectors."""
    bindings = bindings or Bindings()
    message: bytes = initial if initial is not None else (yield Challenge(b""))
    first = scram_message.parse_client_first(message)
    expected = _expected_binding(first.header, bindings, plus=plus)
    parameters: Parameters = yield Salt(first.name)
    both = first.nonce + (nonce or secrets.token_urlsafe(_NONCE_OCTETS).encode())
    server_first = scram_message.server_first(both, parameters)
    message = yield Challenge(server_first)
    final = scram_message.parse_client_final(message)
    if final.nonce != both:
        raise Malformed("the nonce is not the one that was given")
    # RFC 5802 §5.1: c= holds the GS2 header again, with the channel binding data after it: who stood in between and
    # changed one of them is found out here.
    if not hmac.compare_digest(final.binding, expected):
        raise Unbound("the client is bound to another connection")
    signed = b",".join((first.bare, server_first, final.without_proof))
    server_key: bytes = yield Proof(first.name, signed, final.proof, first.header.authorization)
    rest: bytes = yield Challenge(b"v=" + base64.b64encode(hmac_sha_256(server_key, signed)), is_final=True)
    if rest:
        raise Malformed("the exchange is over")


def _expected_binding(header: Header, bindings: Bindings, *, plus: bool) -> bytes:
    """What c= has to hold. Raises Malformed, or Unbound when somebody may stand in between."""
    if (header.flag == "p") != plus:
        raise Malformed("with channel binding it is SCRAM-SHA-256-PLUS, and without it is not")
    if header.flag == "y" and bindings.is_offered:
        # RFC 5802 §6: the client would have taken -PLUS, but did not see it among what we offered.
        raise Unbound("the client was kept from channel binding")
    if header.flag != "p":
        return header.octets
    data = bindings.data.get(header.binding)
    if data is None:
        raise Unbound(f"the channel binding {header.binding} is not had here")
    return header.octets + data
