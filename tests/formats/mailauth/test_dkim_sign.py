import base64
import itertools
import os
import re
import time
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.corpus import Corpus
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector, sign
from pillarbox.formats.mailauth.signing_key import (
    ED25519_SHA256,
    RSA_SHA256,
    Algorithm,
    SigningKey,
    import_key,
    new_key,
)
from tests.formats.mailauth.published import KEY, NOW, PLAIN, signed, verify

RSA = KeyAtSelector("example.org", "two", SigningKey(new_key(RSA_SHA256)))
RECORDS = {f"{each.selector}._domainkey.example.org": each.key.record() for each in (KEY, RSA)}
REAL_MAIL = os.environ.get("BENCH_CORPUS")


def theirs(message: bytes, index: int = 0) -> bool:
    """What dkimpy says of a signature."""

    def answer(name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001 -- dkimpy's words
        return RECORDS.get(name.decode().rstrip("."), "").encode()

    return bool(dkim.DKIM(message).verify(index, dnsfunc=answer))


def results(message: bytes) -> list[str]:
    now = int(time.time())  # dkimpy reads the clock itself
    return [verdict.result for verdict in verify(message, RECORDS, now)]


def some_mail() -> list[bytes]:
    return [re.sub(rb"DKIM-Signature:[^\n]*\n(?:[ \t][^\n]*\n)*", b"", each) for each in Corpus().messages(0, 30)]


def real_mail() -> list[bytes]:
    """Real mail of many years ago, every 40th of some 6,000; its line ends as they are sent."""
    files = sorted(Path(REAL_MAIL or ".").glob("*/*.txt"))[::40]
    return [re.sub(rb"\r?\n", b"\r\n", re.sub(rb"\AFrom [^\n]*\n", b"", file.read_bytes())) for file in files]


def test_both_keys_sign_and_both_signatures_verify_here_and_in_dkimpy() -> None:
    for message in some_mail():
        whole = sign(message, [RSA, KEY], NOW) + message
        assert results(whole) == ["pass", "pass"]
        assert theirs(whole, 0)
        assert theirs(whole, 1)


@pytest.mark.parametrize("key", [RSA, KEY])
@pytest.mark.parametrize("forms", list(itertools.product([b"simple", b"relaxed"], repeat=2)))
def test_what_dkimpy_signs_verifies_here(key: KeyAtSelector, forms: tuple[bytes, bytes]) -> None:
    for message in some_mail()[:6]:
        field = dkim.sign(
            message,
            key.selector.encode(),
            b"example.org",
            pem(key),
            canonicalize=forms,
            signature_algorithm=key.key.algorithm.encode(),
        )
        assert results(field + message) == ["pass"]


@pytest.mark.skipif(REAL_MAIL is None, reason="BENCH_CORPUS names no folder of real mail")
def test_real_mail_verifies_in_both_directions() -> None:
    tried = 0
    for message in real_mail():
        if b"\nfrom:" not in message.lower() or re.search(rb"\r(?!\n)", message):
            continue
        whole = sign(message, [RSA, KEY], NOW) + message
        assert results(whole)[:2] == ["pass", "pass"]
        try:
            assert theirs(whole, 0)
            field = dkim.sign(message, b"two", b"example.org", pem(RSA), canonicalize=(b"relaxed", b"simple"))
        except dkim.MessageFormatError:
            continue  # headers that dkimpy does not read
        assert results(field + message)[0] == "pass"
        tried += 1
    assert tried > 100


def pem(key: KeyAtSelector) -> bytes:
    """A private key as dkimpy wants it."""
    private = key.key._key
    if key.key.algorithm == "rsa-sha256":
        return private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return base64.b64encode(private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))


def test_lines_are_short_and_end_in_crlf() -> None:
    message = b"List-Id: x\r\n" * 40 + PLAIN
    field = sign(message, [RSA], NOW)
    lines = field.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= 78 for line in lines)
    assert all(line.startswith(b"\t") for line in lines[1:])
    assert b"\n" not in field.replace(b"\r\n", b"")
    assert results(field + message) == ["pass"]


def test_fields_are_sealed_against_another_of_them() -> None:
    field = signed().removesuffix(PLAIN)
    names = re.sub(rb"\s", b"", field).partition(b"h=")[2].partition(b";")[0].split(b":")
    assert names.count(b"from") == 2
    assert names.count(b"cc") == 1
    assert names.count(b"sender") == 0


def test_one_click_unsubscribing_is_signed() -> None:
    field = sign(
        b"List-Unsubscribe: <https://x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" + PLAIN, [KEY], NOW
    )
    assert {b"list-unsubscribe", b"list-unsubscribe-post"} <= set(re.split(rb"[:;=]", re.sub(rb"\s", b"", field)))


def test_a_signature_may_expire() -> None:
    message = sign(PLAIN, [KEY], NOW, expires_at=NOW + 10) + PLAIN
    assert [verify(message, now=NOW + later)[0].result for later in (10, 11)] == ["pass", "permerror"]


def test_nothing_is_signed_without_a_from_without_keys_or_with_a_header_without_end() -> None:
    assert sign(PLAIN.replace(b"From:", b"X:"), [KEY], NOW) == b""
    assert sign(PLAIN, [], NOW) == b""
    assert sign(b"X: y\r\n" * 10_000 + PLAIN, [KEY], NOW) == b""


def test_a_bare_line_feed_is_signed_as_the_line_end_that_is_sent() -> None:
    message = PLAIN.replace(b"\r\n", b"\n")
    assert results(sign(message, [KEY], NOW) + PLAIN) == ["pass"]


def test_a_message_of_nothing_but_a_header_is_signed() -> None:
    for message in (b"From: a@example.org\r\n\r\n", b"From: a@example.org\r\n", b"From: a@example.org"):
        assert results(sign(message, [KEY, RSA], NOW) + message) == ["pass", "pass"]


@pytest.mark.parametrize("algorithm", [RSA_SHA256, ED25519_SHA256])
def test_a_key_survives_its_storage_and_its_export(algorithm: Algorithm) -> None:
    stored = new_key(algorithm)
    key = KeyAtSelector("example.org", "x", SigningKey(stored))
    assert key.key.algorithm == algorithm
    assert SigningKey(stored).record() == key.key.record()
    if algorithm == RSA_SHA256:
        assert import_key(pem(key)) == stored
        assert key.key.bits == 2048


@pytest.mark.parametrize("text", [b"", b"-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n", b"\0" * 99])
def test_what_is_no_private_key_is_not_taken(text: bytes) -> None:
    with pytest.raises(ValueError, match="PEM"):
        import_key(text)
