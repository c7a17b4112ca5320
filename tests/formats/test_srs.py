"""Reverse-paths of mail that is sent on: made, read back, and never of use to anybody else."""

import pytest

from pillarbox.formats.srs import is_rewritten, original, rewrite

NOW, DAY = 1_700_000_000_000, 86_400_000
KEY, OTHER = b"k" * 32, b"o" * 32


def test_an_address_comes_back_whatever_the_case_on_the_way() -> None:
    local = rewrite("John.Doe+x=y", "far.test", KEY, NOW)
    assert local.startswith("SRS0=")
    assert is_rewritten(local)
    assert original(local, [KEY], NOW, 21) == ("John.Doe+x=y", "far.test")
    found = original(local.lower(), [KEY], NOW, 21)
    assert found == ("john.doe+x=y", "far.test")


def test_an_old_key_still_counts_and_a_strange_one_does_not() -> None:
    local = rewrite("a", "far.test", KEY, NOW)
    assert original(local, [OTHER, KEY], NOW, 21) == ("a", "far.test")
    assert original(local, [OTHER], NOW, 21) is None
    assert original(local, [], NOW, 21) is None


def test_it_expires() -> None:
    local = rewrite("a", "far.test", KEY, NOW)
    assert original(local, [KEY], NOW + 21 * DAY, 21) is not None
    assert original(local, [KEY], NOW + 22 * DAY, 21) is None
    assert original(local, [KEY], NOW - 1 * DAY, 21) is not None
    assert original(local, [KEY], NOW - 2 * DAY, 21) is None


@pytest.mark.parametrize("place", [5, 14, 17, 22, 30])
def test_whatever_is_changed_breaks_it(place: int) -> None:
    local = rewrite("alice", "far.test", KEY, NOW)
    changed = local[:place] + ("b" if local[place] != "b" else "c") + local[place + 1 :]
    assert original(changed, [KEY], NOW, 21) is None


def test_the_second_who_rewrites_leads_back_to_the_first() -> None:
    first = rewrite("alice", "origin.test", OTHER, NOW)
    second = rewrite(first, "one.test", KEY, NOW)
    assert second.startswith("SRS1=")
    assert original(second, [KEY], NOW, 21) == (first, "one.test")
    third = rewrite(second, "two.test", OTHER, NOW)
    assert original(third, [OTHER], NOW, 21) == (first, "one.test")
    assert len(third) == len(second)


@pytest.mark.parametrize(
    "local", ["", "srs0", "SRS0=", "SRS0=a=b=c=d", "SRS1=aaaaaaaa=x=y", "srs2=aaaaaaaa=aa=x=y", "alice"]
)
def test_what_is_none_is_none(local: str) -> None:
    assert original(local, [KEY], NOW, 21) is None
