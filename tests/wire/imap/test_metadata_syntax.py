import pytest

from pillarbox.wire.imap.access_command import SetMetadata
from pillarbox.wire.imap.command import GetMetadata, List
from tests.wire.imap.server import Server, parsed, refused


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('GETMETADATA "" /shared/comment', GetMetadata("", ("/shared/comment",))),
        ("GETMETADATA inbox (/Shared/Comment /private)", GetMetadata("INBOX", ("/shared/comment", "/private"))),
        ("GETMETADATA inbox /shared/a /shared/b", GetMetadata("INBOX", ("/shared/a", "/shared/b"))),
        ("GETMETADATA (maxsize 1024) INBOX /private/x", GetMetadata("INBOX", ("/private/x",), 1024)),
        ("GETMETADATA (DEPTH 1 MAXSIZE 0) INBOX (/private/x)", GetMetadata("INBOX", ("/private/x",), 0, 1)),
        ('GETMETADATA "INBOX" (DEPTH infinity) (/private/x)', GetMetadata("INBOX", ("/private/x",), None, -1)),
        ("GETMETADATA INBOX {9+}\r\n/shared/a", GetMetadata("INBOX", ("/shared/a",))),
    ],
)
def test_getmetadata(text: str, command: GetMetadata) -> None:
    assert parsed(text) == command


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        (b'(/private/comment "x \\"y\\"")', (("/private/comment", b'x "y"'),)),
        (b"(/private/comment NIL /shared/a nil)", (("/private/comment", None), ("/shared/a", None))),
        (b"(/shared/a {4+}\r\na\r\nb)", (("/shared/a", b"a\r\nb"),)),
        (b"(/shared/a ~{3+}\r\n\0\xff\n)", (("/shared/a", b"\0\xff\n"),)),
        ('(/shared/a "é")'.encode(), (("/shared/a", "é".encode()),)),
        (b'(/shared/a "\xe9")', (("/shared/a", b"\xe9"),)),
        (b'(/shared/a "")', (("/shared/a", b""),)),
    ],
)
def test_setmetadata(text: bytes, entries: tuple[tuple[str, bytes | None], ...]) -> None:
    assert parsed(b"SETMETADATA inbox " + text) == SetMetadata("INBOX", entries)
    assert parsed(b'SETMETADATA "" ' + text) == SetMetadata("", entries)


def test_list_returns_metadata() -> None:
    entries = ("/shared/vendor/cmu/color", "/private/comment")
    assert parsed('LIST "" % RETURN (METADATA ("/shared/vendor/cmu/Color" /private/comment) CHILDREN)') == List(
        "", ("%",), returned=frozenset({"CHILDREN"}), metadata=GetMetadata("", entries), is_extended=True
    )
    assert refused('LIST "" % RETURN (METADATA)').startswith("BAD ")
    assert refused('LIST "" % RETURN (METADATA ())').startswith("BAD ")


@pytest.mark.parametrize(
    "entry",
    [
        "comment",
        "/comment",
        "/sharedx",
        "/shared/",
        "/shared//a",
        "/shared/a/",
        '"/shared/a*"',
        '"/shared/%"',
        '"/shared/\u00e9"',
        '"/shared/\x01"',
        '""',
        "{11+}\r\n/shared/a\r\n",
    ],
)
def test_a_name_that_no_entry_may_have_is_refused(entry: str) -> None:
    assert refused(f"GETMETADATA INBOX {entry}").startswith("BAD ")
    assert refused(f"GETMETADATA INBOX (/shared/a {entry})").startswith("BAD ")
    assert refused(f'SETMETADATA INBOX ({entry} "x")').startswith("BAD ")


@pytest.mark.parametrize(
    "text",
    [
        "GETMETADATA",
        "GETMETADATA INBOX",
        "GETMETADATA INBOX ()",
        "GETMETADATA (DEPTH 2) INBOX /shared/a",
        "GETMETADATA (MAXSIZE x) INBOX /shared/a",
        "GETMETADATA (MAXSIZE 1 MAXSIZE 2) INBOX /shared/a",
        "GETMETADATA (DEPTH 1) INBOX (MAXSIZE 1) /shared/a",
        "GETMETADATA (FOO 1) INBOX /shared/a",
        "SETMETADATA INBOX",
        "SETMETADATA INBOX ()",
        "SETMETADATA INBOX (/shared/a)",
        "SETMETADATA INBOX (/shared/a atom)",
        'SETMETADATA INBOX /shared/a "x"',
    ],
)
def test_what_is_no_such_command_is_refused(text: str) -> None:
    assert refused(text).startswith("BAD ")


def test_very_many_entries_are_refused() -> None:
    entries = " ".join(["/shared/a"] * 201)
    assert refused(f"GETMETADATA INBOX ({entries})").startswith("NO [LIMIT] ")
    assert refused(f'LIST "" * RETURN (METADATA ({entries}))').startswith("NO [LIMIT] ")


def test_only_a_binary_literal_may_hold_nul() -> None:
    assert refused(b"SETMETADATA INBOX (/shared/a {3+}\r\na\0b)").startswith("BAD ")


def test_a_value_comes_in_any_pieces() -> None:
    server = Server()
    assert server.say(b"a SETMETADATA INBOX (/shared/a ~{3}\r\n") == b"+ Ready\r\n"
    assert server.say(b"\r\n") == b""
    assert server.say(b"\0 /shared/b NIL)\r\n") == b"a OK done\r\n"
    assert server.commands == [SetMetadata("INBOX", (("/shared/a", b"\r\n\0"), ("/shared/b", None)))]
