from __future__ import annotations

import pytest

from pillarbox.formats.mailauth.received_spf import RESULTS, ReceivedSpf, parse_received_spf, received_spf_to_bytes
from pillarbox.formats.mailauth.spf import SpfResult


def printed(found: SpfResult, mail_from: str = "me@example.org", helo: str = "mx.example.org") -> bytes:
    return received_spf_to_bytes(
        found, address="2001:db8::1", helo=helo, mail_from=mail_from, receiver="mx.example.com"
    )


def test_a_result_is_written_with_what_it_was_made_of() -> None:
    octets = printed(SpfResult("pass", "example.org", "mailfrom", "ip6:2001:db8::/32"))
    assert octets.replace(b"\r\n ", b" ") == (
        b"Received-SPF: pass (example.org designates the client as permitted sender) receiver=mx.example.com;"
        b' client-ip="2001:db8::1"; envelope-from="me@example.org"; helo=mx.example.org; identity=mailfrom;'
        b' mechanism="ip6:2001:db8::/32"\r\n'
    )


def test_what_was_written_is_read() -> None:
    octets = printed(SpfResult("permerror", "example.org", "helo", None, None, "several SPF records"), "")
    assert parse_received_spf(octets.partition(b":")[2]) == ReceivedSpf(
        "permerror",
        {
            "receiver": "mx.example.com",
            "client-ip": "2001:db8::1",
            "envelope-from": "",
            "helo": "mx.example.org",
            "identity": "helo",
            "problem": "several SPF records",
        },
    )


@pytest.mark.parametrize("result", sorted(RESULTS))
def test_every_result_has_a_sentence(result: str) -> None:
    read = parse_received_spf(printed(SpfResult(result, "example.org", "mailfrom")).partition(b":")[2])
    assert read is not None
    assert read.result == result


@pytest.mark.parametrize(
    "evil", ["x) y", "x\r\nBcc: a@b", 'x"; identity=helo; y="', "x\\", "(", "é", "x" * 3000, "a.b;c=d"]
)
def test_no_text_of_a_sender_breaks_out(evil: str) -> None:
    found = SpfResult("fail", evil, "mailfrom", evil, evil, evil)
    octets = printed(found, f"{evil}@{evil}", evil)
    assert all(line.startswith(b" ") for line in octets.split(b"\r\n")[1:-1])
    assert octets.isascii()
    read = parse_received_spf(octets.partition(b":")[2])
    assert read is not None
    assert (read.result, read.pairs["identity"], len(read.pairs)) == ("fail", "mailfrom", 7)


def test_another_field_is_none() -> None:
    assert parse_received_spf(b" maybe; a=b") is None
    assert parse_received_spf(b"") is None
    assert parse_received_spf(b"Pass (a) a=b; a=c; d") == ReceivedSpf("pass", {"a": "b"})
