import msgspec
import pytest

from pillarbox.formats.message.listing import Listing, listing
from pillarbox.formats.message.scan import scan


def listed(head: str) -> Listing:
    data = f"{head}\r\n\r\nx\r\n".encode()
    return listing(data, scan(data))


@pytest.mark.parametrize(
    ("value", "groups", "count"),
    [
        ("team: a@x.example, b@x.example;", [(0, "team")], 2),
        ("z@x.example, team: a@x.example;, =?utf-8?q?gr=C3=BCn?=: b@x.example;", [(1, "team"), (2, "grün")], 3),
        ("undisclosed-recipients:;", [(0, "undisclosed-recipients")], 0),
        ("one:;, two: a@x.example;", [(0, "one"), (0, "two")], 1),
    ],
)
def test_names_of_groups_stand_beside_the_addresses(value: str, groups: list[tuple[int, str]], count: int) -> None:
    found = listed(f"To: {value}\r\nCc: plain@x.example")
    assert found.groups == {"to": groups}
    assert found.to is not None
    assert len(found.to) == count


@pytest.mark.parametrize("value", ["a@x.example", '"a: b;" <a@x.example>', "a@x.example (c: d;)", ":;"])
def test_a_message_without_groups_says_nothing_of_them(value: str) -> None:
    assert b"groups" not in msgspec.json.encode(listed(f"To: {value}"))
