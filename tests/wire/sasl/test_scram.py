"""SCRAM: the published exchange from both sides, channel binding and its downgrade, and hostile messages."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from pillarbox.wire.sasl.client import Response
from pillarbox.wire.sasl.scram import Bindings, scram_sha_256
from pillarbox.wire.sasl.scram_client import Bound
from pillarbox.wire.sasl.scram_client import scram_sha_256 as client
from pillarbox.wire.sasl.scram_key import derive, fits
from pillarbox.wire.sasl.step import Challenge, Machine, Malformed, Parameters, Proof, Refused, Salt, Unbound
from tests.wire.sasl.talk import OVER, talk

# RFC 7677 §3
PARAMETERS = Parameters(base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096)
CLIENT_NONCE, SERVER_NONCE = b"rOprNGfwEbeRWgbNEkqO", b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
NONCE = CLIENT_NONCE + SERVER_NONCE
CLIENT_FIRST = b"n,,n=user,r=" + CLIENT_NONCE
SERVER_FIRST = b"r=" + NONCE + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
WITHOUT_PROOF = b"c=biws,r=" + NONCE
CLIENT_FINAL = WITHOUT_PROOF + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
KEYS = derive("pencil", PARAMETERS)
EXPORTER = Bindings({"tls-exporter": b"exported", "tls-server-end-point": b"hashed"}, is_offered=True)


def server(**given: Any) -> Machine:
    return scram_sha_256(CLIENT_FIRST, nonce=SERVER_NONCE, **given)


def test_the_server_speaks_the_published_exchange() -> None:
    said = talk(server(), [PARAMETERS, CLIENT_FINAL, KEYS.server_key, b""])
    salt, first, proof, final, over = said
    assert salt == Salt("user")
    assert first == Challenge(SERVER_FIRST)
    assert isinstance(proof, Proof)
    assert proof.message == CLIENT_FIRST[3:] + b"," + SERVER_FIRST + b"," + WITHOUT_PROOF
    assert fits(KEYS, proof.message, proof.proof)
    assert (proof.name, proof.authorization) == ("user", "")
    assert final == Challenge(SERVER_FINAL, is_final=True)
    assert over is OVER


def test_the_client_speaks_the_published_exchange() -> None:
    machine = client("user", "pencil", nonce=CLIENT_NONCE)
    assert next(machine) == Response(CLIENT_FIRST, is_complete=False)
    assert machine.send(SERVER_FIRST) == Response(CLIENT_FINAL, is_complete=False)
    assert machine.send(SERVER_FINAL) == Response(b"", is_complete=True)


def test_nonces_are_new_each_time() -> None:
    firsts = set()
    for _ in range(3):
        (_, first) = talk(scram_sha_256(CLIENT_FIRST), [PARAMETERS])
        assert isinstance(first, Challenge)
        assert len(first.data) > len(SERVER_FIRST)
        firsts.add(first.data)
    assert len(firsts) == 3
    assert next(client("a", "b")) != next(client("a", "b"))


def converse(
    bound: Bound | None, bindings: Bindings, *, plus: bool, name: str = "user", authorization: str = ""
) -> Any:
    """Both sides in turn; returns the server's proof after both are content."""
    peer = client(name, "pencil", authorization, bound=bound)
    machine = scram_sha_256(next(peer).data, bindings, plus=plus)
    assert next(machine) == Salt(name)
    first = machine.send(PARAMETERS)
    assert isinstance(first, Challenge)
    proof = machine.send(peer.send(first.data).data)
    assert isinstance(proof, Proof)
    assert fits(KEYS, proof.message, proof.proof)
    final = machine.send(KEYS.server_key)
    assert isinstance(final, Challenge)
    assert peer.send(final.data).is_complete
    with pytest.raises(StopIteration):
        machine.send(b"")
    return proof


@pytest.mark.parametrize("type", ["tls-exporter", "tls-server-end-point"])
def test_both_sides_bind_the_exchange_to_the_connection(type: str) -> None:
    converse(Bound(type, EXPORTER.data[type]), EXPORTER, plus=True)


def test_names_and_who_to_act_as_may_have_commas() -> None:
    proof = converse(None, Bindings(), plus=False, name="a,b=c", authorization="d=,e")
    assert (proof.name, proof.authorization) == ("a,b=c", "d=,e")


def test_a_client_that_cannot_bind_is_let_in_where_binding_is_offered() -> None:
    converse(None, EXPORTER, plus=False)


def test_a_client_that_could_bind_is_let_in_where_binding_is_not_offered() -> None:
    converse(Bound(is_able=True), Bindings(EXPORTER.data, is_offered=False), plus=False)


def test_a_client_that_was_kept_from_binding_is_told_of_it() -> None:
    with pytest.raises(Unbound):
        converse(Bound(is_able=True), EXPORTER, plus=False)


def test_a_client_bound_to_another_connection_is_refused_before_its_proof_is_looked_at() -> None:
    with pytest.raises(Unbound):
        converse(Bound("tls-exporter", b"another"), EXPORTER, plus=True)


def test_a_binding_that_the_connection_does_not_have_is_refused() -> None:
    with pytest.raises(Unbound):
        converse(Bound("tls-unique", b"x"), EXPORTER, plus=True)


@pytest.mark.parametrize("plus", [True, False])
def test_the_mechanism_says_whether_the_exchange_is_bound(plus: bool) -> None:
    with pytest.raises(Malformed):
        converse(None if plus else Bound("tls-exporter", b"exported"), EXPORTER, plus=plus)


def test_a_header_that_was_changed_on_the_way_is_found_out() -> None:
    swapped = CLIENT_FINAL.replace(b"biws", base64.b64encode(b"y,,"))
    with pytest.raises(Unbound):
        talk(server(), [PARAMETERS, swapped])


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"n",
        b"n,,",
        b"n,,n=user",
        b"n,,r=abc,n=user",
        b"n,,m=ext,n=user,r=abc",
        b"n,,n=,r=abc",
        b"n,,n=us=er,r=abc",
        b"n,,n=user,r=",
        b"n,,n=user,r=a b",
        b"n,,n=user,r=\xff",
        b"n,,n=us\x00er,r=abc",
        b"n,,n=us\ner,r=abc",
        b"n,,n=\xc3,r=abc",
        b"n,,n=user,r=abc,",
        b"n,,n=user,r=abc,x",
        b"n,,n=user,r=" + b"a" * 513,
        b"n,,n=" + b"a" * 10_000 + b",r=abc",
        b"x,,n=user,r=abc",
    ],
)
def test_a_first_message_that_is_none_is_refused(message: bytes) -> None:
    with pytest.raises(Malformed):
        talk(scram_sha_256(message))


def test_extensions_that_may_be_ignored_are() -> None:
    assert talk(scram_sha_256(CLIENT_FIRST + b",x=y")) == [Salt("user")]


@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda _: WITHOUT_PROOF,
        lambda m: m.replace(b"c=biws,", b""),
        lambda m: m.replace(b"biws", b"!!!!"),
        lambda m: m.replace(b"biws", b""),
        lambda m: m.replace(NONCE, CLIENT_NONCE),
        lambda m: m.replace(NONCE, NONCE + b"x"),
        lambda m: m[: m.index(b",p=") + 3],
        lambda m: m[: m.index(b",p=") + 3] + b"***",
        lambda m: m + b",x=y",
        lambda m: m + b"\x00",
        lambda _: b"x" * 10_000,
    ],
)
def test_a_last_message_that_is_none_is_refused(change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed):
        talk(server(), [PARAMETERS, change(CLIENT_FINAL)])


def test_nothing_may_follow_the_servers_signature() -> None:
    with pytest.raises(Malformed):
        talk(server(), [PARAMETERS, CLIENT_FINAL, KEYS.server_key, b"more"])


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"r=" + CLIENT_NONCE + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"r=x" + NONCE + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"m=x," + SERVER_FIRST,
        SERVER_FIRST.replace(b"4096", b"4095"),
        SERVER_FIRST.replace(b"4096", b"999999999"),
        SERVER_FIRST.replace(b"4096", b"9999999999"),
        SERVER_FIRST.replace(b"4096", b"-1"),
        SERVER_FIRST.replace(b"4096", b"04096"),
        SERVER_FIRST.replace(b"W22ZaJ0SNY7soEsUEjb6gQ==", b""),
    ],
)
def test_the_client_distrusts_what_would_weaken_its_proof(first: bytes) -> None:
    machine = client("user", "pencil", nonce=CLIENT_NONCE)
    next(machine)
    with pytest.raises(Malformed):
        machine.send(first)


def test_the_client_distrusts_a_server_that_does_not_know_the_password() -> None:
    machine = client("user", "pencil", nonce=CLIENT_NONCE)
    next(machine)
    machine.send(SERVER_FIRST)
    with pytest.raises(Malformed):
        machine.send(b"v=" + base64.b64encode(bytes(32)))


def test_the_client_tells_the_servers_error() -> None:
    machine = client("user", "pencil", nonce=CLIENT_NONCE)
    next(machine)
    machine.send(SERVER_FIRST)
    with pytest.raises(Refused, match="invalid-proof"):
        machine.send(b"e=invalid-proof")
