"""Positions: what a stream has told, exactly, as text that comes back (RFC 8620 §7.3)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.services.push_state import Numbers, Position, state_change

ACCOUNTS, TYPES = st.sampled_from(["a1", "b_2", "c-3"]), st.sampled_from(["Email", "Mailbox", "Thread"])
NUMBERS = st.dictionaries(ACCOUNTS, st.dictionaries(TYPES, st.integers(0, 50), min_size=1), min_size=1)


@settings(max_examples=100, deadline=None)
@given(NUMBERS, st.lists(NUMBERS, max_size=8), NUMBERS)
def test_whatever_order_news_come_in_exactly_what_was_told_is_not_missed(
    present: Numbers, news: list[Numbers], later: Numbers
) -> None:
    position = Position.of(present)
    for numbers in news:
        position.advance(numbers)
    base = {account: max(types.values()) for account, types in present.items()}
    for account, types in later.items():
        for name, number in types.items():
            told = [n[account][name] for n in news if name in n.get(account, {})]
            seen = max([base.get(account, 0 if any(account in n for n in news) else -1), *told])
            assert (name in position.missed(later)[account]) is (number > seen)
    again = Position.parse(str(position))
    assert again is not None
    assert again.missed(later) == position.missed(later)


@pytest.mark.parametrize(
    "text", ["", "x", "a", "a.", "a.1,", "a.1.Email", "a.1.Email-", "a.1.Email-x", "a.-1", "a b.1"]
)
def test_what_is_no_position_of_ours_is_none(text: str) -> None:
    assert Position.parse(text) is None


def test_a_position_that_would_not_fit_into_a_header_says_less_and_never_too_much() -> None:
    accounts = [f"account{at}" for at in range(300)]
    position = Position.of({account: {"Email": 7} for account in accounts})
    position.advance({account: {"Email": 9} for account in accounts})
    assert len(str(position)) < 4_096
    again = Position.parse(str(position))
    assert again is not None
    assert again.missed({"account5": {"Email": 9, "Mailbox": 7}}) == {"account5": {"Email": 9}}


def test_a_state_change_has_what_was_asked_for_and_a_push_state_where_it_belongs() -> None:
    numbers = {"a": {"Email": 5, "Mailbox": 6}, "b": {"Email": 7}}
    assert state_change(numbers, frozenset({"Thread"}), ["a", "b"]) is None
    assert (
        state_change(numbers, frozenset({"Email"}), ["a"]) == b'{"@type":"StateChange","changed":{"a":{"Email":"5"}}}'
    )
    told = state_change(numbers, frozenset({"Email"}), ["a"], Position({"a": 4}))
    assert told == b'{"@type":"StateChange","changed":{"a":{"Email":"5"}},"pushState":"a.4"}'
