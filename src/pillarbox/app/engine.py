"""The engine for commands: JMAP method calls on the store itself, as an administrator. It works while a server runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from pillarbox.app.wiring import open_store
from pillarbox.core.account import DIRECTORY, Access, Caller
from pillarbox.core.faults import Fault
from pillarbox.core.limits import Limits
from pillarbox.datatypes.admin.account import ACCOUNT
from pillarbox.datatypes.registry import TYPES
from pillarbox.services.directory import internal_administrator
from pillarbox.services.methods.request import Conversation, Request
from pillarbox.services.registry import METHODS
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.step import drive


class Engine:
    """Runs one method call after the other."""

    def __init__(
        self, folder: Path, blobs: BlobStore | None = None, url: str | None = None, limits: Limits | None = None
    ) -> None:
        """Open the store in the data directory or at a URL. Raises StoreError."""
        self.store = open_store(folder, limits, blobs=blobs, url=url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def call(self, method: str, arguments: Mapping[str, Any], account: str = DIRECTORY) -> dict[str, Any]:
        """The answer of one method, as JSON values but for the faults of single records. Raises Fault."""
        using = sorted({m.capability for m in METHODS.values()})
        request = Request(using, [(method, {"accountId": account, **arguments}, "0")])
        talk = Conversation(METHODS, self.store.limits, _administrator(account), request)
        drive(talk.steps(), self.store.read, self.store.write)
        _, answer, _ = talk.answers[0]
        if isinstance(answer, Fault):
            raise answer
        out: dict[str, Any] = answer
        return out

    def records(self, type: str, ids: list[str] | None = None, account: str = DIRECTORY) -> list[dict[str, Any]]:
        """Records as a client reads them; all of them, in as many calls as it takes, when `ids` is None."""
        if ids is None:
            ids = self._all_ids(type, account)
        limit = self.store.limits.max_objects_in_get
        out: list[dict[str, Any]] = []
        for start in range(0, len(ids), limit):
            answer = self.call(f"{type}/get", {"ids": ids[start : start + limit]}, account)
            out += msgspec.json.decode(msgspec.json.encode(answer["list"]))
        return out

    def _all_ids(self, type: str, account: str) -> list[str]:
        kind = next(k for k in TYPES if k.name == type)
        return self.store.read(lambda view: view.ids(kind, account, -1))

    def create(self, type: str, given: Mapping[str, Any], account: str = DIRECTORY) -> dict[str, Any]:
        """Make a record; returns it whole, with what only the creation tells. Raises Fault."""
        answer = self.call(f"{type}/set", {"create": {"new": dict(given)}}, account)
        if answer["notCreated"]:
            raise answer["notCreated"]["new"]
        made = answer["created"]["new"]
        (record,) = self.records(type, [made["id"]], account)
        return {**record, **made}

    def update(self, type: str, id: str, patch: Mapping[str, Any], account: str = DIRECTORY) -> dict[str, Any]:
        """Change a record; returns it as it is then. Raises Fault."""
        answer = self.call(f"{type}/set", {"update": {id: dict(patch)}}, account)
        if answer["notUpdated"]:
            raise answer["notUpdated"][id]
        (record,) = self.records(type, [id], account)
        return record

    def destroy(self, type: str, id: str, account: str = DIRECTORY) -> None:
        """Destroy a record. Raises Fault."""
        answer = self.call(f"{type}/set", {"destroy": [id]}, account)
        if answer["notDestroyed"]:
            raise answer["notDestroyed"][id]

    def find(self, type: str, property: str, value: str) -> dict[str, Any] | None:
        """The directory's record with this value of an indexed property."""
        kind = next(k for k in TYPES if k.name == type)
        found = self.store.read(lambda view: view.find(kind, DIRECTORY, property, [value]))
        return self.records(type, [found[0][1]])[0] if found else None

    def account_names(self) -> dict[str, str]:
        """The names of all accounts by id."""
        return {a.id: a.name for a in self.store.read(lambda view: view.all(ACCOUNT, DIRECTORY))}


def _administrator(account: str) -> Caller:
    caller = internal_administrator()
    if account == DIRECTORY:
        return caller
    return msgspec.structs.replace(caller, accounts={**caller.accounts, account: Access(account, account)})
