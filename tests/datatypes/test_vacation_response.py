"""The vacation response: there is always exactly one."""

from typing import Any

import pytest

from pillarbox.core.clock import from_date
from pillarbox.core.faults import Kind
from pillarbox.datatypes.vacation_response import VacationResponse
from tests.datatypes.account_data import call
from tests.directory_fixture import Office, office

__all__ = ["office"]
EMPTY = {
    "id": "singleton",
    "isEnabled": False,
    "fromDate": None,
    "toDate": None,
    "subject": None,
    "textBody": None,
    "htmlBody": None,
}


@pytest.fixture
def alice(office: Office) -> str:
    return office.account("alice@example.org")


def change(office: Office, account: str, **patch: Any) -> Any:
    return call(office, account, "VacationResponse/set", update={"singleton": patch})


def test_it_is_there_before_anybody_has_changed_it(office: Office, alice: str) -> None:
    for ids in (None, ["singleton"]):
        assert call(office, alice, "VacationResponse/get", ids=ids)["list"] == [EMPTY]
    answer = call(office, alice, "VacationResponse/get", ids=["other"], properties=["subject"])
    assert (answer["list"], answer["notFound"]) == ([], ["other"])


def test_the_first_change_is_stored_and_the_next_builds_on_it(office: Office, alice: str) -> None:
    first = change(office, alice, isEnabled=True, fromDate="2026-03-01T00:00:00Z")
    assert first["updated"] == {"singleton": None}
    assert first["oldState"] != first["newState"]
    change(office, alice, subject="Away")
    assert call(office, alice, "VacationResponse/get", ids=None)["list"] == [
        {**EMPTY, "isEnabled": True, "fromDate": "2026-03-01T00:00:00Z", "subject": "Away"}
    ]
    change(office, alice, subject=None)
    assert call(office, alice, "VacationResponse/get", ids=None)["list"][0]["subject"] is None


def test_a_change_of_nothing_is_no_change(office: Office, alice: str) -> None:
    for patch in ({}, {"isEnabled": False}, {"id": "singleton"}):
        answer = change(office, alice, **patch)
        assert answer["updated"] == {"singleton": None}
        assert answer["oldState"] == answer["newState"]


def test_it_can_be_neither_made_nor_destroyed(office: Office, alice: str) -> None:
    answer = call(
        office,
        alice,
        "VacationResponse/set",
        create={"v": {"isEnabled": True}},
        update={"singleton": {"subject": "x"}, "other": {}},
        destroy=["singleton"],
    )
    assert answer["notCreated"]["v"].kind is Kind.SINGLETON
    assert answer["notDestroyed"]["singleton"].kind is Kind.SINGLETON
    assert answer["notUpdated"]["other"].kind is Kind.NOT_FOUND
    assert answer["updated"] == {"singleton": None}


@pytest.mark.parametrize(
    ("patch", "names"),
    [
        ({"fromDate": "2026-03-01", "toDate": "soon"}, ["fromDate", "toDate"]),
        ({"toDate": "2026-03-01T00:00:00+01:00"}, ["toDate"]),
        ({"subject": "s" * 2000, "htmlBody": "h" * 300_000}, ["subject", "htmlBody"]),
        ({"isEnabled": "yes", "colour": 1}, ["isEnabled", "colour"]),
    ],
)
def test_wrong_properties_are_named_and_nothing_is_stored(
    office: Office, alice: str, patch: dict[str, Any], names: list[str]
) -> None:
    assert change(office, alice, **patch)["notUpdated"]["singleton"].facts["properties"] == names
    assert call(office, alice, "VacationResponse/get", ids=None)["list"] == [EMPTY]


@pytest.mark.parametrize(("now", "due"), [("2026-02-28", False), ("2026-03-01", True), ("2026-03-02", False)])
def test_it_is_due_from_the_first_date_until_before_the_last(now: str, due: bool) -> None:
    response = VacationResponse(
        id="singleton", is_enabled=True, from_date="2026-03-01T00:00:00Z", to_date="2026-03-02T00:00:00Z"
    )
    assert response.is_due(from_date(f"{now}T00:00:00Z") or 0) is due
