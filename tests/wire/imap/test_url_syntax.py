import pytest

from pillarbox.wire.imap.access_command import FetchedUrl, GenUrlAuth, ResetKey, UrlFetch
from pillarbox.wire.imap.command import Command
from tests.wire.imap.server import parsed, refused


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('GENURLAUTH "imap://a@b/c" INTERNAL', GenUrlAuth((("imap://a@b/c", "INTERNAL"),))),
        (
            "GENURLAUTH imap://a internal imap://b x-other",
            GenUrlAuth((("imap://a", "INTERNAL"), ("imap://b", "X-OTHER"))),
        ),
        ('URLFETCH "imap://a" imap://b', UrlFetch((FetchedUrl("imap://a"), FetchedUrl("imap://b")))),
        (
            'URLFETCH (imap://a) ("imap://b" binary BodyPartStructure) imap://c (imap://d BODY)',
            UrlFetch(
                (
                    FetchedUrl("imap://a"),
                    FetchedUrl("imap://b", frozenset({"BINARY", "BODYPARTSTRUCTURE"})),
                    FetchedUrl("imap://c"),
                    FetchedUrl("imap://d", frozenset({"BODY"})),
                )
            ),
        ),
        ("RESETKEY", ResetKey()),
        ("RESETKEY inbox", ResetKey("INBOX")),
        ("RESETKEY Work internal x-other", ResetKey("Work", ("INTERNAL", "X-OTHER"))),
    ],
)
def test_commands_about_urls(text: str, command: Command) -> None:
    assert parsed(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "GENURLAUTH",
        "GENURLAUTH imap://a",
        "URLFETCH",
        "URLFETCH ",
        "URLFETCH" + " a" * 101,
        "URLFETCH" + " (a BODY)" * 101,
        "URLFETCH ()",
        "URLFETCH (imap://a BODY",
        "URLFETCH (imap://a BODY )",
        "URLFETCH (imap://a BODY BINARY)",
        "URLFETCH (imap://a BINARY binary)",
        "URLFETCH (imap://a ENVELOPE)",
        "URLFETCH (imap://a (BODY))",
    ],
)
def test_what_is_none(text: str) -> None:
    assert refused(text).startswith("BAD ")
