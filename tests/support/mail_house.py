"""A store with accounts of mail under a clock that is set by hand, and short ways to call methods."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pillarbox.core.account import Access, Caller
from pillarbox.core.faults import Fault
from pillarbox.core.limits import Limits
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.servers.jmap.faults import method_error, set_error
from pillarbox.services.mail.deliver import store_in
from pillarbox.services.methods.request import Conversation, Request
from pillarbox.services.registry import METHODS
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.step import drive
from pillarbox.storage.store import Store
from tests.directory_fixture import SetClock

USING = sorted({method.capability for method in METHODS.values()})
ROLES = ("inbox", "drafts", "sent", "archive", "junk", "trash")
Json = Any


def _encode(value: Any) -> Any:
    if isinstance(value, Fault):
        return set_error(value)
    raise NotImplementedError(type(value).__name__)


def to_json(value: Any) -> Json:
    """What a client would read."""
    if isinstance(value, Fault):
        return method_error(value)
    return msgspec.json.decode(msgspec.json.encode(value, enc_hook=_encode))


def _addressed(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, with the account unless the method belongs to a user and knows of none."""
    method = METHODS.get(name)
    if method is not None and method.checks_arguments and not method.has_account:
        return {key: value for key, value in given.items() if key != "accountId"}
    return {"accountId": "a1", **given}


def message(
    subject: str = "Hello",
    body: str = "Some words.",
    *,
    headers: Mapping[str, str] | None = None,
    id: str | None = None,
) -> bytes:
    """A simple message with CRLF."""
    fields = {
        "From": "Ann Onymous <ann@example.org>",
        "To": "Bob <bob@example.net>",
        "Date": "Fri, 24 Nov 2023 10:00:00 +0000",
        "Subject": subject,
        **({"Message-ID": f"<{id}@example.org>"} if id else {}),
        "Content-Type": "text/plain; charset=utf-8",
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return (head + "\r\n" + body + "\r\n").encode()


class House:
    """The store, who calls, and what was called."""

    def __init__(self, store: Store, clock: SetClock) -> None:
        self.store, self.clock = store, clock
        self.caller = Caller(
            account="a1",
            username="ann@example.org",
            accounts={
                "a1": Access("a1", "ann@example.org"),
                "a2": Access("a2", "shared@example.org", is_personal=False),
                "r1": Access("r1", "boss@example.org", is_personal=False, is_read_only=True),
            },
        )
        self.box: dict[str, str] = {}
        for account in ("a1", "a2", "r1"):
            store.write(lambda tx, a=account: self._furnish(tx, a))  # type: ignore[misc]

    def _furnish(self, tx: Any, account: str) -> None:
        tx.add_account(account)
        for role in ROLES:
            id = tx.new_id(MAILBOX)
            tx.write(MAILBOX, account, None, Mailbox(id=id, name=role.title(), role=role))
            self.box[role if account == "a1" else f"{account}:{role}"] = id

    def request(
        self,
        *calls: tuple[str, dict[str, Any]],
        caller: Caller | None = None,
        using: list[str] | None = None,
        created_ids: dict[str, str] | None = None,
    ) -> list[tuple[str, Json, str]]:
        """The answers of one request; the calls' ids are 0, 1, 2 ..., their account is a1 unless they say another."""
        numbered = [(name, _addressed(name, given), str(at)) for at, (name, given) in enumerate(calls)]
        talk = Conversation(
            METHODS, self.store.limits, caller or self.caller, Request(using or USING, numbered, created_ids)
        )
        drive(talk.steps(), self.store.read, self.store.write)
        return [(name, to_json(answer), id) for name, answer, id in talk.answers]

    def call(self, name: str, **given: Any) -> Json:
        """The answer of one call, which has to succeed."""
        answer = self.request((name, given))[0]
        assert answer[0] == name, answer[1]
        return answer[1]

    def refuse(self, name: str, **given: Any) -> Json:
        """The error of one call, which has to fail."""
        answer = self.request((name, given))[0]
        assert answer[0] == "error", answer[1]
        return answer[1]

    def create(self, type: str, **given: Any) -> str:
        """The id of a record that is made."""
        account = given.pop("accountId", "a1")
        answer = self.call(f"{type}/set", accountId=account, create={"new": given})
        assert answer["notCreated"] is None, answer["notCreated"]
        return str(answer["created"]["new"]["id"])

    def update(self, type: str, id: str, patch: Mapping[str, Any], **more: Any) -> Json:
        """What is told of an update that succeeds."""
        answer = self.call(f"{type}/set", update={id: dict(patch)}, **more)
        assert answer["notUpdated"] is None, answer["notUpdated"]
        return answer["updated"][id]

    def not_updated(self, type: str, id: str, patch: Mapping[str, Any], **more: Any) -> Json:
        """The SetError of an update that is refused."""
        answer = self.call(f"{type}/set", update={id: dict(patch)}, **more)
        assert answer["updated"] is None
        assert answer["oldState"] == answer["newState"]
        return answer["notUpdated"][id]

    def not_created(self, type: str, given: Mapping[str, Any], **more: Any) -> Json:
        """The SetError of a create that is refused."""
        answer = self.call(f"{type}/set", create={"new": dict(given)}, **more)
        assert answer["created"] is None
        assert answer["oldState"] == answer["newState"]
        return answer["notCreated"]["new"]

    def destroy(self, type: str, *ids: str, **more: Any) -> None:
        answer = self.call(f"{type}/set", destroy=list(ids), **more)
        assert answer["notDestroyed"] is None, answer["notDestroyed"]

    def get(self, type: str, id: str, *properties: str, **more: Any) -> Json:
        """One record."""
        answer = self.call(f"{type}/get", ids=[id], **({"properties": list(properties)} if properties else {}), **more)
        assert answer["notFound"] == []
        return answer["list"][0]

    def every(self, type: str, *properties: str, **more: Any) -> dict[str, Json]:
        """All records by id."""
        answer = self.call(f"{type}/get", ids=None, **({"properties": list(properties)} if properties else {}), **more)
        return {record["id"]: record for record in answer["list"]}

    def state(self, type: str, **more: Any) -> str:
        return str(self.call(f"{type}/get", ids=[], **more)["state"])

    def query(self, type: str = "Email", filter: Json = None, **more: Any) -> list[str]:
        return list(self.call(f"{type}/query", filter=filter, **more)["ids"])

    def add(
        self,
        data: bytes | None = None,
        *boxes: str,
        account: str = "a1",
        keywords: Mapping[str, bool] | None = None,
        received_ms: int | None = None,
    ) -> str:
        """Store a message; boxes are roles (the inbox, if none is given) or ids. Returns the email's id."""
        prefix = "" if account == "a1" else f"{account}:"
        places = {self.box.get(prefix + box, box): True for box in boxes or ("inbox",)}
        reading = read_message(data or message())
        at = self.clock.now_ms() if received_ms is None else received_ms
        self.clock.forward(seconds=1)
        return self.store.write(lambda tx: store_in(tx, account, reading, places, keywords or {}, at)).id

    def upload(self, data: bytes, account: str = "a1") -> str:
        return self.store.write(lambda tx: tx.put_blob(account, data, pending=True))

    def dump(self) -> dict[str, list[Any]]:
        """Every row of the store, to compare."""
        with self.store.snapshot() as view:
            listing = (
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                if isinstance(self.store, EmbeddedStore)
                else "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
            )
            tables = [str(name) for (name,) in view.db.rows(listing)]
            return {name: sorted(view.db.rows(f"SELECT * FROM {name}"), key=repr) for name in tables}  # noqa: S608


def open_house(folder: Path, limits: Limits | None = None) -> House:
    clock = SetClock()
    return House(EmbeddedStore(folder / "data", clock=clock, limits=limits), clock)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A fresh house."""
    found = open_house(tmp_path)
    yield found
    found.store.close()
