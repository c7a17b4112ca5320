"""Mutated messages at every mechanism of a server: it makes claims, or raises what it says it raises."""

from __future__ import annotations

import base64
import contextlib
import random
from collections.abc import Callable

from pillarbox.wire.sasl.base64_line import decode
from pillarbox.wire.sasl.mechanism import PLUS, SCRAM, SIMPLE, speaker
from pillarbox.wire.sasl.scram import Bindings
from pillarbox.wire.sasl.scram_client import Bound, scram_sha_256
from pillarbox.wire.sasl.scram_key import derive, fits, keys_to_text, parse_keys
from pillarbox.wire.sasl.scram_message import parse_client_final
from pillarbox.wire.sasl.step import (
    MAX_NAME,
    Challenge,
    Malformed,
    Parameters,
    Password,
    Proof,
    Refused,
    Salt,
    Step,
    Token,
    Unbound,
)

_BINDINGS = Bindings({"tls-exporter": b"exported"}, is_offered=True)
_PARAMETERS = Parameters(b"salt of sixteen.", 4_096)
_KEYS = derive("pencil", _PARAMETERS)
_SEEDS: dict[str, tuple[bytes, ...]] = {
    "PLAIN": (b"\x00tim\x00secret", b"ursel\x00kurt\x00xipj3plmq"),
    "LOGIN": (b"alice@example.org", b"correct horse"),
    "OAUTHBEARER": (b"n,a=user@example.com,\x01host=h\x01port=143\x01auth=Bearer abc.def==\x01\x01", b"n,,\x01\x01"),
    "XOAUTH2": (b"user=a@example.com\x01auth=Bearer abc\x01\x01",),
    SCRAM: (b"n,,n=user,r=abc", b"y,a=x=2Cy,n=us=3Der,r=abc,x=y"),
    PLUS: (b"p=tls-exporter,,n=user,r=abc",),
}
_TOKENS = [
    b"\x00",
    b"\x01",
    b",",
    b"=",
    b"=2C",
    b"n=",
    b"a=",
    b"p=",
    b"\xff",
    b"\r\n",
    b"",
    "\u05d0".encode(),
    b"A" * 600,
]


def mutated(chance: random.Random, octets: bytes) -> bytes:
    """The octets with some pieces put in, taken out or changed."""
    out = bytearray(octets)
    for _ in range(chance.choice([0, 1, 1, 2, 5])):
        at = chance.randrange(len(out) + 1)
        out[at : at + chance.choice([0, 0, 1, 3])] = chance.choice([*_TOKENS, chance.randbytes(2)])
    return bytes(out)


def check_claim(step: Step) -> object:
    """What a claim promises to whoever answers it; the answer."""
    match step:
        case Password(name, password, authorization):
            assert name
            assert password
            assert not any(c < " " for c in name + password + authorization)
            assert len(name.encode()) <= MAX_NAME
        case Token(token, authorization):
            assert token.isascii()
            assert not any(c <= " " for c in token)
            assert "\x00" not in authorization
            return "invalid_token"
        case Salt(name):
            assert name
            return _PARAMETERS
        case Proof():
            assert fits(_KEYS, step.message, step.proof) in {True, False}
            return _KEYS.server_key
        case Challenge():
            raise AssertionError(step)
    return None


def check_mechanism(chance: random.Random, name: str, respond: Callable[[Challenge], bytes]) -> None:
    """One exchange; raises AssertionError, or whatever else comes out of a machine."""
    machine = speaker(name, _BINDINGS)(mutated(chance, chance.choice(_SEEDS[name])) if chance.random() < 0.9 else None)
    answer: object = None
    for _ in range(20):
        try:
            step = machine.send(answer)
        except (StopIteration, Malformed, Refused, Unbound):
            return
        answer = respond(step) if isinstance(step, Challenge) else check_claim(step)
    raise AssertionError(name)


def check_proof(chance: random.Random) -> None:
    """A client's true messages are mutated: only what was not touched fits."""
    bound = chance.choice([None, Bound("tls-exporter", b"exported")])
    client = scram_sha_256("user", "pencil", bound=bound)
    server = speaker(PLUS if bound else SCRAM, _BINDINGS)(next(client).data)
    next(server)
    first = server.send(_PARAMETERS)
    assert isinstance(first, Challenge)
    true = client.send(first.data).data or b""
    given = mutated(chance, true)
    try:
        proof = server.send(given)
    except (Malformed, Unbound):
        return
    assert isinstance(proof, Proof)
    sent = parse_client_final(true)
    is_true = proof.message.endswith(sent.without_proof) and proof.proof == sent.proof
    assert fits(_KEYS, proof.message, proof.proof) == is_true, given


def main(rounds: int, seed: int) -> None:
    """Run so many rounds."""
    chance = random.Random(seed)
    names = [*SIMPLE, SCRAM, PLUS]
    for at in range(rounds):
        name = names[at % len(names)]
        check_mechanism(chance, name, lambda _, name=name: mutated(chance, chance.choice(_SEEDS[name])))  # type: ignore[misc]
        if at % 20 == 0:
            check_proof(chance)
        line = mutated(chance, base64.b64encode(chance.randbytes(chance.randrange(20))))
        with contextlib.suppress(Malformed):
            assert base64.b64encode(decode(line)) == line
        text = mutated(chance, keys_to_text(_KEYS).encode()).decode("utf-8", "replace")
        assert (parse_keys(text) is not None) >= (text == keys_to_text(_KEYS))
