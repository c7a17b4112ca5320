"""Keys are made for domains, published, seen, used, retired and removed."""

import asyncio

import pytest

from pillarbox.app.wiring import bridge_to
from pillarbox.services.dkim_rotation import Timing
from pillarbox.workers.dkim_keys import DkimKeys
from tests.directory_fixture import Office, office
from tests.support.txt_table import TxtTable

__all__ = ["office"]

TIMING = Timing(rotate_days=90, prepublish_hours=48, retire_days=14)
_DAY = 86_400


class Dns(TxtTable):
    """A DNS that an administrator fills from what the server says it needs."""

    def publish(self, office: Office) -> None:
        """Put in all records, as people do: with spaces."""
        for key in office.records("DkimKey"):
            self.put(key["dnsName"], key["record"].replace("; p=", " ;p= "))

    def put(self, name: str, record: str) -> None:
        """Put in one record, beside another that the name has."""
        self.records[name] = [b"v=spf1 -all", record.encode()]


def rounds(office: Office, dns: Dns | None, days: float = 0, timing: Timing = TIMING) -> list[str]:
    """A round of the worker after so many days; what there is then."""

    async def once() -> None:
        bridge = bridge_to(office.store)
        await DkimKeys(bridge, timing, dns).once()
        await bridge.close()

    office.clock.forward(seconds=days * _DAY)
    asyncio.run(once())
    return sorted(f"{key['selector']} {key['state']}" for key in office.records("DkimKey"))


def test_a_domain_without_keys_gets_one_of_each_kind_and_signs(office: Office) -> None:
    assert rounds(office, None) == ["202311e active", "202311r active"]
    assert rounds(office, None) == ["202311e active", "202311r active"]
    office.create("Domain", name="example.net")
    assert len(rounds(office, None)) == 4


def test_no_keys_are_made_where_the_settings_say_so(office: Office) -> None:
    assert rounds(office, None, timing=Timing(make_keys=False)) == []


def test_without_rotation_keys_stay(office: Office) -> None:
    rounds(office, None)
    assert rounds(office, None, 5_000, Timing()) == ["202311e active", "202311r active"]


def test_a_key_is_replaced_in_time_with_an_overlap_on_both_sides(office: Office) -> None:
    dns = Dns({})
    rounds(office, dns)
    dns.publish(office)
    assert rounds(office, dns, 87.9) == ["202311e active", "202311r active"]
    both = ["202311e active", "202311r active", "202402e published", "202402r published"]
    assert rounds(office, dns, 0.2) == both
    dns.publish(office)
    assert rounds(office, dns, 1.9) == both
    after = ["202311e retired", "202311r retired", "202402e active", "202402r active"]
    assert rounds(office, dns, 0.2) == after
    assert rounds(office, dns, 13.9) == after
    assert rounds(office, dns, 0.2) == ["202402e active", "202402r active"]


def test_a_new_key_does_not_sign_before_its_record_is_seen(office: Office) -> None:
    dns = Dns({})
    rounds(office, dns)
    rounds(office, dns, 88)
    waiting = ["202311e active", "202311r active", "202402e published", "202402r published"]
    assert rounds(office, dns, 30) == waiting
    dns.put("202402r._domainkey.example.org", "v=DKIM1; k=rsa; p=QUJD")
    assert rounds(office, dns) == waiting
    dns.publish(office)
    dns.is_up = False
    assert rounds(office, dns) == waiting
    dns.is_up = True
    del dns.records["202402e._domainkey.example.org"]
    assert rounds(office, dns) == ["202311e active", "202311r retired", "202402e published", "202402r active"]


def test_without_a_resolver_time_decides(office: Office) -> None:
    rounds(office, None)
    rounds(office, None, 88)
    assert rounds(office, None, 2) == ["202311e retired", "202311r retired", "202402e active", "202402r active"]


@pytest.mark.parametrize("state", ["retired", "published"])
def test_only_keys_that_sign_are_replaced(office: Office, state: str) -> None:
    domain = office.records("Domain")[0]["id"]
    office.create("DkimKey", domainId=domain, algorithm="ed25519-sha256", selector="own", state=state)
    timing = Timing(rotate_days=1, prepublish_hours=2_000, retire_days=2_000)
    assert rounds(office, None, 10, timing) == [f"own {state}"]
