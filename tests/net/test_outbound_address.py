"""Addresses as an attacker would write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.net.outbound_address import AddressPolicy

PUBLIC = ("1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:831::200e")
PRIVATE = (
    "0.0.0.0",  # noqa: S104 -- an address to refuse, not to bind
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",  # IPv4-compatible, deprecated
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:101:101::",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert AddressPolicy().is_allowed(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not AddressPolicy().is_allowed(address)


@pytest.mark.parametrize("text", ["", "localhost", "2130706433", "0177.0.0.1", "1.1.1", "1.1.1.1/32", " 1.1.1.1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not AddressPolicy(["0.0.0.0/0", "::/0"]).is_allowed(text)


def test_a_network_that_is_allowed_by_name_may_be_reached_and_its_neighbours_not() -> None:
    policy = AddressPolicy(["127.0.0.0/8", "fd12::/16", "10.1.2.3"])
    assert policy.is_allowed("127.9.9.9")
    assert policy.is_allowed("::ffff:127.0.0.1")
    assert policy.is_allowed("fd12::1")
    assert policy.is_allowed("10.1.2.3")
    assert not policy.is_allowed("10.1.2.4")
    assert not policy.is_allowed("fd13::1")
    assert not policy.is_allowed("::1")


def test_only_what_was_allowed_by_name_is_listed() -> None:
    policy = AddressPolicy(["127.0.0.0/8"])
    assert policy.is_listed("127.0.0.1")
    assert not policy.is_listed("1.1.1.1")


def test_a_nat64_address_is_as_public_as_the_one_inside() -> None:
    assert AddressPolicy().is_allowed("64:ff9b::1.1.1.1")


def test_a_network_that_cannot_be_read_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="example"):
        AddressPolicy(["example"])


@given(st.ip_addresses(v=4))
def test_what_we_allow_the_standard_library_calls_global(address: object) -> None:
    if AddressPolicy().is_allowed(str(address)):
        assert address.is_global  # type: ignore[attr-defined]


@given(st.ip_addresses(v=6))
def test_an_ipv6_address_that_we_allow_is_global_unicast(address: object) -> None:
    if AddressPolicy().is_allowed(str(address)):
        assert address.is_global  # type: ignore[attr-defined]
        assert not address.is_multicast  # type: ignore[attr-defined]
