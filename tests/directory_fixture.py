"""A store with a directory in a temporary folder, and short ways to change it as an administrator does."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY, Caller
from pillarbox.datatypes.admin.account import ACCOUNT, account_named
from pillarbox.datatypes.capability import ADMIN, APP_PASSWORD
from pillarbox.services.directory import caller_for, internal_administrator
from pillarbox.services.methods.request import Conversation, Request
from pillarbox.services.provision import connect_rules
from pillarbox.services.registry import METHODS
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.step import drive
from pillarbox.storage.store import Store

PASSWORD = "correct horse"


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def now_ms(self) -> int:
        return self.now

    def forward(self, *, seconds: float) -> None:
        self.now += int(seconds * 1000)


class Office:
    """The store, its clock, and an administrator's hand."""

    def __init__(self, store: Store, clock: SetClock) -> None:
        self.store, self.clock = store, clock

    def call(self, name: str, caller: Caller | None = None, **arguments: Any) -> dict[str, Any]:
        """The answer of one method; a Fault is raised."""
        caller = caller or internal_administrator()
        given = {"accountId": DIRECTORY, **arguments}
        talk = Conversation(METHODS, self.store.limits, caller, Request([ADMIN, APP_PASSWORD], [(name, given, "0")]))
        drive(talk.steps(), self.store.read, self.store.write)
        _, result, _ = talk.answers[0]
        if isinstance(result, Exception):
            raise result
        answer: dict[str, Any] = result
        return answer

    def create(self, type: str, caller: Caller | None = None, account: str = DIRECTORY, **given: Any) -> dict[str, Any]:
        """What the server says of a new record; a Fault is raised."""
        answer = self.call(f"{type}/set", caller, accountId=account, create={"new": given})
        return self._one(answer, "created", "notCreated", "new")

    def update(self, type: str, id: str, patch: Mapping[str, Any], **more: Any) -> None:
        self._one(self.call(f"{type}/set", update={id: dict(patch)}, **more), "updated", "notUpdated", id)

    def destroy(self, type: str, id: str, **more: Any) -> None:
        answer = self.call(f"{type}/set", destroy=[id], **more)
        if answer["notDestroyed"]:
            raise answer["notDestroyed"][id]

    def _one(self, answer: dict[str, Any], good: str, bad: str, key: str) -> dict[str, Any]:
        if answer[bad]:
            raise answer[bad][key]
        found: dict[str, Any] = answer[good][key] or {}
        return found

    def get(self, type: str, id: str) -> dict[str, Any]:
        (found,) = self.records(type, [id])
        return found

    def records(
        self, type: str, ids: list[str] | None = None, caller: Caller | None = None, account: str = DIRECTORY
    ) -> list[dict[str, Any]]:
        """The records as a client reads them, all when `ids` is None."""
        answer = self.call(f"{type}/get", caller, accountId=account, ids=ids)
        found: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(answer["list"]))
        return found

    def account(self, name: str, **given: Any) -> str:
        """A new account with a password; returns its id."""
        password = {} if given.get("kind") == "group" else {"password": PASSWORD}
        return str(self.create("Account", name=name, **{**password, **given})["id"])

    def caller(self, id: str) -> Caller:
        def find(view: Any) -> Caller:
            account = view.get(ACCOUNT, DIRECTORY, id)
            assert account is not None
            return caller_for(view, account)

        return self.store.read(find)

    def id_of(self, name: str) -> str | None:
        account = self.store.read(lambda view: account_named(view, name))
        return account.id if account is not None else None


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A directory with the domain example.org and no account."""
    connect_rules()
    clock = SetClock()
    store = EmbeddedStore(tmp_path / "data", clock=clock)
    store.write(lambda tx: tx.add_account(DIRECTORY))
    found = Office(store, clock)
    found.create("Domain", name="Example.ORG")
    yield found
    store.close()
