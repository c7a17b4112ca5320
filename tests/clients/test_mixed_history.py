"""A short history of both protocols in every test run; longer ones by hand (see tests/clients/mixed_history.py)."""

from pathlib import Path

import pytest

from tests.clients.imap_view import Box, Memory, Row, compare
from tests.clients.mixed_history import live_together

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="who holds a connection is asked of Linux")
ROW = Row(1, frozenset({"\\Seen"}), "e1", "t1", 5, 100)
BOX = Box("INBOX", "m1", 7, 2, 5, 0, 1, [ROW])
MAILBOXES = {"m1": {"id": "m1", "name": "Inbox", "role": "inbox", "parentId": None, "totalEmails": 1}}
EMAIL = {"id": "e1", "mailboxIds": {"m1": True}, "keywords": {"$seen": True}, "threadId": "t1", "size": 100}


def test_clients_of_both_protocols_know_the_same_whenever_it_is_quiet(tmp_path: Path) -> None:
    live_together(tmp_path, steps=100, seed=20261128)


def test_what_is_the_same_is_found_the_same() -> None:
    compare({"m1": BOX}, MAILBOXES, {"e1": EMAIL})


@pytest.mark.parametrize(
    "change", [{"keywords": {}}, {"mailboxIds": {}}, {"threadId": "t2"}, {"size": 99}, {"id": "e2"}]
)
def test_a_difference_is_found_out(change: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        compare({"m1": BOX}, MAILBOXES, {"e1": {**EMAIL, **change}})


def test_a_uid_that_means_another_message_is_found_out() -> None:
    memory = Memory()
    memory.check({"m1": BOX})
    with pytest.raises(AssertionError, match="UID 1 was e1 and is e2"):
        memory.check({"m1": Box("INBOX", "m1", 7, 2, 5, 0, 1, [Row(1, frozenset(), "e2", "t1", 5, 100)])})
