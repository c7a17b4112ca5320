"""How throttles are written, what they fit, and what is said of those that cannot be meant."""

import pytest

from pillarbox.core.rate import Rate
from pillarbox.services import observed
from pillarbox.services.queue_throttle import Leaving, ThrottleError, Throttles, begins_to_wait, declare_throttles

HOUR = 3_600_000


def names(
    rules: list[str], sender: str = "Ann@Example.org", recipient: str = "bob@sub.BIG.test", **more: str
) -> list[str]:
    given = {"account": "a1", "queue": "personal", "destination": "sub.big.test", **more}
    return [one.name for one in Throttles(rules).of(Leaving(sender, recipient, **given))]


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("all 2000/hour", "all per hour"),
        ("to:sub.big.test 20/minute", "to:sub.big.test per minute"),
        ("to:SUB.Big.test. 20/minute", "to:sub.big.test per minute"),
        ("to:.big.test 20/minute", "to:.big.test per minute"),
        ("to:* 5/second", "to:sub.big.test per second"),
        ("from:example.org 7/day", "from:example.org per day"),
        ("from:* 7/day", "from:example.org per day"),
        ("from:ann@EXAMPLE.org 7/day", "from:ann@example.org per day"),
        ("account:* 7/day", "account:a1 per day"),
        ("queue:personal 7/day", "queue:personal per day"),
        ("via:sub.big.test 7/day", "via:sub.big.test per day"),
        ("from:* to:* 7/day", "from:example.org to:sub.big.test per day"),
        ("queue:personal  to:.test   7/day 2 at once ", "queue:personal to:.test per day"),
    ],
)
def test_what_fits_is_counted_by_what_it_is(rule: str, name: str) -> None:
    assert names([rule]) == [name]


@pytest.mark.parametrize(
    "rule",
    [
        "to:big.test 1/day",  # not what is below it
        "to:.sub.big.test 1/day",  # only what is below it
        "from:other.org 1/day",
        "from:bob@example.org 1/day",
        "queue:bulk 1/day",
        "via:smtp:smtp.example.net:587 1/day",
        "from:example.org to:other.test 1/day",  # both have to fit
    ],
)
def test_what_does_not_fit_is_not_counted(rule: str) -> None:
    assert names([rule]) == []


def test_all_that_fit_hold_and_a_notification_has_no_domain() -> None:
    rules = ["all 9/day", "to:.test 5/day", "from:* 3/day", "all 2/hour"]
    assert names(rules) == ["all per day", "to:.test per day", "from:example.org per day", "all per hour"]
    assert names(rules, sender="") == ["all per day", "to:.test per day", "all per hour"]


def test_a_domain_is_one_however_it_is_spelt() -> None:
    assert names(["to:bücher.example 1/day"], recipient="a@xn--bcher-kva.example") == [
        "to:xn--bcher-kva.example per day"
    ]
    assert names(["to:* 1/day"], recipient="a@BÜCHER.example") == ["to:xn--bcher-kva.example per day"]


def test_a_rule_says_how_many_and_how_many_at_once() -> None:
    def rate(rule: str) -> Rate:
        return Throttles([rule]).of(Leaving("", "b@x.test", "", "", ""))[0].rate

    assert rate("all 100/hour") == Rate(100, HOUR, 10)
    assert rate("all 100/hour 50 at once") == Rate(100, HOUR, 50)
    assert rate("all 1/hour 1 at once") == Rate(1, HOUR, 1)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("", "such as `to:example.com 100/hour`"),
        ("all", "this is none: all"),
        ("all 100", "this is none: all 100"),
        ("100/hour", "this is none"),
        ("all 100/week", "a throttle's time is second, minute, hour, day, not week"),
        ("all 0/hour", "pillarbox queue hold"),
        ("all 100/hour 51 at once", "1 to 50 can go at once"),
        ("all 100/hour 0 at once", "1 to 50 can go at once"),
        ("all to:x.test 100/hour", "`all` stands alone"),
        ("to:x.test to:y.test 1/hour", "once"),
        ("to:x..test 1/hour", "this is none: x..test"),
        ("from:@x.test 1/hour", "a domain or an address"),
        ("account:a1 1/hour", "account:*"),
        ("queue:fast 1/hour", "personal, passing, bulk, not fast"),
        ("everything 1/hour", "a throttle is for all"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_can(rule: str, says: str) -> None:
    with pytest.raises(ThrottleError) as refusal:
        Throttles([rule])
    assert says in str(refusal.value)


def test_one_thing_is_not_counted_twice() -> None:
    with pytest.raises(ThrottleError, match=r"two throttles for to:x\.test per hour"):
        Throttles(["to:x.test 1/hour", "to:x.test 2/day", "to:x.test 3/hour"])
    with pytest.raises(ThrottleError, match="at most 100"):
        Throttles([f"to:d{n}.test 1/hour" for n in range(101)])


def test_numbers_tell_rules_apart_and_not_what_they_are_applied_to() -> None:
    rules = ["to:* 1/day", "from:a.test  queue:bulk 2/hour"]
    declare_throttles(rules)
    before = counted()
    for recipient in ("x@one.test", "y@two.test"):
        for throttle in Throttles(rules).of(Leaving("b@a.test", recipient, "a1", "bulk", "")):
            begins_to_wait(throttle, 0)
    (unknown,) = Throttles(["all 1/day"]).of(Leaving("", "x@one.test", "", "", ""))
    begins_to_wait(unknown, 0)  # of settings that came while the server ran
    after = counted()
    assert {rule: after[rule] - before.get(rule, 0) for rule in after} == {
        "to:* per day": 2,
        "from:a.test queue:bulk per hour": 2,
        "other": 1,
    }


def counted() -> dict[str, float]:
    return {one.labels["rule"]: one.value for one in observed.THROTTLES.samples()}
