"""What took too long is told, with where the time went."""

from collections.abc import Iterator
from time import perf_counter

import pytest

from pillarbox.core import slow
from pillarbox.core.operation import Operation, become
from tests.support.log import Lines


@pytest.fixture
def from_half_a_second() -> Iterator[None]:
    slow.tell_from(500)
    yield
    slow.tell_from(0)
    become(None)


@pytest.mark.usefixtures("from_half_a_second")
def test_a_slow_operation_tells_its_stages_and_a_quick_one_nothing() -> None:
    operation = Operation("http", "r1", str, "192.0.2.1")
    operation.name, operation.login = "api", "ann@example.org"
    become(operation)
    with Lines() as lines:
        slow.finish(operation, "200")
        assert not lines.json
        operation.began -= 2
        operation.call("Email/get", 1.0, 1.5)
        slow.spend("read", perf_counter() - 1.5)
        slow.look("commit", 0.7, writers=3)
        slow.look("commit", 0.4, writers=3)
        assert slow.finish(operation, "200") >= 2
    read, commit, whole = lines.of("operation.slow")
    assert (read["kind"], read["id"], commit["writers"]) == ("read", "r1", 3)
    assert (whole["id"], whole["kind"], whole["name"], whole["calls"]) == ("r1", "http", "api", ["Email/get"])
    assert whole["stages"]["read"] >= 1500
    assert whole["address"] == "192.0.2.1"


def test_nothing_is_slow_when_that_is_turned_off() -> None:
    slow.tell_from(0)
    with Lines() as lines:
        slow.look("method", 1e9, "Email/get")
    assert not lines.json
