"""Parts that an older version has stored come to where they are kept in order, and are found on their way."""

from itertools import pairwise
from pathlib import Path

from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.imap_part import NAME
from pillarbox.services.backup.run import back_up
from pillarbox.services.verify.run import verify
from pillarbox.storage import part
from pillarbox.storage.removal import remove_step
from pillarbox.storage.transaction import Transaction
from tests.support.copy import digests, repository, restored
from tests.support.mail_house import House, message


def make_old(house: House) -> None:
    """All printed parts are where the version before had them."""

    def body(tx: Transaction) -> None:
        columns = "account, type, name, id, body"
        tx.db.run(f"INSERT INTO part ({columns}) SELECT {columns} FROM ordered_part")  # noqa: S608
        tx.db.run("DELETE FROM ordered_part")
        tx.db.run("INSERT INTO unordered_part SELECT id, 'Email', 'imap', '' FROM account")

    house.store.write(body)


def order_step(house: House) -> bool:
    def body(tx: Transaction) -> bool:
        account = part.unordered(tx.db)
        if account is not None:
            tx.lock(account)
            part.order_step(tx.db, account)
        return account is not None

    return house.store.write(body)


def counts(house: House) -> tuple[int, int]:
    """How many printed parts are among others, and how many are in order."""
    tables = ("part WHERE name = 'imap'", "ordered_part WHERE name = 'imap'")
    with house.store.snapshot() as view:
        one, other = (view.db.rows(f"SELECT COUNT(*) FROM {table}")[0][0] for table in tables)  # noqa: S608
    return int(str(one)), int(str(other))


def shown(house: House, ids: list[str]) -> dict[str, bytes]:
    return house.store.read(lambda view: view.parts(EMAIL, "a1", ids, NAME))


def add(house: House, count: int, account: str = "a1") -> list[str]:
    return [house.add(message(subject=f"number {n}."), account=account) for n in range(count)]


def test_new_parts_are_in_order_from_the_beginning(house: House) -> None:
    add(house, 3)
    assert counts(house) == (0, 3)


def test_old_parts_are_found_while_they_are_moved_and_after(house: House) -> None:
    ids = add(house, 450)
    before = shown(house, ids)
    assert len(before) == 450
    make_old(house)
    ids += add(house, 40)
    before |= shown(house, ids[450:])
    seen = [counts(house)]
    while order_step(house):
        assert shown(house, ids) == before
        assert shown(house, ids[::-1]) == before
        assert shown(house, ids[7:9]) == {id: before[id] for id in ids[7:9]}
        seen.append(counts(house))
    assert seen[0] == (450, 40)
    assert seen[-1] == (0, 490)
    steps = [old - new for (old, _), (new, _) in pairwise(seen)]
    assert max(steps) == 200
    assert all(sum(pair) == 490 for pair in seen)
    assert verify(house.store).is_sound
    house.destroy("Email", *ids[450:])
    assert shown(house, ids) == {id: before[id] for id in ids[:450]}


def test_an_account_has_the_same_digest_wherever_its_parts_are(house: House) -> None:
    add(house, 250)
    new = digests(house.store)
    make_old(house)
    assert digests(house.store) == new
    order_step(house)
    assert digests(house.store) == new


def test_what_is_destroyed_before_its_part_was_moved_leaves_none(house: House) -> None:
    ids = add(house, 10)
    make_old(house)
    house.destroy("Email", *ids[:4])
    while order_step(house):
        pass
    assert counts(house) == (0, 6)
    house.destroy("Email", *ids[4:])
    assert counts(house) == (0, 0)
    assert verify(house.store).is_sound


def test_an_account_is_removed_with_all_of_its_parts_in_steps(house: House) -> None:
    add(house, 4, "a2")
    add(house, 1_100)
    make_old(house)
    for _ in range(5):
        order_step(house)
    add(house, 4)
    steps = 1
    while not house.store.write(lambda tx: remove_step(tx.db, "a1")):
        steps += 1
    assert steps > 2
    assert counts(house) == (4, 0) or counts(house) == (0, 4)
    while order_step(house):
        pass
    assert counts(house) == (0, 4)


def test_a_backup_of_old_parts_comes_back_with_its_parts_in_order(house: House, tmp_path: Path) -> None:
    ids = add(house, 20)
    before = shown(house, ids)
    make_old(house)
    source = repository(tmp_path / "backups")
    back_up(house.store, source)
    copy = restored(source, tmp_path / "copy")
    assert digests(copy) == digests(house.store)
    with copy.snapshot() as view:
        assert view.parts(EMAIL, "a1", ids, NAME) == before
        assert view.db.row("SELECT COUNT(*) FROM part WHERE name = 'imap'") == (0,)
    assert verify(copy).is_sound
    copy.close()
