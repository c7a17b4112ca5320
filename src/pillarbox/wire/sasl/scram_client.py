"""The client's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: it proves the password, and has the server prove itself.

RFC 5802; RFC 7677.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple

from pillarbox.wire.sasl import scram_message
from pillarbox.wire.sasl.client import Client, Response
from pillarbox.wire.sasl.gs2 import name_to_bytes
from pillarbox.wire.sasl.scram_key import combine, hmac_sha_256, salted_password
from pillarbox.wire.sasl.step import Malformed, Parameters, Refused

_NONCE_OCTETS = 24
# RFC 7677 §4: at least 4096; a server that asks for less may want to guess at our proof. More than the most would be a
# way to keep us busy.
_LEAST, _MOST = 4_096, 2_000_000


class Bound(NamedTuple):
    """How the client binds the exchange to its connection, and what the server offers."""

    type: str = ""  # such as tls-exporter; empty: the client cannot, or the server does not offer -PLUS
    data: bytes = b""
    is_able: bool = False  # the client could, but the server does not offer it: said, so that it can find out a lie


def scram_sha_256(
    name: str, password: str, authorization: str = "", *, bound: Bound | None = None, nonce: bytes | None = None
) -> Client:
    """The exchange. It is -PLUS when `bound` has a type. A `nonce` of one's own is for test vectors.

    After the server's first message it takes as long as a hash. Raises Refused when the server says no, Malformed when
    what it says cannot be trusted.
    """
    bound = bound or Bound()
    flag = f"p={bound.type}" if bound.type else "y" if bound.is_able else "n"
    header = flag.encode() + b"," + (b"a=" + name_to_bytes(authorization) if authorization else b"") + b","
    own = nonce or secrets.token_urlsafe(_NONCE_OCTETS).encode()
    bare = b"n=%b,r=%b" % (name_to_bytes(name), own)
    server_first = yield Response(header + bare, is_complete=False)
    given = scram_message.parse_server_first(server_first)
    _check_server(given, own)
    binding = header + bound.data if bound.type else header
    final = scram_message.client_final_without_proof(binding, given.nonce)
    signed = b",".join((bare, server_first, final))
    salted = salted_password(password, given.parameters)
    client_key = hmac_sha_256(salted, b"Client Key")
    proof = combine(client_key, hmac_sha_256(hashlib.sha256(client_key).digest(), signed))
    server_final = yield Response(final + b",p=" + base64.b64encode(proof), is_complete=False)
    signature = scram_message.parse_server_final(server_final)
    if isinstance(signature, str):
        raise Refused(signature)
    # RFC 5802 §5: "If the two are different, the client MUST consider the authentication exchange to be unsuccessful".
    if not hmac.compare_digest(signature, hmac_sha_256(hmac_sha_256(salted, b"Server Key"), signed)):
        raise Malformed("the server does not know the password")
    yield Response(b"", is_complete=True)
    raise Malformed("the server goes on after SCRAM is over")


def _check_server(given: scram_message.ServerFirst, own: bytes) -> None:
    if not given.nonce.startswith(own) or len(given.nonce) == len(own):
        raise Malformed("the server's nonce does not begin with ours, or adds nothing")
    parameters: Parameters = given.parameters
    if not _LEAST <= parameters.iterations <= _MOST:
        raise Malformed(f"{parameters.iterations} iterations are too few or too many")
