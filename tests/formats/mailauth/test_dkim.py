import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pillarbox.core.dns import Answer, Status, drive
from pillarbox.formats.mailauth.dkim import MAX_SIGNATURES, read_signatures, verify_signatures
from tests.formats.mailauth.published import DATA, KEY, NOW, PLAIN, RECORDS, Zone, signed, signed_with, told, verify
from tests.formats.mailauth.test_key_record import SHORT

NAME = "one._domainkey.example.org"
RECORD = RECORDS[NAME]
BARE = RECORD.partition("p=")[2]
PUBLISHED = {
    "brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "test._domainkey.football.example.com": "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6"
    "NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9Pzox"
    "ZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
    "sed._domainkey.test.ex": "v=DKIM1; k=ed25519; p=sPs07Vu29FpHT/80UXUcYHFOHifD4o2ZlP2+XUh9g6E=",
}


@pytest.mark.parametrize("name", ["rfc8463.eml", "dkimpy_football.eml", "exim_ed25519.eml"])
def test_published_messages_verify_and_do_not_once_they_were_changed(name: str) -> None:
    message = (DATA / name).read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert {verdict.result for verdict in verify(message, PUBLISHED)} == {"pass"}
    for old, new in ((b"From: ", b"From: x"), (b"\r\n\r\n", b"\r\n\r\nx")):
        changed = verify(message.replace(old, new, 1), PUBLISHED)
        assert {verdict.result for verdict in changed} == {"fail"}


def test_a_verdict_tells_domain_identity_selector_algorithm_and_the_beginning_of_the_signature() -> None:
    (verdict,) = verify(signed_with(d="Example.ORG", i='"a b"@Sub.example.org'))
    assert verdict.result == "pass"
    assert dict(verdict.properties[:4]) == {
        "header.d": "example.org",
        "header.i": '"ab"@sub.example.org',
        "header.s": "one",
        "header.a": "ed25519-sha256",
    }
    assert len(verdict.value("header.b") or "") == 8


@pytest.mark.parametrize("form", [None, "simple", "relaxed", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"])
def test_every_form_verifies_and_relaxed_ones_bear_what_relays_do_to_white_space(form: str | None) -> None:
    message = signed_with(c=form)
    assert told(message) == ("pass", None)
    header, body = (form or "simple").split("/") if "/" in (form or "") else (form or "simple", "simple")
    refolded = message.replace(b"Subject: Hello", b"SUBJECT:\r\n\tHello ")
    assert told(refolded)[0] == ("pass" if header == "relaxed" else "fail")
    trimmed = message.replace(b"Hi  there, \r\n", b"Hi there,\r\n")
    assert told(trimmed)[0] == ("pass" if body == "relaxed" else "fail")
    assert told(message + b"\r\n\r\n") == ("pass", None)


def test_what_was_changed_is_told_apart() -> None:
    message = signed()
    assert told(message.replace(b"Hello", b"Hullo")) == ("fail", "the signature does not verify")
    assert told(message.replace(b"Hi", b"Ho")) == ("fail", "the body was changed")


def test_a_message_without_a_signature_has_no_verdict() -> None:
    assert verify(PLAIN) == ()
    assert verify(b"") == ()
    assert verify(b"DKIM-Signature") == ()


@pytest.mark.parametrize(
    ("tags", "result", "reason"),
    [
        ({"v": "2"}, "neutral", "the signature is of another version"),
        ({"v": None}, "neutral", "the signature is of another version"),
        ({"a": "rsa-sha1"}, "policy", "SHA-1 is not accepted"),
        ({"a": "rsa-md5"}, "neutral", "an unknown algorithm"),
        ({"a": None}, "neutral", "the tag a is missing"),
        ({"bh": None}, "neutral", "the tag bh is missing"),
        ({"bh": "%%%"}, "neutral", "no base64 in bh"),
        ({"bh": ""}, "fail", "the body was changed"),
        ({"h": None}, "neutral", "the tag h is missing"),
        ({"h": "to:subject"}, "permerror", "From is not signed"),
        ({"h": ""}, "permerror", "From is not signed"),
        ({"h": "from" + ":x" * 1000}, "neutral", "too many names of fields"),
        ({"c": "nowsp"}, "neutral", "an unknown form"),
        ({"c": "relaxed/"}, "neutral", "an unknown form"),
        ({"d": "example..org"}, "neutral", "no name in d"),
        ({"d": "legitimate.com(.attacker.com"}, "neutral", "no name in d"),
        ({"d": "x" * 64 + ".org"}, "neutral", "no name in d"),
        ({"d": "a." * 127 + "org"}, "neutral", "no name in d"),
        ({"s": ""}, "neutral", "no name in s"),
        ({"s": "one\r\n two"}, "neutral", "no name in s"),
        ({"q": "http"}, "neutral", "the key is not in the DNS"),
        ({"t": "soon"}, "neutral", "t is no number"),
        ({"x": "9" * 13}, "neutral", "x is no number"),
        ({"l": "-1"}, "neutral", "l is no number"),
        ({"i": "ada"}, "neutral", "no @ in i"),
        ({"i": "@example.com"}, "permerror", "i is not within d"),
        ({"i": "@notexample.org"}, "permerror", "i is not within d"),
        ({"t": "5", "x": "4"}, "neutral", "the signature expires before it was made"),
        ({"x": str(NOW - 1)}, "permerror", "the signature has expired"),
        ({"t": str(NOW + 90_000)}, "permerror", "the signature is of the future"),
    ],
)
def test_a_signature_that_cannot_be_good_is_told_without_asking_the_dns(
    tags: dict[str, str | None], result: str, reason: str
) -> None:
    zone = Zone(RECORDS)
    (verdict,) = drive(verify_signatures(read_signatures(signed_with(**tags)), NOW), zone)
    assert (verdict.result, verdict.reason) == (result, reason)
    assert zone.asked == []


@pytest.mark.parametrize(
    "tags",
    [
        {"t": str(NOW + 80_000), "x": str(NOW + 90_000)},
        {"x": str(NOW)},
        {"q": "http:dns/txt"},
        {"z": "From:somebody=20else@example.com|Subject:x"},
        {"r": "y", "unknown": "x=y"},
        {"i": "ada@sub.example.org"},
        {"h": "from : to:x-none:Subject:from:dkim-signature"},
    ],
)
def test_terms_that_are_odd_but_right_verify(tags: dict[str, str | None]) -> None:
    assert told(signed_with(**tags)) == ("pass", None)


@pytest.mark.parametrize("value", ["AAAA\r\n", "====", "A", "AA==AA", "\u00e9", "A" * 100_000])
def test_a_broken_or_huge_value_is_no_signature(value: str) -> None:
    message = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=one; h=from; bh=; b=" + value.encode() + b"\r\n"
    assert told(message + PLAIN)[0] in {"neutral", "fail"}


@pytest.mark.parametrize(
    ("record", "result", "reason"),
    [
        (RECORD + "; t=y", "neutral", "the signer is testing"),
        (RECORD + "; t=s", "pass", None),
        (RECORD + "; s=calendar", "permerror", "the key is not for mail"),
        (RECORD + "; s=calendar:email; h=sha256", "pass", None),
        (RECORD + "; h=sha1", "permerror", "the key is not for SHA-256"),
        ("v=DKIM1; k=ed25519; p=", "permerror", "the key was revoked"),
        (f"v=DKIM1; p={BARE}", "permerror", "the key is of another type"),
        ("v=DKIM1; k=ed25519; p=QUJD", "permerror", "the key is no Ed25519 key"),
        ("v=DKIM1; k=ed25519; p=" + "A" * 43 + "=", "fail", "the signature does not verify"),
        ("v=spf1 -all", "permerror", "the key record is of another version"),
        (None, "permerror", "there is no key"),
        (Answer(Status.NO_DATA), "permerror", "there is no key"),
        (Answer(Status.FAILED), "temperror", "the key could not be asked for"),
        (Answer(Status.FOUND, (b"v=spf1 -all", RECORD.encode())), "pass", None),
        (Answer(Status.FOUND, (RECORD.encode(),), canonical_name="keys.example.net"), "pass", None),
        (Answer(Status.FOUND, (b"x",) * 4 + (RECORD.encode(),)), "permerror", "the key record is no list of tags"),
        (Answer(Status.FOUND, (b"p=" + b"A" * 60_000,)), "permerror", "the key record is too long"),
    ],
)
def test_the_key_decides(record: str | Answer | None, result: str, reason: str | None) -> None:
    records = {} if record is None else {NAME: record}
    assert told(signed_with(), records) == (result, reason)


def test_a_strict_key_signs_for_its_own_domain_only() -> None:
    records = {NAME: RECORD + "; t=s"}
    assert told(signed_with(i="ada@example.org"), records) == ("pass", None)
    assert told(signed_with(i="@sub.example.org"), records) == ("permerror", "i is below d")


def test_a_key_of_less_than_1024_bits_is_refused_and_one_of_1024_is_tried() -> None:
    message = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=one; h=from; bh=%s; b=%s\r\n"
    bh = signed_with().partition(b"bh=")[2].partition(b";")[0]
    short = message % (bh, b"QUJD") + PLAIN
    assert told(short, {NAME: f"v=DKIM1; p={SHORT}"})[0] in {"policy", "permerror"}
    public = rsa.generate_private_key(65_537, 1024).public_key()  # noqa: S505 -- the least that is tried
    text = base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    assert told(short, {NAME: f"v=DKIM1; p={text}"})[0] == "fail"


def test_text_after_the_signed_length_is_nobodys() -> None:
    whole = len(PLAIN.partition(b"\r\n\r\n")[2])
    assert told(signed_with(l=str(whole))) == ("pass", None)
    assert told(signed_with(l=str(whole)) + b"<b>Pay here</b>\r\n") == ("policy", "a part of the body is not signed")
    assert told(signed_with(l="0")) == ("policy", "a part of the body is not signed")
    assert told(signed_with(l=str(whole + 1))) == ("fail", "the body is shorter than was signed")
    assert told(signed_with(l="9" * 76)) == ("fail", "the body is shorter than was signed")


@pytest.mark.parametrize("name", [b"From", b"Subject", b"To", b"Date", b"subject"])
def test_a_second_field_on_top_of_a_signed_one_is_seen(name: bytes) -> None:
    message = signed_with(h="from:to:subject:date")
    result, reason = told(name + b": evil\r\n" + message)
    assert (result, reason) == ("policy", f"there are more fields {name.decode().lower()} than were signed")
    below = message.replace(b"To: bob", name + b": evil\r\nTo: bob")
    assert told(below)[0] == "policy"


def test_a_second_field_breaks_a_signature_that_is_sealed_against_it() -> None:
    message = signed()
    for name in (b"From", b"Cc", b"Reply-To", b"Content-Type"):
        assert told(name + b": evil\r\n" + message) in {
            ("fail", "the signature does not verify"),
            ("policy", f"there are more fields {name.decode().lower()} than were signed"),
        }


def test_a_message_that_was_signed_with_two_of_a_field_verifies() -> None:
    message = b"Subject: other\r\n" + PLAIN
    assert told(signed_with(message, h="from:subject:subject")) == ("pass", None)


def test_only_so_many_signatures_are_looked_at_and_each_key_is_asked_for_once() -> None:
    message = signed()
    field = message.removesuffix(PLAIN)
    other = field.replace(b"s=one", b"s=two")
    zone = Zone(RECORDS)
    signatures = read_signatures(field * 5 + other * 400 + PLAIN)
    verdicts = drive(verify_signatures(signatures, NOW), zone)
    assert [verdict.result for verdict in verdicts] == ["pass"] * 5 + ["permerror"] * 5 + ["policy"]
    assert verdicts[-1].reason == f"{405 - MAX_SIGNATURES} signatures are not looked at"
    assert sorted(zone.asked) == [NAME, "two._domainkey.example.org"]


def test_a_header_of_ten_thousand_fields_is_not_hashed() -> None:
    assert told(b"X: y\r\n" * 10_000 + signed()) == ("policy", "the header is too large")


def test_names_in_unicode_are_asked_for_as_a_labels() -> None:
    record = KEY.key.record()
    zone = Zone({"schl\u00fcssel".encode("idna").decode() + "._domainkey.xn--bcher-kva.example": record})
    message = signed_with(d="B\u00fccher.example", s="schl\u00fcssel")
    (verdict,) = drive(verify_signatures(read_signatures(message), NOW), zone)
    assert (verdict.result, verdict.value("header.d")) == ("pass", "xn--bcher-kva.example")


def test_an_earlier_signature_may_be_signed_but_never_the_signature_itself() -> None:
    twice = signed_with(signed(), h="from:dkim-signature:dkim-signature")
    assert [verdict.result for verdict in verify(twice)] == ["pass", "pass"]
    without = twice.replace(signed().removesuffix(PLAIN), b"")
    assert told(without) == ("fail", "the signature does not verify")
