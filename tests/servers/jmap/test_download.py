"""Downloads: the octets under the client's type and name, locked up, whole or a range (RFC 8620 §6.2, RFC 9110 §14)."""

from urllib.parse import quote

import pytest

from tests.directory_fixture import Office
from tests.servers.web_fixture import Web, WebMaker

ALPHABET = b"abcdefghijklmnopqrstuvwxyz"


def test_a_download_has_the_type_and_name_that_the_client_asks_for(web: Web) -> None:
    reply = web.ask("GET", web.blob(b"<script>") + "/page.html?accept=" + quote("text/html; charset=utf-8", safe=""))
    assert (reply.status, reply.body) == (200, b"<script>")
    assert reply.header("content-type") == "text/html; charset=utf-8"
    assert reply.header("content-disposition") == 'attachment; filename="page.html"'
    assert reply.header("content-length") == "8"


def test_a_download_can_do_no_harm_in_a_browser(web: Web) -> None:
    reply = web.ask("GET", web.blob(b"<script>") + "/x.html?accept=text%2Fhtml")
    assert reply.header("content-security-policy").startswith("sandbox; default-src 'none'")
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("cross-origin-resource-policy") == "same-origin"
    assert reply.header("content-disposition").startswith("attachment")


def test_a_download_may_be_kept_for_good_by_the_client_alone(web: Web) -> None:
    assert web.ask("GET", web.blob(b"x") + "/x").header("cache-control") == "private, immutable, max-age=31536000"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("%E2%82%AC%20rates.txt", "attachment; filename=\"_ rates.txt\"; filename*=UTF-8''%E2%82%AC%20rates.txt"),
        ("a%2Fb.txt", 'attachment; filename="a/b.txt"'),
        ("a/b.txt", 'attachment; filename="a/b.txt"'),
        ("100%25.txt", "attachment; filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
        ("say%20%22hi%22.txt", "attachment; filename=\"say _hi_.txt\"; filename*=UTF-8''say%20%22hi%22.txt"),
        ("x%0D%0ASet-Cookie%3A%20a", 'attachment; filename="x__Set-Cookie: a"'),
        ("", "attachment"),
        ("%FF%FE", "attachment; filename=\"__\"; filename*=UTF-8''%EF%BF%BD%EF%BF%BD"),
    ],
)
def test_a_name_is_told_in_every_alphabet_and_never_leaves_its_header(web: Web, name: str, expected: str) -> None:
    assert web.ask("GET", f"{web.blob(b'x')}/{name}").header("content-disposition") == expected


@pytest.mark.parametrize("type", ["", "html", "text/html%0D%0ASet-Cookie:x", "text/h%C3%A9", "text%2Fplain%00"])
def test_a_type_that_is_none_becomes_octets(web: Web, type: str) -> None:
    reply = web.ask("GET", f"{web.blob(b'x')}/n?accept={type}")
    assert reply.header("content-type") == "application/octet-stream"
    assert reply.header("set-cookie") == ""


def test_a_plus_in_a_type_stays_a_plus(web: Web) -> None:
    path = web.blob(b"<svg/>")
    for written in ("image%2Fsvg%2Bxml", "image/svg+xml"):
        assert web.ask("GET", f"{path}/x?accept={written}").header("content-type") == "image/svg+xml"


@pytest.mark.parametrize(
    ("value", "body", "content_range"),
    [
        ("bytes=0-3", b"abcd", "bytes 0-3/26"),
        ("bytes=24-", b"yz", "bytes 24-25/26"),
        ("bytes=20-999", b"uvwxyz", "bytes 20-25/26"),
        ("bytes=-2", b"yz", "bytes 24-25/26"),
        ("bytes=-999", ALPHABET, "bytes 0-25/26"),
        ("BYTES=25-25", b"z", "bytes 25-25/26"),
    ],
)
def test_a_range_is_answered_with_a_part(web: Web, value: str, body: bytes, content_range: str) -> None:
    reply = web.ask("GET", web.blob(ALPHABET) + "/n", {"range": value})
    assert (reply.status, reply.body, reply.header("content-range")) == (206, body, content_range)
    assert reply.header("content-length") == str(len(body))


@pytest.mark.parametrize("value", ["bytes=0-1,3-4", "lines=1-2", "bytes=5-2", "bytes=x-", "bytes=-", "bytes 0-1"])
def test_a_range_that_is_none_is_ignored(web: Web, value: str) -> None:
    reply = web.ask("GET", web.blob(ALPHABET) + "/n", {"range": value})
    assert (reply.status, reply.body) == (200, ALPHABET)
    assert reply.header("accept-ranges") == "bytes"


@pytest.mark.parametrize("value", ["bytes=26-", "bytes=99-100", "bytes=-0"])
def test_a_range_past_the_end_cannot_be_satisfied(web: Web, value: str) -> None:
    reply = web.ask("GET", web.blob(ALPHABET) + "/n", {"range": value})
    assert reply.problem()[0] == 416
    assert reply.header("content-range") == "bytes */26"


def test_a_range_holds_only_for_the_blob_that_the_client_knows(web: Web) -> None:
    path = web.blob(ALPHABET) + "/n"
    tag = web.ask("GET", path).header("etag")
    assert web.ask("GET", path, {"range": "bytes=0-0", "if-range": tag}).status == 206
    assert web.ask("GET", path, {"range": "bytes=0-0", "if-range": '"other"'}).status == 200
    assert web.ask("GET", path, {"range": "bytes=0-0", "if-range": "Wed, 21 Oct 2015 07:28:00 GMT"}).status == 200


def test_a_blob_that_the_client_has_is_not_sent_again(web: Web) -> None:
    path = web.blob(ALPHABET) + "/n"
    tag = web.ask("GET", path).header("etag")
    reply = web.ask("GET", path, {"if-none-match": f'"x", W/{tag}'})
    assert (reply.status, reply.body, reply.header("etag")) == (304, b"", tag)


@pytest.mark.parametrize("size", [26, 400_000])
def test_head_tells_the_size_without_the_octets(make_web: WebMaker, size: int) -> None:
    web = make_web(blob_inline_octets=1_000)
    reply = web.ask("HEAD", web.blob(b"x" * size) + "/n")
    assert (reply.status, reply.body, reply.header("content-length")) == (200, b"", str(size))


def test_a_large_blob_comes_whole(make_web: WebMaker) -> None:
    web = make_web(blob_inline_octets=1_000)
    data = bytes(range(256)) * 4_000
    reply = web.ask("GET", web.blob(data) + "/n")
    assert (reply.status, reply.body == data) == (200, True)
    part = web.ask("GET", web.blob(data) + "/n", {"range": "bytes=1000-1009"})
    assert part.body == data[1000:1010]


def test_a_slice_of_a_blob_is_decoded_as_its_id_says(web: Web) -> None:
    path = web.blob(b"Header: x\r\n\r\naGVsbG8=\r\n")
    assert web.ask("GET", path + "-13-8-b/n").body == b"hello"
    assert web.ask("HEAD", path + "-13-8-b/n").header("content-length") == "5"
    assert web.ask("GET", path + "-13-8-i/n").body == b"aGVsbG8="
    assert web.ask("GET", path + "-13-800-b/n").problem()[0] == 404


@pytest.mark.parametrize("blob", ["nonexistent-blob-xyz", "b" + "0" * 32, "..", "%2e%2e%2fx", ""])
def test_an_unknown_blob_is_not_found(web: Web, blob: str) -> None:
    assert web.ask("GET", f"/jmap/download/{web.ids['alice']}/{blob}/n").problem()[0] == 404


def test_a_blob_is_found_only_in_its_account(office: Office, web: Web) -> None:
    alices = web.blob(ALPHABET)
    assert web.ask("GET", alices + "/n", user="bob").problem()[0] == 404
    in_bobs = alices.replace(web.ids["alice"], web.ids["bob"])
    assert web.ask("GET", in_bobs + "/n", user="bob").problem()[0] == 404
    office.update("Account", web.ids["bob"], {"delegates": {web.ids["alice"]: "read"}})
    assert web.ask("GET", in_bobs + "/n").problem()[0] == 404


def test_a_download_needs_credentials(web: Web) -> None:
    assert web.ask("GET", web.blob(ALPHABET) + "/n", user=None).problem()[0] == 401
