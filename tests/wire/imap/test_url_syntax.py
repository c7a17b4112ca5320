import pytest

from pillarbox.wire.imap.access_command import GenUrlAuth, ResetKey, UrlFetch
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
        ('URLFETCH "imap://a" imap://b', UrlFetch(("imap://a", "imap://b"))),
        ("RESETKEY", ResetKey()),
        ("RESETKEY inbox", ResetKey("INBOX")),
        ("RESETKEY Work internal x-other", ResetKey("Work", ("INTERNAL", "X-OTHER"))),
    ],
)
def test_commands_about_urls(text: str, command: Command) -> None:
    assert parsed(text) == command


@pytest.mark.parametrize(
    "text", ["GENURLAUTH", "GENURLAUTH imap://a", "URLFETCH", "URLFETCH ", "URLFETCH" + " a" * 101]
)
def test_what_is_none(text: str) -> None:
    assert refused(text).startswith("BAD ")
