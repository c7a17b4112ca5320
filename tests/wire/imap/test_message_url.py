import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.wire.imap.fetch_item import Section
from pillarbox.wire.imap.message_url import BadUrl, MessageUrl, parse_message_url

WHOLE = Section(is_peek=True)


@pytest.mark.parametrize(
    ("text", "mailbox", "validity", "uid", "section"),
    [
        ("/INBOX/;UID=20", "INBOX", None, 20, WHOLE),
        ("/inbox;UIDVALIDITY=785/;UID=20", "INBOX", 785, 20, WHOLE),
        ("INBOX/;uid=20", "INBOX", None, 20, WHOLE),
        ("/;UID=20", None, None, 20, WHOLE),
        (";UID=20", None, None, 20, WHOLE),
        ("/Work/2026;UIDVALIDITY=1/;UID=4294967295", "Work/2026", 1, 4294967295, WHOLE),
        ("/Tom%20%26%20Jerry/;UID=1", "Tom & Jerry", None, 1, WHOLE),
        ("/%E6%97%A5%E6%9C%AC/;UID=1", "日本", None, 1, WHOLE),
        ("/a/;UID=1/;SECTION=1.2.MIME", "a", None, 1, Section((1, 2), "MIME", is_peek=True)),
        # RFC 4469 §3 writes the section without a slash in its examples.
        ("/Drafts;UIDVALIDITY=385/;UID=20;section=HEADER", "Drafts", 385, 20, Section((), "HEADER", is_peek=True)),
        (
            "/a/;UID=1/;SECTION=HEADER.FIELDS%20(To%20Cc)",
            "a",
            None,
            1,
            Section((), "HEADER.FIELDS", ("To", "Cc"), is_peek=True),
        ),
        ("/a/;UID=1/;SECTION=TEXT/;PARTIAL=5.10", "a", None, 1, Section((), "TEXT", is_peek=True, partial=(5, 10))),
        ("/a/;UID=1/;PARTIAL=5", "a", None, 1, Section(is_peek=True, partial=(5, 4294967295))),
    ],
)
def test_what_a_url_names(text: str, mailbox: str | None, validity: int | None, uid: int, section: Section) -> None:
    assert parse_message_url(text) == MessageUrl(mailbox, validity, uid, section)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/INBOX",
        "/INBOX;UIDVALIDITY=785",
        "/INBOX/;UID=0",
        "/INBOX/;UID=4294967296",
        "/INBOX;UIDVALIDITY=0/;UID=1",
        "//elsewhere.example/INBOX/;UID=1",
        "imap://alice@mail.example.org/INBOX/;UID=1",
        "/INBOX/;UID=1;URLAUTH=anonymous:internal:91354a473744909de610943775f92038",
        "/INBOX/;UID=1;EXPIRE=2027-01-01T00:00:00Z;URLAUTH=anonymous",
        "/INBOX?FROM%20x/;UID=1",
        "/a%0D%0Ab/;UID=1",
        "/a%FF/;UID=1",
        "/a/;UID=1/;SECTION=NONSENSE",
        "/a/;UID=1/;SECTION=1]",
        "/a/;UID=1/;SECTION=",
        "/a/;UID=1/;PARTIAL=1.0",
        "/日本/;UID=1",
        "/" + "a" * 20_000 + "/;UID=1",
    ],
)
def test_what_names_nothing_here_is_refused(text: str) -> None:
    with pytest.raises(BadUrl):
        parse_message_url(text)


@given(st.text("/;UIDVALITY=SECTON1.%20?#a", max_size=60))
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    try:
        url = parse_message_url(text)
    except BadUrl:
        return
    assert url.uid > 0
