"""Groups of addresses in searches and orders; that JMAP shows no more of them than it did."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pillarbox.formats.message.address import EmailAddress
from pillarbox.servers.imap.column import EMPTY, SENT_DAY, TEXTS, VALUES
from pillarbox.servers.imap.heading import Heading
from tests.support.mail_house import House, house

__all__ = ["house"]
ANN, BOB = EmailAddress("Ann", "ann@x.example"), EmailAddress(None, "bob@y.example")


@pytest.mark.parametrize(
    ("addresses", "groups", "text", "mailbox", "display"),
    [
        (None, None, None, "", ""),
        ([], None, "", "", ""),
        ([ANN, BOB], None, "Ann <ann@x.example>, bob@y.example", "ANN", "ANN"),
        ([BOB, ANN], None, "bob@y.example, Ann <ann@x.example>", "BOB", "BOB@Y.EXAMPLE"),
        ([EmailAddress(None, "local")], None, "local", "LOCAL", "LOCAL"),
        ([BOB, ANN], [(1, "team")], "bob@y.example, team:, Ann <ann@x.example>", "BOB", "BOB@Y.EXAMPLE"),
        ([BOB], [(0, "a"), (0, "b"), (1, "c")], "a:, b:, bob@y.example, c:", "A", "A"),
        ([], [(0, "nobody")], "nobody:", "NOBODY", "NOBODY"),
    ],
)
def test_people_are_found_and_sorted_by_what_an_envelope_shows(
    addresses: Sequence[EmailAddress] | None,
    groups: list[tuple[int, str]] | None,
    text: str | None,
    mailbox: str,
    display: str,
) -> None:
    heading = Heading(to=list(addresses) if addresses is not None else None, groups={"to": groups} if groups else None)
    assert TEXTS["to"](heading) == text
    assert (VALUES["TO"](0, heading), VALUES["DISPLAYTO"](0, heading)) == (mailbox, display)
    assert VALUES["FROM"](0, heading) == ""


@pytest.mark.parametrize(
    ("sent_at", "day"),
    [("2026-11-02T00:30:00+14:00", "2026-11-02"), ("2026-11-01T23:59:59-12:00", "2026-11-01"), (None, ""), ("odd", "")],
)
def test_a_day_is_the_one_that_is_written(sent_at: str | None, day: str) -> None:
    from datetime import date  # noqa: PLC0415

    wanted = date.fromisoformat(day).toordinal() if day else 0
    assert VALUES[SENT_DAY](5, Heading(sent_at=sent_at)) == wanted


def test_what_has_no_date_is_sorted_by_its_arrival() -> None:
    assert VALUES["DATE"](5, Heading()) == 5
    assert VALUES["DATE"](5, Heading(sent_at="1970-01-01T01:00:01+01:00")) == 1000


def test_a_field_is_found_as_far_as_it_is_remembered() -> None:
    column = EMPTY.grown(["x" * 16_000 + "end", "end", None, "\N{PILE OF POO} end"])
    assert column.rows(b"END") == [1, 3]
    assert column.rows(b"") == [0, 1, 3]
    assert column.rows("\N{PILE OF POO}".encode()) == [3]
    assert column.grown(["end"]).rows(b"END") == [1, 3, 4]
    assert EMPTY.rows(b"") == []


def test_jmap_shows_addresses_and_no_groups_that_were_not_asked_for(house: House) -> None:
    id = house.add(b"To: team: a@x.example, b@x.example;\r\nSubject: s\r\n\r\nx\r\n", "inbox")
    shown = house.get("Email", id)
    assert "groups" not in shown
    assert [one["email"] for one in shown["to"]] == ["a@x.example", "b@x.example"]
    assert house.get("Email", id, "to", "subject") == {"id": id, "to": shown["to"], "subject": "s"}
