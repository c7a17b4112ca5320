import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.wire.imap.authorized_url import parse_authorized_url, parse_rump
from pillarbox.wire.imap.fetch_item import Section
from pillarbox.wire.imap.message_url import BadUrl, MessageUrl

TOKEN = "91354a473744909de610943775f92038"
HEAD = "imap://alice%40example.org@mail.example.org"
EXPIRES = 1_798_761_600_000  # 2027-01-01


@pytest.mark.parametrize(
    ("rest", "message", "expires_at", "kind", "user"),
    [
        (
            "/INBOX/;UID=20;URLAUTH=anonymous",
            MessageUrl("INBOX", None, 20, Section(is_peek=True)),
            None,
            "anonymous",
            "",
        ),
        (
            "/Tom%20%26%20J;UIDVALIDITY=5/;uid=20/;section=1.2;expire=2027-01-01T00:00:00Z;urlauth=submit+bob%40b.example",
            MessageUrl("Tom & J", 5, 20, Section((1, 2), is_peek=True)),
            EXPIRES,
            "submit+",
            "bob@b.example",
        ),
        (
            "/a/;UID=1/;SECTION=TEXT/;PARTIAL=0.10/;EXPIRE=2027-01-01t02:00:00+02:00;URLAUTH=USER+bob",
            MessageUrl("a", None, 1, Section((), "TEXT", is_peek=True, partial=(0, 10))),
            EXPIRES,
            "user+",
            "bob",
        ),
        ("/a/;UID=1;URLAUTH=authuser", MessageUrl("a", None, 1, Section(is_peek=True)), None, "authuser", ""),
    ],
)
def test_what_a_rump_says(rest: str, message: MessageUrl, expires_at: int | None, kind: str, user: str) -> None:
    rump = parse_rump(HEAD + rest)
    assert rump == (HEAD + rest, "alice@example.org", message, expires_at, kind, user)
    url = parse_authorized_url(f"{HEAD}{rest}:internal:{TOKEN}")
    assert url == (rump, "INTERNAL", bytes.fromhex(TOKEN))


@pytest.mark.parametrize("host", ["example.org", "example.org:1143"])
def test_a_user_without_a_domain_is_of_the_host(host: str) -> None:
    assert parse_rump(f"imap://alice@{host}/INBOX/;UID=1;URLAUTH=anonymous").owner == "alice@example.org"


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{HEAD}/INBOX/;UID=20",
        "imap://mail.example.org/INBOX/;UID=20;URLAUTH=anonymous",  # nobody's
        "imap://alice;AUTH=PLAIN@mail.example.org/INBOX/;UID=20;URLAUTH=anonymous",
        "http://alice@mail.example.org/INBOX/;UID=20;URLAUTH=anonymous",
        "/INBOX/;UID=20;URLAUTH=anonymous",
        f"{HEAD}/;UID=20;URLAUTH=anonymous",  # of the selected mailbox
        f"{HEAD}/INBOX;URLAUTH=anonymous",
        f"{HEAD}/INBOX/;UID=0;URLAUTH=anonymous",
        f"{HEAD}/INBOX/;UID=20;URLAUTH=everybody",
        f"{HEAD}/INBOX/;UID=20;URLAUTH=anonymous+bob",
        f"{HEAD}/INBOX/;UID=20;URLAUTH=anonymousbob",
        f"{HEAD}/INBOX/;UID=20;URLAUTH=submit+",
        f"{HEAD}/INBOX/;UID=20;URLAUTH=user+%FF",
        f"{HEAD}/INBOX/;UID=20;URLAUTH=user+é",
        f"{HEAD}/INBOX/;UID=20;EXPIRE=2027-01-01T00:00:00;URLAUTH=anonymous",  # which zone?
        f"{HEAD}/INBOX/;UID=20;EXPIRE=2027-13-01T00:00:00Z;URLAUTH=anonymous",
        f"{HEAD}/INBOX/;UID=20;URLAUTH=anonymous;EXPIRE=2027-01-01T00:00:00Z",
        f"{HEAD}/INBOX/;UID=20;URLAUTH=anonymous\r\n",
        f"{HEAD}/{'a' * 20_000}/;UID=20;URLAUTH=anonymous",
    ],
)
def test_what_is_no_rump(text: str) -> None:
    with pytest.raises(BadUrl):
        parse_rump(text)
    with pytest.raises(BadUrl):
        parse_authorized_url(f"{text}:internal:{TOKEN}")


@pytest.mark.parametrize(
    "end", ["", ":internal", ":internal:", f":internal:{TOKEN}0", ":internal:12", ":internal:xy" * 20]
)
def test_what_is_no_authorisation(end: str) -> None:
    with pytest.raises(BadUrl):
        parse_authorized_url(f"{HEAD}/INBOX/;UID=20;URLAUTH=anonymous{end}")


def test_what_is_authorised_already_is_no_rump() -> None:
    with pytest.raises(BadUrl):
        parse_rump(f"{HEAD}/INBOX/;UID=20;URLAUTH=anonymous:internal:{TOKEN}")


_PIECES = st.sampled_from(
    [HEAD, "imap://", "@", "/", ";", "INBOX", ";UID=1", ";SECTION=1", ";PARTIAL=0.1", ";EXPIRE=",
     "2027-01-01T00:00:00Z", ";URLAUTH=", "submit+", "user+", "anonymous", "%40", "%", ":internal:", TOKEN, "0"]
)  # fmt: skip


@given(st.lists(_PIECES | st.text(max_size=3), max_size=14).map("".join))
def test_whatever_is_read_is_what_was_written(text: str) -> None:
    with contextlib.suppress(BadUrl):
        url = parse_authorized_url(text)
        assert text.lower() == f"{url.rump.text}:{url.mechanism}:{url.token.hex()}".lower()
        assert parse_rump(url.rump.text) == url.rump
