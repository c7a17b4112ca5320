"""URLs in the spellings by which readers have been led astray."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.net.outbound_url import UrlError, parse_url

HOSTILE = (
    "",
    "/push",
    "//push.example.com/x",
    "push.example.com",
    "ftp://push.example.com/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/",
    "https:/push.example.com",
    "https:push.example.com",
    "https://",
    "https:///path",
    "https://user@push.example.com/",
    "https://user:pass@push.example.com/",
    "https://push.example.com@127.0.0.1/",
    "https://127.0.0.1#@push.example.com/",
    "https://push.example.com\\@127.0.0.1/",
    "https://push.example.com\\.evil/",
    "https://push.example.com/#fragment",
    "https://push.example.com/a b",
    "https://push.example.com/\r\nX-Header: 1",
    "https://push.example.com/\n",
    "https://push.example.com\x00.evil/",
    "https://push.example.com:0/",
    "https://push.example.com:65536/",
    "https://push.example.com:-1/",
    "https://push.example.com:443:25/",
    "https://push.example.com:/",
    "https://push%2eexample.com/",
    "https://[::1/",
    "https://::1/",
    "https://[fe80::1%25eth0]/",
    "https://[127.0.0.1]/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://2130706433/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.0.1.2/",
    "https://256.1.1.1/",
    "https://1.2.3.0x/",
    "https://push..example.com/",
    "https://-push.example.com/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://push.example.com/" + "x" * 2_048,
    "https://push.example.com/é",
)


@pytest.mark.parametrize("url", HOSTILE)
def test_a_hostile_url_is_refused(url: str) -> None:
    with pytest.raises(UrlError):
        parse_url(url)


def test_a_url_is_taken_apart() -> None:
    url = parse_url("HTTPS://Push.Example.COM.:8443/a/b?c=d&e=%20")
    assert (url.scheme, url.host, url.port, url.target) == ("https", "push.example.com", 8443, "/a/b?c=d&e=%20")
    assert url.authority == "push.example.com:8443"
    assert url.origin == "https://push.example.com:8443"


def test_a_url_without_a_path_asks_for_the_root() -> None:
    assert parse_url("https://push.example.com").target == "/"
    assert parse_url("https://push.example.com?x=1").target == "/?x=1"


def test_the_default_port_is_not_told() -> None:
    assert parse_url("https://push.example.com:443/").authority == "push.example.com"


def test_addresses_are_known_as_such() -> None:
    assert parse_url("https://[2001:DB8::1]:444/").host == "2001:db8::1"
    assert parse_url("https://[2001:db8::1]:444/").authority == "[2001:db8::1]:444"
    assert parse_url("https://192.0.2.1/").is_address
    assert not parse_url("https://push.example.com/").is_address


def test_digits_of_another_script_make_an_address_too() -> None:
    assert parse_url("https://１２７.０.０.１/").host == "127.0.0.1"  # fullwidth
    assert parse_url("https://127。0。0。1/").is_address  # ideographic full stops


def test_an_international_name_is_put_into_its_ascii_form() -> None:
    assert parse_url("https://bücher.example/").host == "xn--bcher-kva.example"


@pytest.mark.parametrize(("port", "usual"), [(443, True), (8443, True), (25, False), (22, False), (80, False)])
def test_ports_of_other_services_are_told_from_those_of_http(port: int, usual: bool) -> None:
    assert parse_url(f"https://push.example.com:{port}/").is_usual_port is usual


@given(st.text(max_size=60))
def test_whatever_stands_after_the_scheme_gives_a_url_or_a_refusal(text: str) -> None:
    try:
        url = parse_url(f"https://{text}")
    except UrlError:
        return
    assert url.host.isascii()
    assert not set(url.host + url.target) & set(" \r\n\t\x00\\@" if "@" not in url.target else " \r\n\t\x00\\")
