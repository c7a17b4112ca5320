"""A user's forwarding and the account's in the directory are one thing, whoever changes it."""

from typing import Any

import msgspec
import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.capability import FORWARDING
from pillarbox.services.methods.request import Conversation, Request
from pillarbox.services.registry import METHODS
from pillarbox.storage.step import drive
from tests.directory_fixture import Office, office

__all__ = ["office"]


def call(office: Office, account: str, name: str, **given: Any) -> dict[str, Any]:
    """The answer to the account's owner."""
    arguments = {"accountId": account, **given}
    request = Request([FORWARDING], [(f"Forwarding/{name}", arguments, "0")])
    talk = Conversation(METHODS, office.store.limits, office.caller(account), request)
    drive(talk.steps(), office.store.read, office.store.write)
    _, answer, _ = talk.answers[0]
    assert isinstance(answer, dict), answer
    return answer


def change(office: Office, account: str, **patch: Any) -> Fault | None:
    answer = call(office, account, "set", update={"singleton": patch})
    refused: Fault | None = (answer["notUpdated"] or {}).get("singleton")
    return refused


def seen(office: Office, account: str) -> list[str]:
    answer = msgspec.json.decode(msgspec.json.encode(call(office, account, "get", ids=None)))
    (found,) = answer["list"]
    return list(found["addresses"])


def test_what_a_user_sets_the_directory_says(office: Office) -> None:
    alice = office.account("alice@example.org")
    assert change(office, alice, addresses=["A@Far.test", "a@far.test"], keepsCopy=False) is None
    account = office.get("Account", alice)
    assert (account["forwardTo"], account["keepsCopy"]) == (["A@far.test"], False)
    assert seen(office, alice) == ["A@far.test"]


def test_what_an_administrator_sets_the_user_sees(office: Office) -> None:
    alice = office.account("alice@example.org", forwardTo=["a@far.test"])
    assert seen(office, alice) == ["a@far.test"]
    office.update("Account", alice, {"forwardTo": []})
    assert seen(office, alice) == []


def test_who_may_not_forward_does_not_while_administrators_may(office: Office) -> None:
    alice = office.account("alice@example.org", mayForward=False)
    refused = change(office, alice, addresses=["a@far.test"])
    assert refused is not None
    assert refused.kind is Kind.FORBIDDEN
    assert office.get("Account", alice)["forwardTo"] == []
    office.update("Account", alice, {"forwardTo": ["b@far.test"]})
    assert seen(office, alice) == ["b@far.test"]


@pytest.mark.parametrize("wrong", [["x"], [f"a{n}@far.test" for n in range(21)], ["a@far.test\r\nDATA"]])
def test_what_cannot_be_forwarded_to_is_refused(office: Office, wrong: list[str]) -> None:
    alice = office.account("alice@example.org")
    refused = change(office, alice, addresses=wrong)
    assert refused is not None
    assert refused.facts["properties"] == ["addresses"]
