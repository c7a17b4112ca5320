"""Messages that failed and wait in the store to be told of, on both engines."""

from __future__ import annotations

import msgspec
import pytest

from pillarbox.services.dmarc_failure import Failure, failure_of
from pillarbox.services.reports.failure_letter import FailureLetters, queue_failures
from pillarbox.services.reports.waiting_failure import due_failures, store_failures
from pillarbox.storage.store import Store
from tests.directory_fixture import SetClock
from tests.support.failed_mail import RUF, authenticated, peer, signature


def failed(
    address: str = "192.0.2.66", author: str = "sender.example", at: int = 1_700_000_000, incidents: int = 1
) -> Failure:
    broken = signature(author, "fail", "the body was changed")
    failure = failure_of(authenticated(RUF, broken, author=author), peer(address, now=at), "reject")
    assert failure is not None
    return msgspec.structs.replace(failure, incidents=incidents, header=b"Subject: \xff\x00\r\n")


class Desk:
    """What waits in a store whose clock can be moved."""

    def __init__(self, store: Store) -> None:
        assert isinstance(store.clock, SetClock)
        self.store, self.clock = store, store.clock
        self.clock.now = 1_700_000_000_000

    def put(self, *failures: Failure) -> None:
        self.store.write(lambda tx: store_failures(tx, failures))

    def due(self, *, after: int = 60) -> list[Failure]:
        self.clock.forward(seconds=after)
        return self.store.read(lambda view: due_failures(view, 1000))

    def end(self, *failures: Failure) -> None:
        found = [FailureLetters(one, ()) for one in failures]
        self.store.write(lambda tx: queue_failures(tx, found, 10))


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store)


def test_what_was_stored_comes_back_as_it_was(desk: Desk) -> None:
    desk.put(failed(incidents=3))
    assert desk.due() == [failed(incidents=3)]


def test_what_fails_alike_waits_as_one_wherever_it_came_for_a_minute(desk: Desk) -> None:
    desk.put(failed(incidents=3))
    desk.put(failed(incidents=2), failed("192.0.2.67"))
    assert desk.due(after=59) == []
    assert [(one.address, one.incidents) for one in desk.due(after=1)] == [("192.0.2.66", 5), ("192.0.2.67", 1)]


def test_it_waits_until_somebody_has_ended_it(desk: Desk) -> None:
    desk.put(failed(), failed("192.0.2.67"))
    first, second = desk.due()
    assert desk.due() == [first, second]
    desk.end(first)
    desk.end(first)
    assert desk.due() == [second]


def test_after_it_was_ended_its_like_waits_for_an_hour(desk: Desk) -> None:
    desk.put(failed())
    desk.end(*desk.due())
    desk.put(failed(at=desk.clock.now // 1000))
    desk.put(failed(at=desk.clock.now // 1000))
    assert desk.due(after=3599) == []
    assert [one.incidents for one in desk.due(after=1)] == [2]


def test_one_source_one_domain_and_all_together_take_no_more_than_their_room(desk: Desk) -> None:
    desk.put(*(failed(author=f"d{number}.example") for number in range(100)))
    assert len(desk.due()) == 10
    desk.put(*(failed(f"198.51.100.{number}") for number in range(100)))
    assert len(desk.due()) == 60
    desk.put(*(failed(f"10.0.{n // 250}.{n % 250}", author=f"e{n // 40}.example") for n in range(1000)))
    assert len(desk.due()) == 500


def test_what_nobody_told_of_for_a_day_is_forgotten(desk: Desk) -> None:
    desk.put(failed())
    assert len(desk.due(after=86_400)) == 1
    assert desk.due(after=61) == []
    desk.put(failed("192.0.2.67", at=desk.clock.now // 1000))
    rows = desk.store.read(lambda view: view.db.rows("SELECT network FROM waiting_failure"))
    assert [str(row[0]) for row in rows] == ["192.0.2.67"]
