"""Holding back guesses: waits double, are bounded and end, and strangers cannot lock anybody out."""

import os
from collections.abc import Callable

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.services.failure_table import FailureTable
from pillarbox.services.throttle import Throttle, network_of
from tests.directory_fixture import SetClock

HERE, AWAY = "192.0.2.1", "198.51.100.9"


def wait(throttle: Throttle, address: str, name: str) -> int:
    try:
        throttle.check(address, name)
    except Fault as fault:
        return int(fault.facts["retry_after"]) if fault.kind is Kind.RATE_LIMIT else -1
    return 0


def test_waits_for_a_name_double_up_to_a_minute() -> None:
    clock = SetClock()
    throttle, waits = Throttle(clock), []
    for n in range(18):
        throttle.note_failure(f"10.0.0.{n}", "alice")
        waits.append(wait(throttle, "10.0.1.1", "alice"))
        clock.forward(seconds=waits[-1])
    assert waits == [0] * 9 + [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_an_address_that_tries_many_names_waits_longer_and_longer() -> None:
    clock = SetClock()
    throttle = Throttle(clock)
    for n in range(40):
        throttle.note_failure(HERE, f"name {n}")
    assert wait(throttle, HERE, "anybody") == 900
    assert wait(throttle, AWAY, "anybody") == 0


def test_failures_are_forgotten_after_an_hour() -> None:
    clock = SetClock()
    throttle = Throttle(clock)
    for _ in range(15):
        throttle.note_failure(HERE, "alice")
    clock.forward(seconds=3601)
    throttle.note_failure(HERE, "alice")
    assert wait(throttle, HERE, "alice") == 0


def test_strangers_do_not_hold_back_who_logged_in_from_their_own_address() -> None:
    throttle = Throttle(SetClock())
    throttle.note_success(HERE, "alice")
    for n in range(30):
        throttle.note_failure(f"10.0.0.{n}", "alice")
    assert wait(throttle, HERE, "alice") == 0
    assert wait(throttle, AWAY, "alice") == 60
    for _ in range(10):
        throttle.note_failure(HERE, "alice")
    assert wait(throttle, HERE, "alice") == 1


def test_a_success_does_not_clear_the_failures_of_its_address() -> None:
    throttle = Throttle(SetClock())
    for n in range(25):
        throttle.note_failure(HERE, f"name {n}")
    throttle.note_success(HERE, "mallory")
    assert wait(throttle, HERE, "alice") > 0


def test_many_failures_do_not_crowd_out_who_logged_in() -> None:
    throttle = Throttle(SetClock())
    throttle.note_success(HERE, "alice")
    for n in range(20_000):
        throttle.note_failure("", f"name {n}")
    for n in range(12):
        throttle.note_failure(f"10.0.0.{n}", "alice")
    assert (wait(throttle, HERE, "alice"), wait(throttle, AWAY, "alice") > 0) == (0, True)


def in_a_child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_failures_of_one_process_hold_back_in_another() -> None:
    throttle = Throttle(SetClock())

    def fail() -> None:
        for n in range(8):
            throttle.note_failure(f"10.0.0.{n}", "alice")

    assert in_a_child(fail) == 0
    assert wait(throttle, AWAY, "alice") == 0
    assert in_a_child(fail) == 0
    assert wait(throttle, AWAY, "alice") == 60


def test_a_process_that_dies_with_the_table_locked_leaves_it_free() -> None:
    table = FailureTable()

    def die() -> None:
        table.__enter__()
        os._exit(0)

    assert in_a_child(die) == 0
    with table:
        assert table.get("n alice") == (0, 0, 0)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("", ""),
    ],
)
def test_what_is_held_back_as_one(address: str, network: str) -> None:
    assert network_of(address) == network
