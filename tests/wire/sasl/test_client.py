"""The client's side against the server's: each understands the other."""

from collections.abc import Callable

import pytest

from pillarbox.wire.sasl import bearer, client, password
from pillarbox.wire.sasl.client import Client, Response
from pillarbox.wire.sasl.step import Challenge, Machine, Malformed, Password, Refused, Step, Token


def meet(peer: Client, make: Callable[[bytes | None], Machine]) -> Step:
    """What the server makes of what the client says, up to its first claim."""
    first = next(peer)
    machine = make(first.data)
    step = next(machine)
    while isinstance(step, Challenge):
        step = machine.send(peer.send(step.data).data)
    found: Step = step
    return found


def test_the_server_reads_what_the_client_writes() -> None:
    assert meet(client.plain("tim", "tanstaaf", "ursel"), password.plain) == Password("tim", "tanstaaf", "ursel")
    assert meet(client.login("tim", "tanstaaf"), password.login) == Password("tim", "tanstaaf")
    assert meet(client.oauthbearer("abc.def"), bearer.oauthbearer) == Token("abc.def")
    full = client.oauthbearer("abc", "a,b@example.org", "imap.example.org", 993)
    assert meet(full, bearer.oauthbearer) == Token("abc", "a,b@example.org")
    assert meet(client.xoauth2("tim", "abc"), bearer.xoauth2) == Token("abc", "tim")


@pytest.mark.parametrize(
    ("peer", "answer"), [(client.oauthbearer("abc"), b"\x01"), (client.xoauth2("tim", "abc"), b"")]
)
def test_a_refused_token_is_answered_and_then_told(peer: Client, answer: bytes) -> None:
    assert next(peer).is_complete
    assert peer.send(b'{"status":"401"}') == Response(answer, is_complete=False)
    with pytest.raises(Refused, match="401"):
        peer.send(b"")


def test_a_server_that_goes_on_is_distrusted() -> None:
    for peer in (client.plain("a", "b"), client.login("a", "b")):
        said = next(peer)
        while not said.is_complete:
            said = peer.send(b"")
        with pytest.raises(Malformed):
            peer.send(b"more")


@pytest.mark.parametrize(
    "peer",
    [client.plain("a\0b", "c"), client.login("a", "c\r\n"), client.oauthbearer("a\x01b"), client.xoauth2("", "\n")],
)
def test_what_a_mechanism_cannot_carry_is_not_sent(peer: Client) -> None:
    with pytest.raises(ValueError, match="control characters"):
        next(peer)
