import pytest

from pillarbox.wire.imap.command import Authenticate, Compress, Enable, Id, Login
from pillarbox.wire.imap.options import State
from tests.wire.imap.server import Server, parsed, refused

BEFORE = State.NOT_AUTHENTICATED


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("ID NIL", None),
        ("ID nil", None),
        ("ID ()", ()),
        ('ID ("Name" "mutt" "version" NIL)', (("name", "mutt"), ("version", None))),
        ('ID ("name" "NIL")', (("name", "NIL"),)),
    ],
)
@pytest.mark.parametrize("state", list(State))
def test_a_client_may_say_who_it_is(text: str, fields: object, state: State) -> None:
    command = parsed(text, state)
    assert isinstance(command, Id)
    assert command.fields == fields


@pytest.mark.parametrize(
    "text",
    [
        "ID",
        "ID NONE",
        'ID ("name")',
        'ID ("name" "a" "name" "b")',
        'ID ("name" "a"  "os" "b")',
        "ID (name a)",
        'ID ("%s" NIL)' % ("x" * 31),
        'ID ("x" "%s")' % ("x" * 1025),
        "ID (" + " ".join(f'"{number}" NIL' for number in range(31)) + ")",
        'ID ("name" "a"',
    ],
)
def test_what_a_client_says_of_itself_is_bounded(text: str) -> None:
    assert refused(text, BEFORE).startswith("BAD ")


@pytest.mark.parametrize(
    ("text", "username", "password"),
    [
        (b"LOGIN u p", "u", "p"),
        (b'LOGIN "u@example.org" "p\\"a\\\\s s"', "u@example.org", 'p"a\\s s'),
        (b'login u ""', "u", ""),
        (b"LOGIN {1+}\r\nu p]w", "u", "p]w"),
        ('LOGIN u "påss"'.encode(), "u", "påss"),
        ('LOGIN u "påss"'.encode("latin-1"), "u", "påss"),
        (b"LOGIN u {4+}\r\np\xe5ss", "u", "påss"),
    ],
)
def test_login_has_a_name_and_a_password(text: bytes, username: str, password: str) -> None:
    assert parsed(text, BEFORE) == Login(username, password)


@pytest.mark.parametrize(
    "text",
    [
        b"LOGIN",
        b"LOGIN u",
        b"LOGIN u ",
        b"LOGIN u p q",
        b"LOGIN u  p",
        b"LOGIN u p%",
        b"LOGIN u p*",
        b"LOGIN u (p)",
        b'LOGIN u "p',
        b'LOGIN u "p\\q"',
        b'LOGIN u "p\0q"',
        b'LOGIN u "p\rq"',
        b'LOGIN "u"p',
        b'LOGIN "u" p"',
        "LOGIN u på".encode(),
        b"LOGIN u ~{1+}\r\np",
    ],
)
def test_what_is_no_login_is_refused(text: bytes) -> None:
    assert refused(text, BEFORE).startswith("BAD ")


@pytest.mark.parametrize(
    ("text", "mechanism", "initial"),
    [
        ("AUTHENTICATE PLAIN", "PLAIN", None),
        ("authenticate scram-sha-256-plus", "SCRAM-SHA-256-PLUS", None),
        ("AUTHENTICATE PLAIN AHUAcA==", "PLAIN", b"\0u\0p"),
        ("AUTHENTICATE EXTERNAL =", "EXTERNAL", b""),
    ],
)
def test_authenticate_may_bring_its_first_response(text: str, mechanism: str, initial: bytes | None) -> None:
    assert parsed_authenticate(text) == Authenticate(mechanism, initial)


def parsed_authenticate(text: str) -> object:
    server = Server(BEFORE)
    assert server.say(f"a {text}\r\n".encode()) == b"+ go on\r\n"
    return server.commands[0]


@pytest.mark.parametrize(
    "text",
    [
        "AUTHENTICATE",
        "AUTHENTICATE PLAIN AHUAcA",
        "AUTHENTICATE PLAIN AHUAcA===",
        "AUTHENTICATE PLAIN ==",
        "AUTHENTICATE PLAIN A=UA",
        "AUTHENTICATE PLAIN x x",
        'AUTHENTICATE "PLAIN"',
        "AUTHENTICATE PLAIN *",
    ],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    assert refused(text, BEFORE).startswith("BAD ")


def test_enable_has_one_capability_or_more() -> None:
    assert parsed("ENABLE condstore IMAP4rev2 UTF8=ACCEPT X-UNKNOWN") == Enable(
        ("CONDSTORE", "IMAP4REV2", "UTF8=ACCEPT", "X-UNKNOWN")
    )
    assert refused("ENABLE").startswith("BAD ")
    assert refused("ENABLE (CONDSTORE)").startswith("BAD ")


def test_only_deflate_compresses() -> None:
    assert parsed("COMPRESS deflate") == Compress()
    assert refused("COMPRESS GZIP").startswith("BAD ")
    assert refused("COMPRESS").startswith("BAD ")
