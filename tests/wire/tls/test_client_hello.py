"""What real clients say first, however it is divided, and what is no such thing."""

import ssl
import struct

import pytest

from pillarbox.wire.tls.client_hello import MOST_OCTETS, ClientHello, NotTls, parse_client_hello


def hello(server_name: str | None = "mail.example.org", *protocols: str) -> bytes:
    """The first octets of Python's own client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    if protocols:
        context.set_alpn_protocols(protocols)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def message(*extensions: tuple[int, bytes]) -> bytes:
    """A ClientHello with these extensions, in one record."""
    every = b"".join(struct.pack("!HH", kind, len(data)) + data for kind, data in extensions)
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + struct.pack("!H", len(every)) + every
    return record(b"\x01" + len(body).to_bytes(3) + body)


def record(payload: bytes) -> bytes:
    return b"\x16\x03\x01" + struct.pack("!H", len(payload)) + payload


def server_names(*names: tuple[int, bytes]) -> bytes:
    every = b"".join(struct.pack("!BH", kind, len(name)) + name for kind, name in names)
    return struct.pack("!H", len(every)) + every


def test_a_client_tells_the_server_that_it_wants_and_its_protocols() -> None:
    assert parse_client_hello(hello("mail.example.org", "h2", "http/1.1")) == ClientHello(
        "mail.example.org", (b"h2", b"http/1.1")
    )
    assert parse_client_hello(hello(None)) == ClientHello("", None)


def test_one_that_comes_octet_by_octet_is_waited_for() -> None:
    octets = hello("a.example.org", "imap")
    for end in range(len(octets)):
        assert parse_client_hello(octets[:end]) is None
    assert parse_client_hello(octets + b"more") == ClientHello("a.example.org", (b"imap",))


def test_one_in_several_records_is_put_together() -> None:
    payload = hello("a.example.org", "imap")[5:]
    octets = b"".join(record(payload[at : at + 40]) for at in range(0, len(payload), 40))
    assert parse_client_hello(octets) == ClientHello("a.example.org", (b"imap",))
    for end in range(len(octets)):
        assert parse_client_hello(octets[:end]) is None


def test_one_without_extensions_is_understood() -> None:
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    assert parse_client_hello(record(b"\x01" + len(body).to_bytes(3) + body)) == ClientHello()


def test_the_first_host_name_counts_and_other_kinds_of_names_do_not() -> None:
    names = server_names((1, b"other"), (0, b"\xff.example.org"), (0, b"second"))
    found = parse_client_hello(message((0, names)))
    assert found is not None
    assert found.server_name == "\N{REPLACEMENT CHARACTER}.example.org"


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"GET / HTTP/1.1\r\n", id="HTTP"),
        pytest.param(b"A", id="one octet of something else"),
        pytest.param(b"\x16\x02", id="another version"),
        pytest.param(b"\x80\x2e\x01\x00\x02", id="the form of SSL 2"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x28", id="an alert"),
        pytest.param(record(b"\x02\x00\x00\x00"), id="a ServerHello"),
        pytest.param(b"\x16\x03\x01\x00\x00", id="an empty record"),
        pytest.param(b"\x16\x03\x01\x48\x01", id="a record that is too long"),
        pytest.param(record(b"\x01" + (MOST_OCTETS).to_bytes(3)), id="a message that is too long"),
        pytest.param(b"".join(record(bytes([n])) for n in [1, 0, 1] + [0] * 20), id="pieces without end"),
        pytest.param(record(b"\x01\x00\x00\x03\x03\x03\x00"), id="a message that is too short"),
        pytest.param(message((16, b"\x00\x03\x02h2"), (16, b"\x00\x03\x02h2")), id="an extension twice"),
        pytest.param(message((16, b"\x00\x01\x00")), id="an empty protocol"),
        pytest.param(message((16, b"\x00\x03\x05h2")), id="a protocol that is cut off"),
        pytest.param(message((16, b"\x00\x03\x02h2x")), id="something behind the protocols"),
        pytest.param(message((0, server_names((0, b"a")) + b"x")), id="something behind the names"),
    ],
)
def test_what_is_no_client_hello_is_seen_as_early_as_can_be(octets: bytes) -> None:
    with pytest.raises(NotTls):
        parse_client_hello(octets)
