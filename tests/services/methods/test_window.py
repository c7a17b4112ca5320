"""Windows of what keeps no states: the queue and the reports that wait, which page alike."""

from __future__ import annotations

from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.envelope import Address
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.services.reports.counts import ReportCounts, TlsCount, store_counts
from tests.directory_fixture import Office, office

__all__ = ["office"]

BOTH = pytest.mark.parametrize("type", ["QueuedMessage", "PendingReport"])


@pytest.fixture
def five(office: Office) -> Office:
    """Five messages in the queue, five reports that wait."""
    counts = ReportCounts(office.clock)
    for number in range(5):
        counts.session(f"d{number}.example", TlsCount("sts", "mx.example", "192.0.2.7"), 1)
    office.store.write(lambda tx: store_counts(tx, counts.take()))
    out = Outgoing(
        account="a1",
        data=b"Subject: x\r\n\r\nhello\r\n",
        mail_from=Address("alice@example.org"),
        recipients=[Address(f"r{number}@d{number}.example") for number in range(5)],
    )
    office.store.write(lambda tx: tx.add_account("a1"))
    office.store.write(lambda tx: enqueue(tx, out))
    return office


def ask(office: Office, type: str, **arguments: Any) -> dict[str, Any]:
    return office.call(f"{type}/query", **arguments)


@BOTH
def test_the_whole_is_told_without_a_window(five: Office, type: str) -> None:
    answer = ask(five, type)
    assert len(answer["ids"]) == 5
    assert (answer["position"], answer["canCalculateChanges"]) == (0, False)
    assert "total" not in answer


@BOTH
@pytest.mark.parametrize(
    ("arguments", "first", "last", "position"),
    [
        ({"position": 1, "limit": 2}, 1, 3, 1),
        ({"position": 3, "limit": 10}, 3, 5, 3),
        ({"limit": 0}, 0, 0, 0),
        ({"position": 5}, 5, 5, 5),
        ({"position": 9, "limit": 2}, 5, 5, 5),
        ({"position": 1 << 63}, 5, 5, 5),
        ({"position": -2}, 3, 5, 3),
        ({"position": -2, "limit": 1}, 3, 4, 3),
        ({"position": -9, "limit": 1}, 0, 1, 0),
    ],
)
def test_a_window_is_told_with_the_total_of_all(
    five: Office, type: str, arguments: dict[str, int], first: int, last: int, position: int
) -> None:
    whole = ask(five, type)["ids"]
    answer = ask(five, type, calculateTotal=True, **arguments)
    assert (answer["ids"], answer["total"], answer["position"]) == (whole[first:last], 5, position)


@BOTH
@pytest.mark.parametrize(("offset", "first"), [(0, 2), (1, 3), (-1, 1), (-9, 0)])
def test_a_window_begins_beside_an_anchor(five: Office, type: str, offset: int, first: int) -> None:
    whole = ask(five, type)["ids"]
    answer = ask(five, type, anchor=whole[2], anchorOffset=offset, limit=2, position=4)
    assert (answer["ids"], answer["position"]) == (whole[first : first + 2], first)


@BOTH
def test_a_limit_is_told_where_it_is_not_the_one_asked_for(five: Office, type: str) -> None:
    most = five.store.limits.max_objects_in_get
    assert "limit" not in ask(five, type, limit=3)
    assert ask(five, type, limit=most + 1)["limit"] == most
    assert 0 < ask(five, type)["limit"] <= most


@BOTH
@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"limit": -1}, Kind.INVALID_ARGUMENTS),
        ({"anchor": "nothing"}, Kind.ANCHOR_NOT_FOUND),
        ({"filter": {"color": "x"}}, Kind.UNSUPPORTED_FILTER),
        ({"filter": {"operator": "NOT", "conditions": []}}, Kind.UNSUPPORTED_FILTER),
        ({"sort": [{"property": "id"}]}, Kind.UNSUPPORTED_SORT),
    ],
)
def test_what_cannot_be_answered_is_refused(five: Office, type: str, arguments: dict[str, Any], kind: Kind) -> None:
    with pytest.raises(Fault) as refused:
        ask(five, type, **arguments)
    assert refused.value.kind is kind
