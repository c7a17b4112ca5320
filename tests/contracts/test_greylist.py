"""Greylisting on every engine: who has to wait, and for how long somebody is known."""

from __future__ import annotations

import msgspec
import pytest

from pillarbox.services.greylisting import Attempt, Greylisting, forget_old, is_known, seconds_to_wait
from pillarbox.storage.store import Store
from tests.directory_fixture import SetClock

ATTEMPT = Attempt("198.51.100.7", "ann@example.net", "bob@example.org")
MINUTE, DAY = 60_000, 86_400_000


class Listener:
    """A server that greylists, and a clock."""

    def __init__(self, store: Store, settings: Greylisting) -> None:
        assert isinstance(store.clock, SetClock)
        self.store, self.clock, self.settings = store, store.clock, settings

    def wait(self, attempt: Attempt = ATTEMPT, after_ms: int = 0) -> int:
        """What an attempt is told after some time; 0: it passes."""
        self.clock.now += after_ms
        with self.store.snapshot() as view:
            if is_known(view, attempt, self.settings):
                return 0
        return self.store.write(lambda tx: seconds_to_wait(tx, attempt, self.settings))


@pytest.fixture
def listener(store: Store) -> Listener:
    return Listener(store, Greylisting())


def test_a_new_sender_waits_and_passes_when_it_comes_again_in_time(listener: Listener) -> None:
    assert listener.wait() == 300
    assert listener.wait(after_ms=MINUTE) == 240
    assert listener.wait(after_ms=4 * MINUTE) == 0
    assert listener.wait() == 0


def test_who_comes_back_from_a_neighbouring_address_is_known(listener: Listener) -> None:
    assert listener.wait() == 300
    assert listener.wait(msgspec.structs.replace(ATTEMPT, address="198.51.100.200"), 5 * MINUTE) == 0
    assert listener.wait(Attempt("2001:db8:0:1::1", "a@b.example", "bob@example.org")) == 300
    assert listener.wait(Attempt("2001:db8:0:1:ffff::9", "a@b.example", "bob@example.org"), 5 * MINUTE) == 0


@pytest.mark.parametrize(
    "other",
    [
        Attempt("198.51.101.7", ATTEMPT.sender, ATTEMPT.recipient),
        Attempt(ATTEMPT.address, "", ATTEMPT.recipient),
        Attempt(ATTEMPT.address, ATTEMPT.sender, "carol@example.org"),
    ],
)
def test_another_network_sender_or_recipient_waits_for_itself(listener: Listener, other: Attempt) -> None:
    listener.wait()
    assert listener.wait(after_ms=5 * MINUTE) == 0
    assert listener.wait(other) == 300


def test_who_comes_again_too_late_begins_anew(listener: Listener) -> None:
    assert listener.wait() == 300
    assert listener.wait(after_ms=2 * DAY) == 300
    assert listener.wait(after_ms=5 * MINUTE) == 0


def test_who_passed_is_known_for_long_after_its_last_mail(listener: Listener) -> None:
    listener.wait()
    assert listener.wait(after_ms=5 * MINUTE) == 0
    assert listener.wait(after_ms=30 * DAY) == 0
    assert listener.wait(after_ms=30 * DAY) == 0
    assert listener.wait(after_ms=36 * DAY) == 300


def test_a_network_whose_mail_comes_again_often_is_trusted(listener: Listener) -> None:
    for number in range(5):
        attempt = Attempt(ATTEMPT.address, f"{number}@example.net", ATTEMPT.recipient)
        assert listener.wait(attempt) == 300
        assert listener.wait(attempt, 5 * MINUTE) == 0
    assert listener.wait(Attempt("198.51.100.99", "new@example.com", "carol@example.org")) == 0
    assert listener.wait(Attempt("198.51.100.99", "new@example.com", "carol@example.org"), 40 * DAY) == 300


def test_one_that_sends_the_same_again_and_again_makes_its_network_no_better(listener: Listener) -> None:
    listener.wait()
    for _ in range(10):
        assert listener.wait(after_ms=DAY + MINUTE) == 0
    assert listener.wait(Attempt(ATTEMPT.address, "other@example.net", ATTEMPT.recipient)) == 300


def test_no_network_is_trusted_when_none_is_to_be(store: Store) -> None:
    listener = Listener(store, Greylisting(trusted_after=0))
    for number in range(7):
        attempt = Attempt(ATTEMPT.address, f"{number}@example.net", ATTEMPT.recipient)
        assert listener.wait(attempt) == 300
        assert listener.wait(attempt, 5 * MINUTE) == 0


def test_what_is_old_is_forgotten(listener: Listener) -> None:
    listener.wait()
    listener.wait(after_ms=5 * MINUTE)
    listener.wait(Attempt("203.0.113.1", "never@example.net", "bob@example.org"))

    def rows() -> int:
        return listener.store.write(lambda tx: len(tx.db.rows("SELECT digest FROM greylist")))

    assert rows() == 3
    for days, left in ((1, 3), (2, 2), (30, 2), (4, 0)):
        listener.clock.now += days * DAY
        assert not listener.store.write(lambda tx: forget_old(tx, listener.settings))
        assert rows() == left
