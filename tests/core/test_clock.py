"""Times as milliseconds and as text (RFC 8620 §1.4)."""

import pytest

from pillarbox.core.clock import from_date, utc_date


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2014-10-30T14:12:00+08:00", 1_414_649_520_000),
        ("2014-10-30T06:12:00.999Z", 1_414_649_520_999),
        ("1969-12-31T23:59:59Z", -1_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999),
    ],
)
def test_a_date_is_so_many_milliseconds(text: str, ms: int) -> None:
    assert from_date(text) == ms


@pytest.mark.parametrize(
    "text",
    ["", "2014-10-30", "2014-10-30T06:12:00", "2014-02-30T06:12:00Z", "2014-10-30 06:12:00Z", "0000-01-01T00:00:00Z"],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert from_date(text) is None


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-00:01", "9999-12-31T12:00:00-13:00"])
def test_a_date_after_the_year_9999_is_none_as_it_has_no_utc_date(text: str) -> None:
    assert from_date(text) is None
    assert utc_date(253_402_300_799_999) == "9999-12-31T23:59:59Z"
