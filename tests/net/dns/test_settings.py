"""Which servers are asked, and whose word about validation is believed."""

from pathlib import Path

import pytest

from pillarbox.net.dns.settings import DnsSettings, Server, Servers, parse_server


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_servers_are_addresses_with_or_without_a_port(text: str, expected: tuple[str, int]) -> None:
    assert parse_server(text) == expected


@pytest.mark.parametrize(
    "text", ["", "dns.example.org", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "[::1", "[::1]53", "1:2"]
)
def test_names_and_ports_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        parse_server(text)


def test_the_word_of_a_resolver_on_loopback_is_believed_but_not_of_one_that_hands_on() -> None:
    given = "127.0.0.1", "::1", "192.0.2.1", "127.0.0.11"
    assert [s.is_trusted for s in Servers(DnsSettings(servers=given)).now()] == [True, True, False, False]
    assert {s.is_trusted for s in Servers(DnsSettings(servers=given, trust_ad=True)).now()} == {True}
    assert {s.is_trusted for s in Servers(DnsSettings(servers=given, trust_ad=False)).now()} == {False}


def test_without_settings_the_system_is_believed_and_read_anew_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# made by something\nnameserver 192.0.2.1\nsearch example.org\nnameserver ::1\nnameserver odd\n")
    servers = Servers(DnsSettings(resolv_conf=file))
    assert servers.now() == (Server("192.0.2.1"), Server("::1", is_trusted=True))
    file.write_text("nameserver 192.0.2.2\n")
    assert servers.now() == (Server("192.0.2.2"),)
    file.write_text("".join(f"nameserver 192.0.2.{n}\n" for n in range(9)))
    assert len(servers.now()) == 3


def test_a_system_that_names_none_is_asked_at_loopback(tmp_path: Path) -> None:
    assert Servers(DnsSettings(resolv_conf=tmp_path / "none")).now() == (Server("127.0.0.1", is_trusted=True),)
