"""The opening handshake, and what extensions are agreed upon (RFC 6455 §4.2, RFC 7692 §7.1)."""

import pytest

from pillarbox.wire.websocket.deflate import Deflate, inflate, negotiate
from pillarbox.wire.websocket.handshake import accept_key, is_upgrade


def test_the_example_of_the_rfc_is_accepted() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "key", ["", "x", "dGhlIHNhbXBsZSBub25jZQ", "c2hvcnQ=", "dGhlIHNhbXBsZSBub25jZSBpcyBsb25n", "é" * 24]
)
def test_a_key_that_is_no_nonce_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        accept_key(key)


def test_connection_and_upgrade_are_lists_in_any_case() -> None:
    assert is_upgrade("keep-alive, UPGRADE", "h2c, WebSocket")
    assert not is_upgrade("keep-alive", "websocket")
    assert not is_upgrade("upgrade", "h2c")


@pytest.mark.parametrize(
    ("offers", "bits"),
    [
        ("permessage-deflate", 15),
        ("permessage-deflate; client_max_window_bits", 15),
        ('permessage-deflate; client_max_window_bits="10"', 15),
        ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", 15),
        ("permessage-deflate; server_max_window_bits=9", 9),
        ("x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=12", 12),
        ("permessage-deflate; unknown, permessage-deflate", 15),
        ("permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=11", 11),
    ],
)
def test_the_first_offer_that_can_be_taken_is(offers: str, bits: int) -> None:
    assert negotiate(offers) == Deflate(bits)


@pytest.mark.parametrize(
    "offers",
    [
        "",
        "gzip",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=",
        "gzip," * 40 + "permessage-deflate",
    ],
)
def test_offers_that_cannot_be_taken_are_declined(offers: str) -> None:
    assert negotiate(offers) is None


@pytest.mark.parametrize("bits", range(9, 16))
def test_what_is_compressed_fits_the_agreed_window_and_needs_no_other_message(bits: int) -> None:
    data = bytes(at * at % 251 for at in range(70_000))
    packed = Deflate(bits).compress(data)
    assert inflate(packed, len(data)) == data
    assert inflate(Deflate(bits).compress(b""), 0) == b""


def test_the_answer_names_what_was_agreed() -> None:
    assert Deflate().header == b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    assert Deflate(10).header.endswith(b"; server_max_window_bits=10")
