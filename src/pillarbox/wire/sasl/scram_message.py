"""The messages of SCRAM, written and read by both sides (RFC 5802 §5, §7)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from pillarbox.wire.sasl import gs2
from pillarbox.wire.sasl.step import Malformed, Parameters

_MAX_MESSAGE = 9_000  # names with each character escaped, twice, with nonces
_ATTRIBUTE = re.compile(rb"([A-Za-z])=([^\x00,]*)\Z")
_NONCE = re.compile(rb"[\x21-\x2b\x2d-\x7e]{1,512}\Z")
_NUMBER = re.compile(rb"[1-9][0-9]{0,8}\Z")


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """The client's first message."""

    header: gs2.Header
    bare: bytes
    name: str
    nonce: bytes


@dataclass(frozen=True, slots=True)
class ServerFirst:
    """The server's first message."""

    nonce: bytes
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """The client's last message."""

    without_proof: bytes
    binding: bytes
    nonce: bytes
    proof: bytes


def parse_client_first(message: bytes) -> ClientFirst:
    """Read the client's first message. Raises Malformed."""
    _check_size(message)
    header = gs2.parse_header(message)
    bare = message[len(header.octets) :]
    # An attribute m= is an extension that both sides have to know (RFC 5802 §5.1); it would stand first, and we know
    # none.
    attributes = _attributes(bare, b"nr")
    return ClientFirst(header, bare, gs2.parse_name(attributes[0]), _nonce(attributes[1]))


def server_first(nonce: bytes, parameters: Parameters) -> bytes:
    """Write the server's first message; the nonce is that of both."""
    return b"r=%b,s=%b,i=%d" % (nonce, base64.b64encode(parameters.salt), parameters.iterations)


def parse_server_first(message: bytes) -> ServerFirst:
    """Read the server's first message. Raises Malformed."""
    _check_size(message)
    nonce, salt, iterations = _attributes(message, b"rsi")
    if not _NUMBER.match(iterations):
        raise Malformed("the number of iterations is none")
    return ServerFirst(_nonce(nonce), Parameters(_octets(salt), int(iterations)))


def client_final_without_proof(binding: bytes, nonce: bytes) -> bytes:
    """Write the client's last message, without its proof."""
    return b"c=%b,r=%b" % (base64.b64encode(binding), nonce)


def parse_client_final(message: bytes) -> ClientFinal:
    """Read the client's last message. Raises Malformed."""
    _check_size(message)
    without_proof, comma, last = message.rpartition(b",")
    if not comma:
        raise Malformed("the last message has no proof")
    binding, nonce = _attributes(without_proof, b"cr")
    (proof,) = _attributes(last, b"p")
    return ClientFinal(without_proof, _octets(binding), _nonce(nonce), _octets(proof))


def parse_server_final(message: bytes) -> bytes | str:
    """The server's signature, or the word of its error. Raises Malformed."""
    _check_size(message)
    if message.startswith(b"e="):
        return message[2:].partition(b",")[0].decode("ascii", "replace")
    return _octets(_attributes(message, b"v")[0])


def _check_size(message: bytes) -> None:
    if len(message) > _MAX_MESSAGE:
        raise Malformed("the message is too long")


def _attributes(octets: bytes, names: bytes) -> list[bytes]:
    """The values of these attributes, which come first and in this order; extensions after them are ignored."""
    found = [_ATTRIBUTE.match(one) for one in octets.split(b",")]
    values = [one[2] for one in found if one is not None]
    if len(values) != len(found) or b"".join(one[1] for one in found[: len(names)] if one is not None) != names:
        raise Malformed("the attributes are not those of this message")
    return values[: len(names)]


def _nonce(octets: bytes) -> bytes:
    if not _NONCE.match(octets):
        raise Malformed("the nonce is none")
    return octets


def _octets(value: bytes) -> bytes:
    try:
        octets = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if not octets:
        raise Malformed("a value is not Base64")
    return octets
