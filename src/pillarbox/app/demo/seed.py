"""The demo's accounts and their mail: made once in a data directory, found there afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pillarbox.app.demo.sample import SampleMessage, sample_messages
from pillarbox.app.engine import Engine
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox, id_of_role
from pillarbox.datatypes.view import Transaction
from pillarbox.services.mail.deliver import delivery_keywords, store_in

DOMAIN = "example.org"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in to the demo."""

    name: str
    password: str
    description: str
    is_admin: bool = False


USERS = (
    User(f"alice@{DOMAIN}", "alice-demo", "Alice Example"),
    User(f"bob@{DOMAIN}", "bob-demo", "Bob Example"),
    User(f"carol@{DOMAIN}", "carol-demo", "Carol Example", is_admin=True),
)


def seed(engine: Engine, now_ms: int) -> bool:
    """Make the accounts and their mail, unless the domain is there already; returns whether it was made."""
    if engine.find("Domain", "name", DOMAIN) is not None:
        return False
    engine.create("Domain", {"name": DOMAIN, "description": "The demo"})
    ids = {}
    for user in USERS:
        given = {
            "name": user.name,
            "password": user.password,
            "description": user.description,
            "isAdmin": user.is_admin,
        }
        ids[user.name] = engine.create("Account", given)["id"]
    alice, bob, carol = ids.values()
    team = {"name": f"team@{DOMAIN}", "description": "The team", "kind": "group"}
    engine.create("Account", {**team, "delegates": {alice: "write", bob: "read"}})
    engine.create("Alias", {"address": f"info@{DOMAIN}", "targets": [alice, carol]})
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    for name, id in ids.items():
        messages = [(m, read_message(m.data)) for m in sample_messages(name.partition("@")[0], now)]
        engine.store.write(lambda tx, a=id, m=messages: _store(tx, a, m))  # type: ignore[misc]
    return True


def _store(tx: Transaction, account: str, messages: list[tuple[SampleMessage, Reading]]) -> None:
    for message, reading in messages:
        mailbox = id_of_role(tx, account, message.mailbox) or _mailbox_at(tx, account, message.mailbox)
        keywords = delivery_keywords(reading) | dict.fromkeys(message.keywords, True)
        store_in(tx, account, reading, {mailbox: True}, keywords, int(message.received_at.timestamp() * 1000))


def _mailbox_at(tx: Transaction, account: str, path: str) -> str:
    """The id of the mailbox at a path such as Projects/Mill Lane, made if need be."""
    parent: str | None = None
    for name in path.split("/"):
        found = [box for box in tx.all(MAILBOX, account) if box.parent_id == parent and box.name == name]
        if not found:
            found = [Mailbox(id=tx.new_id(MAILBOX), name=name, parent_id=parent, sort_order=100)]
            tx.write(MAILBOX, account, None, found[0])
        parent = found[0].id
    assert parent is not None
    return parent
