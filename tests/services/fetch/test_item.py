import pytest

from pillarbox.services.fetch.item import read_date
from pillarbox.services.fetch.source import uid_set


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 7-Feb-1994 21:52:25 -0800", "1994-02-07T21:52:25-08:00"),
        ("31-dec-2023 23:59:60 +0530", "2023-12-31T23:59:59+05:30"),
        ("30-Feb-2023 00:00:00 +0000", None),
        ("1-Foo-2023 00:00:00 +0000", None),
        ("01-Jan-2023 00:00:00 +2460", None),
        ("", None),
    ],
)
def test_dates_are_read_without_a_locale(text: str, expected: str | None) -> None:
    found = read_date(text)
    assert (found.isoformat() if found is not None else None) == expected


def test_uids_that_follow_each_other_are_ranges() -> None:
    assert uid_set([1, 2, 3, 7, 9, 10]) == b"1:3,7,9:10"
