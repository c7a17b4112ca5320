import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pillarbox.formats.mailauth.key_record import BadKey, WeakKey, parse_key_record, verifies
from pillarbox.formats.mailauth.signing_key import RSA_SHA256, SigningKey, new_key

# A key of 512 bits that dkimpy's tests sign with: nobody must make one any more, and we cannot.
SHORT = (
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANmBe10IgY+u7h3enWTukkqtUD5PR52Tb/mPfjC0QJTocVBq6Za/PlzfV+Py92VaCak19F4Wrb"
    "VTK5Gg5tW220MCAwEAAQ=="
)


def test_a_record_that_says_little_is_for_rsa_any_hash_and_all_services() -> None:
    record = parse_key_record(b"p=QUJD")
    assert (record.type, record.key, record.hashes, record.is_for_mail) == ("rsa", b"ABC", None, True)
    assert not record.is_testing
    assert not record.is_strict


def test_services_hashes_and_flags_are_read_and_unknown_ones_passed_over() -> None:
    record = parse_key_record(
        b"v=DKIM1; k=ed25519; h=sha1 : SHA256; s=calendar:email; t=y : s:x; n=note; g=*; p=Q U\r\n JD"
    )
    assert record.hashes == ("sha1", "sha256")
    assert record.is_for_mail
    assert record.is_testing
    assert record.is_strict
    assert not parse_key_record(b"p=QUJD; s=calendar").is_for_mail


def test_an_empty_key_is_a_revoked_one() -> None:
    assert parse_key_record(b"v=DKIM1; p=").key == b""


@pytest.mark.parametrize(
    "record",
    [
        b"v=DKIM2; p=QUJD",
        b"p=QUJD; v=DKIM1",
        b"v=dkim1; p=QUJD",
        b"v=DKIM1; k=rsa",
        b"v=DKIM1; p=Q",
        b"v=DKIM1; p=QUJD!",
        b"v=spf1 -all",
        b"",
        b"v=DKIM1; p=QUJD; p=QUJD",
        b"\xff\xfe",
        b"v=DKIM1; n=" + b"x" * 5000 + b"; p=QUJD",
    ],
)
def test_what_is_no_key_record_is_refused(record: bytes) -> None:
    with pytest.raises(BadKey):
        parse_key_record(record)


def check(type: str, octets: bytes) -> bool:
    text = f"v=DKIM1; k={type}; p={base64.b64encode(octets).decode()}"
    return verifies(parse_key_record(text.encode()), b"x" * 32, b"y" * 256)


def test_an_rsa_key_may_stand_there_without_its_identifier() -> None:
    key = rsa.generate_private_key(65_537, 1024)  # noqa: S505 -- the least that is tried
    public = key.public_key()
    signing = SigningKey(new_key(RSA_SHA256))
    for form in (PublicFormat.PKCS1, PublicFormat.SubjectPublicKeyInfo):
        assert not check("rsa", public.public_bytes(Encoding.DER, form))
    assert verifies(parse_key_record(signing.record().encode()), b"x" * 32, signing.sign(b"x" * 32))


def test_keys_that_are_too_short_or_absurdly_long_are_told_apart_from_broken_ones() -> None:
    with pytest.raises(BadKey):
        check("rsa", base64.b64decode(SHORT))
    huge = rsa.RSAPublicNumbers(65_537, (1 << 9000) | 1).public_key()
    with pytest.raises(WeakKey):
        check("rsa", huge.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize("octets", [b"x", b"\x30\x80", b"\0" * 300, b"\x30\x82\xff\xff" + b"x" * 200])
def test_octets_that_are_no_key_are_refused(octets: bytes) -> None:
    for type in ("rsa", "ed25519"):
        with pytest.raises(BadKey):
            check(type, octets)


def test_a_key_of_another_kind_is_refused() -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    octets = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for type in ("rsa", "ed25519", "dsa"):
        with pytest.raises(BadKey):
            check(type, octets)
