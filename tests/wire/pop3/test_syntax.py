import pytest

from pillarbox.wire.pop3 import command as c
from pillarbox.wire.pop3.options import State
from tests.wire.pop3.server import parsed, refused

AUTHORIZATION, TRANSACTION = State.AUTHORIZATION, State.TRANSACTION


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("STAT", c.Stat()),
        ("stat ", c.Stat()),
        ("LIST", c.List(None)),
        ("list 2", c.List(2)),
        ("UIDL", c.Uidl(None)),
        ("UIDL 0003", c.Uidl(3)),
        ("RETR 1", c.Retr(1)),
        ("retr  7  ", c.Retr(7)),
        ("DELE 9999999999", c.Dele(9_999_999_999)),
        ("TOP 1 0", c.Top(1, 0)),
        ("Top 10 20", c.Top(10, 20)),
        ("RSET", c.Rset()),
        ("NOOP", c.Noop()),
        ("QUIT", c.Quit()),
        ("CAPA", c.Capa()),
        ("LANG", c.Lang(None)),
        ("LANG *", c.Lang("*")),
        ("LANG de-CH", c.Lang("de-CH")),
    ],
)
def test_commands_of_the_transaction_state_are_read(line: str, command: c.Command) -> None:
    assert parsed(line) == command


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("USER alice@example.org", c.User("alice@example.org")),
        ("user  alice ", c.User("alice")),
        ("USER älice@example.org", c.User("älice@example.org")),
        ("PASS secret", c.Pass("secret")),
        ("PASS  two words ", c.Pass(" two words ")),
        ("pass пароль", c.Pass("пароль")),
        ("AUTH", c.Auth("", None)),
        ("AUTH plain", c.Auth("PLAIN", None)),
        ("AUTH PLAIN =", c.Auth("PLAIN", b"")),
        ("AUTH SCRAM-SHA-256 biws", c.Auth("SCRAM-SHA-256", b"biws")),
        ("STLS", c.Stls()),
        ("UTF8", c.Utf8()),
        ("CAPA", c.Capa()),
        ("LANG i-default", c.Lang("i-default")),
        ("QUIT", c.Quit()),
    ],
)
def test_commands_of_the_authorization_state_are_read(line: str, command: c.Command) -> None:
    assert parsed(line, AUTHORIZATION) == command


@pytest.mark.parametrize(
    ("line", "state", "words"),
    [
        ("", TRANSACTION, "Unknown command"),
        (" STAT", TRANSACTION, "Unknown command"),
        ("LAST", TRANSACTION, "Unknown command"),
        ("APOP alice 0123456789abcdef", AUTHORIZATION, "Unknown command"),
        ("STAT 1", TRANSACTION, "no argument"),
        ("RETR", TRANSACTION, "its number"),
        ("RETR 0", TRANSACTION, "its number"),
        ("RETR -1", TRANSACTION, "its number"),
        ("RETR +1", TRANSACTION, "its number"),
        ("RETR 1 2", TRANSACTION, "its number"),
        ("RETR ١", TRANSACTION, "its number"),
        ("RETR 1_0", TRANSACTION, "its number"),
        ("RETR " + "9" * 200, TRANSACTION, "its number"),
        ("LIST x", TRANSACTION, "its number"),
        ("TOP 1", TRANSACTION, "number of lines"),
        ("TOP 1 2 3", TRANSACTION, "number of lines"),
        ("TOP 0 1", TRANSACTION, "its number"),
        ("TOP 1 -1", TRANSACTION, "number of lines"),
        ("USER alice", TRANSACTION, "state TRANSACTION"),
        ("UTF8", TRANSACTION, "state TRANSACTION"),
        ("STLS", TRANSACTION, "state TRANSACTION"),
        ("AUTH PLAIN", TRANSACTION, "state TRANSACTION"),
        ("STAT", AUTHORIZATION, "state AUTHORIZATION"),
        ("DELE 1", AUTHORIZATION, "state AUTHORIZATION"),
        ("USER", AUTHORIZATION, "name is missing"),
        ("USER " + "a" * 1_025, AUTHORIZATION, "too long"),
        ("PASS", AUTHORIZATION, "password is missing"),
        ("PASS " + "a" * 1_025, AUTHORIZATION, "too long"),
        (b"USER \xff", AUTHORIZATION, "no UTF-8"),
        (b"PASS \xff", AUTHORIZATION, "no UTF-8"),
        (b"USER a\0b", AUTHORIZATION, "control characters"),
        (b"USER a\rb", AUTHORIZATION, "control characters"),
        (b"PASS a\tb", AUTHORIZATION, "control characters"),
        ("AUTH PLAIN a b", AUTHORIZATION, "name of a mechanism"),
        ("AUTH " + "A" * 21, AUTHORIZATION, "name of a mechanism"),
        ("AUTH ÄUTH", AUTHORIZATION, "name of a mechanism"),
        ("AUTH PLAIN *", AUTHORIZATION, "not Base64"),
        (b"AUTH PLAIN \xff\xff\xff\xff", AUTHORIZATION, "not Base64"),
        ("LANG d_e", AUTHORIZATION, "language"),
        ("LANG " + "a" * 101, AUTHORIZATION, "language"),
    ],
)
def test_what_is_no_command_is_refused_with_a_reason(line: str | bytes, state: State, words: str) -> None:
    assert words in refused(line, state)


def test_a_refusal_repeats_nothing_of_what_was_sent() -> None:
    assert "secret" not in refused("secret", AUTHORIZATION)
