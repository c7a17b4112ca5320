"""Quotas: always what the mail of the account amounts to."""

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes import capability
from pillarbox.datatypes.quota import UNLIMITED, charge, has_room
from pillarbox.services.mail.deliver import deliver
from tests.datatypes.account_data import call
from tests.directory_fixture import Office, office

__all__ = ["office"]
MESSAGE = b"From: a@example.org\r\nSubject: x\r\n\r\nhello\r\n"


@pytest.fixture
def alice(office: Office) -> str:
    return office.account("alice@example.org")


def used(office: Office, account: str) -> dict[str, int]:
    return {quota["id"]: quota["used"] for quota in call(office, account, "Quota/get", ids=None)["list"]}


def test_quotas_follow_every_message_in_and_out(office: Office, alice: str) -> None:
    assert used(office, alice) == {"octets": 0, "count": 0}
    one = office.store.write(lambda tx: deliver(tx, alice, MESSAGE))
    office.store.write(lambda tx: deliver(tx, alice, MESSAGE))
    assert used(office, alice) == {"octets": 2 * len(MESSAGE), "count": 2}
    call(office, alice, "Email/set", destroy=[one.id])
    assert used(office, alice) == {"octets": len(MESSAGE), "count": 1}


def test_a_message_past_the_limit_is_refused_and_not_counted(office: Office, alice: str) -> None:
    office.update("Account", alice, {"quotaOctets": 2 * len(MESSAGE) - 1})
    office.store.write(lambda tx: deliver(tx, alice, MESSAGE))
    with pytest.raises(Fault) as caught:
        office.store.write(lambda tx: deliver(tx, alice, MESSAGE))
    assert caught.value.kind is Kind.OVER_QUOTA
    assert used(office, alice) == {"octets": len(MESSAGE), "count": 1}
    assert office.store.read(lambda view: has_room(view, alice, len(MESSAGE) - 1))
    assert not office.store.read(lambda view: has_room(view, alice, len(MESSAGE)))


def test_what_shrinks_is_never_over_quota(office: Office, alice: str) -> None:
    email = office.store.write(lambda tx: deliver(tx, alice, MESSAGE))
    office.update("Account", alice, {"quotaOctets": 1, "quotaCount": 0})
    assert call(office, alice, "Email/set", destroy=[email.id])["destroyed"] == [email.id]
    assert used(office, alice) == {"octets": 0, "count": 0}


def test_the_administrators_limits_are_shown(office: Office, alice: str) -> None:
    office.update("Account", alice, {"quotaOctets": 1000})
    count, octets = call(office, alice, "Quota/get", ids=["count", "octets"])["list"]
    assert (octets["hardLimit"], octets["warnLimit"], octets["resourceType"]) == (1000, 900, "octets")
    assert (count["hardLimit"], count["warnLimit"], count["types"]) == (UNLIMITED, None, ["Email"])


def test_changes_tell_when_only_the_use_has_changed(office: Office, alice: str) -> None:
    state = call(office, alice, "Quota/get", ids=[])["state"]
    office.store.write(lambda tx: charge(tx, alice, 5, 0))
    page = call(office, alice, "Quota/changes", sinceState=state)
    assert (page["updated"], page["updatedProperties"]) == (["octets"], ["used"])
    office.update("Account", alice, {"quotaOctets": 1000})
    assert call(office, alice, "Quota/changes", sinceState=state)["updatedProperties"] is None


def test_quotas_are_shown_to_those_who_asked_for_mail(office: Office, alice: str) -> None:
    answer = call(office, alice, "Quota/get", (capability.CORE, capability.QUOTA), ids=["octets"])
    assert (answer["list"], answer["notFound"]) == ([], ["octets"])


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ({"name": "storage"}, ["octets"]),
        ({"scope": "account", "resourceType": "count"}, ["count"]),
        ({"type": "Email"}, ["octets", "count"]),
        ({"type": "Calendar"}, []),
    ],
)
def test_quotas_are_found_and_sorted(office: Office, alice: str, condition: dict[str, str], ids: list[str]) -> None:
    office.store.write(lambda tx: charge(tx, alice, 0, 7))
    answer = call(office, alice, "Quota/query", filter=condition, sort=[{"property": "used"}])
    assert answer["ids"] == ids


def test_there_is_no_way_to_set_a_quota(office: Office, alice: str) -> None:
    with pytest.raises(Fault) as caught:
        call(office, alice, "Quota/set", update={"octets": {"hardLimit": 1}})
    assert caught.value.kind is Kind.UNKNOWN_METHOD
