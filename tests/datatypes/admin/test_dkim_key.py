from typing import Any

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.admin.dkim_key import DKIM_KEY
from pillarbox.formats.mailauth.key_record import parse_key_record, verifies
from pillarbox.formats.mailauth.signing_key import RSA_SHA256, SigningKey
from tests.directory_fixture import Office

KEY = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"  # of RFC 8032 §7.1, test 1
PEM = f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def domain(office: Office) -> str:
    id: str = office.records("Domain")[0]["id"]
    return id


def add(office: Office, domain: str, **given: Any) -> dict[str, Any]:
    made = office.create("DkimKey", domainId=domain, **{"algorithm": "ed25519-sha256", **given})
    return office.get("DkimKey", made["id"])


def test_a_key_has_a_selector_of_its_month_and_a_record_for_what_it_signs(office: Office, domain: str) -> None:
    key = add(office, domain, algorithm=RSA_SHA256)
    assert key["dnsName"] == "202311r._domainkey.example.org"
    assert key["domain"] == "example.org"
    assert key["state"] == "published"
    assert key["activatedAt"] is None
    (stored,) = office.store.read(lambda view: view.all(DKIM_KEY, DIRECTORY))
    signature = SigningKey(stored.secret).sign(b"x" * 32)
    assert verifies(parse_key_record(key["record"].encode()), b"x" * 32, signature)


def test_selectors_of_a_month_are_numbered_and_may_be_chosen(office: Office, domain: str) -> None:
    selectors = [add(office, domain, **given)["selector"] for given in ({}, {}, {"selector": "mail"})]
    assert selectors == ["202311e", "202311e2", "mail"]
    with pytest.raises(Fault) as caught:
        add(office, domain, selector="mail")
    assert caught.value.kind is Kind.ALREADY_EXISTS


@pytest.mark.parametrize("selector", ["a.b", "UPPER", "-a", "a" * 64, "a b", "ü", "a\n"])
def test_a_selector_is_one_label(office: Office, domain: str, selector: str) -> None:
    with pytest.raises(Fault, match="selector"):
        add(office, domain, selector=selector)


def test_private_keys_are_never_shown(office: Office, domain: str) -> None:
    key = add(office, domain, privateKey=PEM)
    assert not {"privateKey", "secret"} & set(key)
    assert key["record"] == "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    for name in ("privateKey", "secret"):
        with pytest.raises(Fault):
            office.call("DkimKey/get", ids=None, properties=[name])


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({"privateKey": "nonsense"}, "privateKey"),
        ({"privateKey": PEM, "algorithm": "rsa-sha256"}, "algorithm"),
        ({"algorithm": "rsa-sha1"}, "algorithm"),
        ({"domainId": "d404"}, "domainId"),
        ({"state": "burnt"}, "state"),
        ({"secret": "x"}, "secret"),
        ({"record": "x"}, "record"),
    ],
)
def test_what_makes_no_key_is_refused(office: Office, domain: str, given: dict[str, Any], property: str) -> None:
    with pytest.raises(Fault) as caught:
        office.create("DkimKey", **{"domainId": domain, "algorithm": "ed25519-sha256", **given})
    assert caught.value.facts["properties"] == [property]
    assert office.records("DkimKey") == []


def test_one_key_of_each_algorithm_signs_and_the_one_before_it_retires(office: Office, domain: str) -> None:
    rsa = add(office, domain, algorithm=RSA_SHA256, state="active")
    first = add(office, domain, state="active")
    office.clock.forward(seconds=60)
    second = add(office, domain)
    office.update("DkimKey", second["id"], {"state": "active"})
    states = {key["id"]: (key["state"], key["activatedAt"], key["retiredAt"]) for key in office.records("DkimKey")}
    assert states == {
        rsa["id"]: ("active", "2023-11-14T22:13:20Z", None),
        first["id"]: ("retired", "2023-11-14T22:13:20Z", "2023-11-14T22:14:20Z"),
        second["id"]: ("active", "2023-11-14T22:14:20Z", None),
    }
    office.update("DkimKey", first["id"], {"state": "active"})
    assert office.get("DkimKey", second["id"])["state"] == "retired"


def test_a_key_that_has_signed_is_never_new_again_and_keeps_its_secret(office: Office, domain: str) -> None:
    key = add(office, domain, state="active")
    for patch in ({"state": "published"}, {"privateKey": PEM}, {"selector": "other"}):
        with pytest.raises(Fault):
            office.update("DkimKey", key["id"], patch)


def test_a_key_that_signs_is_not_destroyed(office: Office, domain: str) -> None:
    key = add(office, domain, state="active")
    with pytest.raises(Fault, match="retire it first"):
        office.destroy("DkimKey", key["id"])
    office.update("DkimKey", key["id"], {"state": "retired"})
    office.destroy("DkimKey", key["id"])
    assert office.records("DkimKey") == []


def test_the_keys_of_a_domain_go_with_it(office: Office, domain: str) -> None:
    other = office.create("Domain", name="example.net")["id"]
    kept = add(office, other, state="active")
    add(office, domain, state="active")
    office.destroy("Domain", domain)
    assert [key["id"] for key in office.records("DkimKey")] == [kept["id"]]


def test_keys_of_a_domain_are_found(office: Office, domain: str) -> None:
    key = add(office, domain, state="active")
    for filter in ({"domainId": domain}, {"state": "active"}):
        assert office.call("DkimKey/query", filter=filter)["ids"] == [key["id"]]
    assert office.call("DkimKey/query", filter={"domainId": "d404"})["ids"] == []
