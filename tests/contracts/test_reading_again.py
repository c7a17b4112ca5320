"""Who has read before reads what is there now, whoever has written it meanwhile and however little of it was told."""

from typing import Any

import msgspec
import pytest

from pillarbox.datatypes.app_password import APP_PASSWORD
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.quota import QUOTA
from pillarbox.datatypes.thread import THREAD
from pillarbox.storage.snapshot import Snapshot
from pillarbox.storage.store import Store
from tests.support.engine import Opener
from tests.support.history import History
from tests.support.mail_house import House

STORED: list[DataType[Any]] = [EMAIL, THREAD, MAILBOX, QUOTA]


def look(view: Snapshot) -> dict[str, Any]:
    """States and bodies, in all ways of asking."""
    out: dict[str, Any] = {}
    for kind in STORED:
        ids = [
            str(id) for (id,) in view.db.rows("SELECT id FROM record WHERE account = 'a1' AND type = ?", (kind.name,))
        ]
        one = {id: view.get(kind, "a1", id) for id in ids[:3]}
        out[kind.name] = (view.state(kind, "a1"), view.bodies(kind, "a1", ids), view.get_many(kind, "a1", ids), one)
    return out


def afresh(store: Store) -> dict[str, Any]:
    """The same by a reader who remembers nothing."""
    with store.snapshot() as view:
        view.recollection = None
        return look(view)


@pytest.mark.parametrize("seed", [3, 4])
def test_a_reader_sees_what_another_process_has_written(house: House, open_store: Opener, seed: int) -> None:
    history, other = History(house, seed), open_store()
    for _ in range(60):
        history.step()
        with other.snapshot() as view:
            seen = look(view)
        assert seen == afresh(other)


def test_a_reader_that_began_before_a_change_does_not_see_it_although_another_did(
    house: House, open_store: Opener
) -> None:
    other, email = open_store(), house.add()
    with other.snapshot() as view:
        before = view.bodies(EMAIL, "a1", [email])
        house.update("Email", email, {"keywords": {"$seen": True}})
        assert b"$seen" in other.read(lambda later: later.bodies(EMAIL, "a1", [email]))[email][0]
        assert view.bodies(EMAIL, "a1", [email]) == before
        assert view.get(EMAIL, "a1", email) == EMAIL.decoder.decode(before[email][0])
    assert b"$seen" in other.read(lambda later: later.bodies(EMAIL, "a1", [email]))[email][0]


def test_a_change_that_no_client_is_told_of_is_read_all_the_same(house: House, open_store: Opener) -> None:
    other = open_store()
    record = APP_PASSWORD.record(id="w1", label="phone", secret_digest="one")
    house.store.write(lambda tx: tx.write(APP_PASSWORD, "a1", None, record))
    assert other.read(lambda view: view.get(APP_PASSWORD, "a1", "w1")) == record
    silent = msgspec.structs.replace(record, secret_digest="two")
    house.store.write(lambda tx: tx.write(APP_PASSWORD, "a1", record, silent))
    assert other.read(lambda view: view.get(APP_PASSWORD, "a1", "w1")) == silent
