from __future__ import annotations

import pytest

from pillarbox.formats.mailauth.authentication_results import (
    AuthenticationResults,
    parse_results,
    remove_forged,
    results_to_bytes,
)
from pillarbox.formats.mailauth.verdict import Verdict

SPF = Verdict("spf", "pass", properties=(("smtp.mailfrom", "me@example.org"),))
OURS = ["mx.example.com"]


def printed(*verdicts: Verdict, is_utf8: bool = False) -> str:
    return results_to_bytes("mx.example.com", verdicts, is_utf8=is_utf8).decode()


def unfolded(*verdicts: Verdict) -> str:
    return printed(*verdicts).replace("\r\n ", " ").removesuffix("\r\n")


def test_results_are_written_each_with_what_it_is_about() -> None:
    dkim = Verdict("dkim", "fail", "bad signature", (("header.d", "example.org"), ("header.b", "abc/+=")))
    assert unfolded(SPF, dkim) == (
        "Authentication-Results: mx.example.com; spf=pass smtp.mailfrom=me@example.org;"
        ' dkim=fail reason="bad signature" header.d=example.org header.b="abc/+="'
    )
    assert all(len(line) <= 78 for line in printed(SPF, dkim).splitlines())


def test_without_results_there_is_none() -> None:
    assert printed() == "Authentication-Results: mx.example.com; none\r\n"
    assert parse_results(b" mx.example.com; none") == AuthenticationResults("mx.example.com")
    assert parse_results(b" mx.example.com 1; none") == AuthenticationResults("mx.example.com")


@pytest.mark.parametrize(
    "evil",
    [
        "x; dkim=pass header.d=bank.example",
        'x" ; dkim=pass header.d=bank.example; x="',
        "x\r\nAuthentication-Results: mx.example.com; dkim=pass header.d=bank.example",
        "x\nFrom: ceo@bank.example\n\nbody",
        "x (comment",
        "x) dkim=pass",
        "x\\",
        'x\\"; dmarc=pass',
        "\x00\x1b[2J\x7f",
        "é; dkim=pass",
        "a=b",
        "",
        " ",
        "x" * 5000,
    ],
)
def test_no_text_of_a_sender_looks_like_a_result(evil: str) -> None:
    verdicts = (
        Verdict("spf", "fail", evil, (("smtp.mailfrom", evil), ("smtp.helo", f"{evil}@{evil}"))),
        Verdict("dmarc", "fail", None, (("header.from", evil),)),
    )
    for is_utf8 in (False, True):
        octets = results_to_bytes("mx.example.com", verdicts, is_utf8=is_utf8)
        assert octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r")
        assert all(line.startswith(b" ") for line in octets.split(b"\r\n")[1:-1])
        assert octets.isascii() or is_utf8
        read = parse_results(octets.partition(b":")[2])
        assert read is not None
        assert [(verdict.method, verdict.result) for verdict in read.verdicts] == [("spf", "fail"), ("dmarc", "fail")]
        assert [name for name, _ in read.verdicts[0].properties] == ["smtp.mailfrom", "smtp.helo"]


def test_a_property_that_is_none_is_left_out_and_a_method_that_is_none_refused() -> None:
    assert unfolded(Verdict("spf", "pass", None, (("smtp.mail from", "x"), ("smtp", "x"), ("a.b=c;d", "x")))).endswith(
        "spf=pass"
    )
    with pytest.raises(ValueError, match="no method"):
        printed(Verdict("spf=pass; dkim", "pass"))
    with pytest.raises(ValueError, match="no method"):
        printed(Verdict("spf", "pass; x=y"))


def test_an_address_of_many_scripts_is_utf8_only_where_the_message_is() -> None:
    verdict = Verdict("spf", "pass", None, (("smtp.mailfrom", "né@bücher.example"),))
    assert 'smtp.mailfrom="né@bücher.example"' in printed(verdict, is_utf8=True)
    assert 'smtp.mailfrom="n?@xn--bcher-kva.example"' in printed(verdict)


def test_what_others_write_is_read() -> None:
    # After the examples of RFC 8601 Appendix B.
    value = b""" example.com (mail host);
        auth=pass (cram-md5) smtp.auth=sender@example.net; spf=pass smtp.mailfrom=example.net;
        dkim = pass (good (very) signature) reason = "good \\"key\\"" header.i=@mail.example.net header . d = x.example
        ; DKIM/1=Fail header.b="a;b"; junk; =; iprev=pass policy.iprev="2001:db8::1";;"""
    read = parse_results(value.replace(b"\n", b"\r\n"))
    assert read == AuthenticationResults(
        "example.com",
        (
            Verdict("auth", "pass", None, (("smtp.auth", "sender@example.net"),)),
            Verdict("spf", "pass", None, (("smtp.mailfrom", "example.net"),)),
            Verdict("dkim", "pass", 'good "key"', (("header.i", "@mail.example.net"), ("header.d", "x.example"))),
            Verdict("dkim", "fail", None, (("header.b", "a;b"),)),
            Verdict("iprev", "pass", None, (("policy.iprev", "2001:db8::1"),)),
        ),
    )


def test_a_field_of_nobody_is_not_read() -> None:
    assert parse_results(b"") is None
    assert parse_results(b" (mx.example.com); spf=pass") is None
    assert parse_results(b" ; spf=pass") is None


def test_very_many_results_are_read_in_part() -> None:
    read = parse_results(b"a" + b"; spf=pass smtp.mailfrom=x" * 9000)
    assert read is not None
    assert len(read.verdicts) == 100
    read = parse_results(b"a; spf=pass" + b" a.b=c" * 9000)
    assert read is not None
    assert len(read.verdicts[0].properties) == 30


@pytest.mark.parametrize(
    "field",
    [
        "Authentication-Results: mx.example.com; dkim=pass",
        "AUTHENTICATION-RESULTS :MX.Example.com.; dkim=pass",
        'Authentication-Results: "mx.example.com"; dkim=pass',
        'Authentication-Results: "mx\\.example.com"; dkim=pass',
        "Authentication-Results:\r\n (see (below))\r\n\tmx.example.com\r\n 1; dkim=pass",
        "Authentication-Results: mx.example.com/1; dkim=pass",
        "Authentication-Results: mx.example.com(x); dkim=pass",
        "Authentication-Results: ; dkim=pass",
        "Authentication-Results:",
    ],
)
def test_a_field_that_claims_to_be_ours_or_nobodys_is_removed(field: str) -> None:
    message = f"Subject: a\r\n{field}\r\nFrom: b@example.org\r\n\r\n{field}\r\n".encode()
    kept = f"Subject: a\r\nFrom: b@example.org\r\n\r\n{field}\r\n".encode()
    assert remove_forged(message, OURS) == kept
    assert remove_forged(message.replace(b"\r\n", b"\n"), OURS) == kept.replace(b"\r\n", b"\n")


def test_fields_of_others_stay_and_the_message_is_the_same_object() -> None:
    message = b"Authentication-Results: mx.example.net; dkim=pass\r\nAuthentication-Results: example.com; x=y\r\n\r\n"
    assert remove_forged(message, OURS) is message


def test_several_forged_fields_are_removed_the_last_of_a_cut_message_too() -> None:
    forged = b"Authentication-Results: mx.example.com; dkim=pass\r\n"
    assert remove_forged(forged + forged + b"A: b\r\n" + forged[:-2], OURS) == b"A: b\r\n"


def test_our_name_in_many_scripts_is_known_in_both_forms() -> None:
    message = "Authentication-Results: mx.bücher.example; dkim=pass\r\n\r\n".encode()
    assert remove_forged(message, ["mx.xn--bcher-kva.example"]) == b"\r\n"
