"""Who has a store open, what a machine that went down leaves behind, and the new epoch that then begins."""

import contextlib
import os
from pathlib import Path

import pytest

from pillarbox.core.faults import Fault
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox
from pillarbox.storage import presence
from pillarbox.storage.database import StoreError, SyncError
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.presence import Presence


def test_a_store_that_was_closed_lost_nothing_whatever_the_machine_did(tmp_path: Path) -> None:
    first = Presence(tmp_path, "boot-1")
    assert not first.begin()
    first.end()
    assert not Presence(tmp_path, "boot-2").begin()


def test_a_process_that_was_killed_lost_nothing_while_the_machine_ran_on(tmp_path: Path) -> None:
    killed = Presence(tmp_path, "boot-1")
    killed.begin()
    os.close(killed._file)  # as the kernel does
    assert not Presence(tmp_path, "boot-1").begin()


def test_a_machine_that_went_down_with_the_store_open_may_have_lost_something(tmp_path: Path) -> None:
    first = Presence(tmp_path, "boot-1")
    first.begin()
    os.close(first._file)
    killed = Presence(tmp_path, "boot-2")
    assert killed.begin()
    os.close(killed._file)  # before it had dealt with it
    second = Presence(tmp_path, "boot-2")
    assert second.begin()
    second.recovered()
    other = Presence(tmp_path, "boot-2")
    assert not other.begin()  # it was found out, once


def test_where_runs_of_the_machine_have_no_names_any_sudden_end_counts(tmp_path: Path) -> None:
    first = Presence(tmp_path, "")
    assert not first.begin()
    beside = Presence(tmp_path, "")
    assert not beside.begin()  # somebody has it open, so the machine has been running
    os.close(first._file)
    os.close(beside._file)
    assert Presence(tmp_path, "").begin()


def test_only_the_last_to_close_says_that_nothing_is_open(tmp_path: Path) -> None:
    first, second = Presence(tmp_path, "boot-1"), Presence(tmp_path, "boot-1")
    first.begin()
    second.begin()
    first.end()
    os.close(second._file)
    assert Presence(tmp_path, "boot-2").begin()


def test_a_doubt_stays_until_the_store_is_opened_anew_by_one_alone(tmp_path: Path) -> None:
    first, second = Presence(tmp_path, "boot-1"), Presence(tmp_path, "boot-1")
    first.begin()
    second.begin()
    first.doubt()
    third = Presence(tmp_path, "boot-1")
    with pytest.raises(StoreError, match="have to end"):
        third.begin()
    for one in (first, second, third):
        one.end()
    again = Presence(tmp_path, "boot-1")
    assert again.begin()
    again.recovered()
    again.end()
    assert not Presence(tmp_path, "boot-1").begin()


@pytest.mark.parametrize("octets", [b"x", b"\xff" * 64, b"boot-1 opem\n", b" \n"])
def test_what_nobody_wrote_is_no_proof_of_a_good_end(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / "open").write_bytes(octets)
    assert Presence(tmp_path, "boot-1").begin()


def test_states_from_before_the_machine_went_down_are_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EmbeddedStore(tmp_path / "data")
    store.write(lambda tx: tx.add_account("a"))
    store.write(lambda tx: tx.write(MAILBOX, "a", None, Mailbox(id="m1", name="one")))
    state = store.read(lambda view: view.state(MAILBOX, "a"))
    os.close(store.presence._file)  # the machine goes down: nobody closes anything
    store.presence._file = -1
    store.close()

    monkeypatch.setattr(presence, "boot_id", lambda: "another")
    again = EmbeddedStore(tmp_path / "data")
    later = again.read(lambda view: view.state(MAILBOX, "a"))
    assert later > state + 1000
    # A client may have seen a change that is lost, and the state that came with it.
    for known in (state, state + 1, state + 500):
        with contextlib.suppress(Fault):
            again.read(lambda view, known=known: view.changes(MAILBOX, "a", str(known), 10))  # type: ignore[misc]
            pytest.fail(f"changes since {known} were told")
    again.write(lambda tx: tx.write(MAILBOX, "a", None, Mailbox(id="m2", name="two")))
    page = again.read(lambda view: view.changes(MAILBOX, "a", str(later), 10))
    assert page.created == ["m2"]
    again.close()


def test_a_sync_that_fails_is_an_error_and_is_remembered(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path / "data")
    store.write(lambda tx: tx.add_account("a"))
    state = store.read(lambda view: view.state(MAILBOX, "a"))
    log, (end, other) = store.writer._log, os.pipe()  # a pipe cannot be synced
    store.writer._log = end
    with pytest.raises(SyncError, match="disk"):
        store.write(lambda tx: tx.write(MAILBOX, "a", None, Mailbox(id="m1", name="one")))
    store.writer._log = log
    os.close(end)
    os.close(other)
    store.close()
    again = EmbeddedStore(tmp_path / "data")
    assert again.read(lambda view: view.state(MAILBOX, "a")) > state + 1000
    again.close()
