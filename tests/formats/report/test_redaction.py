"""What another server sees of a header: the fields that were chosen, and no person in them."""

from __future__ import annotations

import re

import pytest

from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.redaction import MAX_HEADER, header_to_show, redact, redact_address

KEY = b"k" * 32
HEADER = (
    b"Received: from [192.0.2.8] (host.example [192.0.2.8]) (Authenticated sender: alice.smith)\r\n"
    b"\tby mail.sender.example for <Bob.Jones@example.org>; Tue, 19 Jul 2022 07:57:44 +0200\r\n"
    b"DKIM-Signature: v=1; a=rsa-sha256; d=sender.example; i=alice.smith@sender.example; s=sel;\r\n"
    b"\tz=From:alice.smith@sender.example|Subject:Layoffs; bh=KYH/g7Fo=; b=EjCb=\r\n"
    b"From: =?utf-8?q?Alice_Smith?= <alice.smith@sender.example>\r\n"
    b'To: "Bob Jones" <Bob.Jones@example.org>, Friends: carol@example.org;\r\n'
    b"Subject: Layoffs of bob.jones@example.org\r\n"
    b"Message-ID: <1.2@sender.example>\r\n"
    b"List-Unsubscribe: <https://l.example/u?bob.jones%40example.org>\r\n"
    b"\r\n"
)
SECRETS = re.compile(rb"alice|smith|bob|jones|carol", re.IGNORECASE)


def fields(header: bytes) -> dict[str, str]:
    """The values of a header's fields, unfolded."""
    data = header + b"\r\n"
    assert scan(data).root.header_end == len(header)
    return {f.name: " ".join(data[f.value : f.end].decode("ascii").split()) for f in scan(data).root.fields}


def test_no_person_is_left_in_any_field() -> None:
    shown = header_to_show(HEADER, ["*"], KEY)
    assert SECRETS.search(shown) is None
    found = fields(shown)
    assert list(found) == [
        "Received", "DKIM-Signature", "From", "To", "Subject", "Message-ID", "List-Unsubscribe"
    ]  # fmt: skip
    alice = redact_address("alice.smith@sender.example", KEY)
    bob = redact_address("bob.jones@example.org", KEY)
    assert found["From"] == f"<{alice}>"
    assert found["To"] == f"<{bob}>, <{redact_address('carol@example.org', KEY)}>"
    assert f"for <{bob}>;" in found["Received"]
    assert "from [192.0.2.8] (host.example [192.0.2.8]) (redacted) by mail.sender.example" in found["Received"]
    assert f"i={alice};" in found["DKIM-Signature"]
    assert "z=" not in found["DKIM-Signature"]
    assert "bh=KYH/g7Fo=; b=EjCb=" in found["DKIM-Signature"]
    assert found["Message-ID"] == "<1.2@sender.example>"
    assert found["Subject"] == f"Layoffs of {bob}"


def test_only_fields_that_were_chosen_are_shown_in_any_case_and_without_a_key_as_they_came() -> None:
    assert list(fields(header_to_show(HEADER, ["from", "MESSAGE-ID"], KEY))) == ["From", "Message-ID"]
    assert header_to_show(HEADER, ["*"], None) == HEADER.removesuffix(b"\r\n")
    assert header_to_show(HEADER, [], KEY) == b""


def test_the_same_address_is_the_same_letters_and_another_key_makes_others() -> None:
    assert (
        redact_address("Bob@Example.org", KEY).partition("@")[0]
        == redact_address("bob@example.org", KEY).partition("@")[0]
    )
    assert redact_address("bob@example.org", KEY) != redact_address("bob@other.example", KEY)
    assert redact_address("bob@example.org", KEY) != redact_address("bob@example.org", b"other")
    assert redact_address("bob@example.org", KEY).endswith("@example.org")


@pytest.mark.parametrize(
    ("text", "is_tagged", "shape"),
    [
        ("spf=fail smtp.mailfrom=bob=b.example@example.org", True, "spf=fail smtp.mailfrom=X@example.org"),
        ("header.i=@example.org", True, "header.i=@example.org"),
        ("for <bob=b.example@example.org>", False, "for <X@example.org>"),
        ('"bob \\"b\\" jones"@example.org and bob@[192.0.2.1]', False, "X@example.org and X@[192.0.2.1]"),
        (
            'iprev=permerror reason="no name" policy.iprev=::1; dkim=pass header.i="@a.example" header.d=a.example',
            True,
            'iprev=permerror reason="no name" policy.iprev=::1; dkim=pass header.i="@a.example" header.d=a.example',
        ),
        (
            'smtp.mailfrom="bob@example.org" x="to bob@example.org, a=b@c"',
            True,
            'smtp.mailfrom="X@example.org" x="to X@example.org, X@c"',
        ),
        ('smtp.mailfrom="bob jones"@example.org', True, "smtp.mailfrom=X@example.org"),
        ("bob%40example.org", False, "X%40example.org"),
        ("no address @ all, 5@", False, "no address @ all, X@"),
        ("b=Zm9v==; bh=YmFy=", True, "b=Zm9v==; bh=YmFy="),
    ],
)
def test_local_parts_are_found_where_they_stand(text: str, is_tagged: bool, shape: str) -> None:
    found = redact(text, KEY, is_tagged=is_tagged)
    assert re.sub(r"[a-z2-7]{16}", "X", found) == shape


def test_encoded_words_hide_no_address() -> None:
    shown = header_to_show(b"Subject: =?utf-8?q?bob=40example.org?=\r\n\r\n", ["subject"], KEY)
    assert shown == f"Subject: {redact_address('bob@example.org', KEY)}\r\n".encode()


def test_what_is_too_much_is_left_out() -> None:
    header = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 900) for number in range(100)) + b"From: a@b.example\r\n\r\n"
    shown = header_to_show(header, ["*"], KEY)
    assert len(shown) <= MAX_HEADER
    assert b"From: <" in shown


@pytest.mark.parametrize("piece", ['"', '"\\', "a", "@", "(", "auth(", "z=", "; z =", "%40", "=?utf-8?q?", "\\@", ".@"])
def test_hostile_values_are_read_once(piece: str) -> None:
    value = (piece * 60_000).encode()[:60_000]
    for name in (b"Received", b"DKIM-Signature", b"From", b"Subject", b"Message-ID"):
        assert len(header_to_show(name + b": " + value + b"\r\n\r\n", ["*"], KEY)) <= MAX_HEADER
