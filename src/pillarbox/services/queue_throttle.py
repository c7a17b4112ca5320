"""What holds outbound mail back: rules of the settings, such as `to:example.com 100/hour` or `all 2000/day`.

Each says for which mail (`all`, or one or more of `to:`, `from:`, `account:`, `queue:` and `via:`, which then all have
to fit) and how many recipients in which span of time. With `*` each domain or account has a count of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pillarbox.core.rate import Rate
from pillarbox.datatypes.address import is_address
from pillarbox.datatypes.admin.name import domain_name
from pillarbox.services import observed
from pillarbox.services.route import domain_of
from pillarbox.storage.throttle import Throttle

_SPANS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
_RULE = re.compile(r"(\S.*?) +([0-9]{1,9})/([a-z]+)(?: +([0-9]{1,9}) +at +once)?\Z")
_MOST_RULES = 100
_FORM = (
    "a throttle says for which mail, how many recipients and in which time, such as `to:example.com 100/hour`,"
    " `from:* 500/day` or `all 2000/hour 100 at once`"
)


class ThrottleError(ValueError):
    """A throttle that cannot be meant; the message says what is wrong with it."""


class Leaving(NamedTuple):
    """What rules look at: envelope addresses, who answers for it, and which way it goes."""

    sender: str
    recipient: str
    account: str
    queue: str
    destination: str


_Term = Callable[[Leaving], str | None]  # what the mail is counted as, None when it does not fit


class _Rule(NamedTuple):
    who: str
    terms: tuple[_Term, ...]
    span: str
    rate: Rate

    def throttle(self, mail: Leaving) -> Throttle | None:
        """What mail is counted by."""
        found = [term(mail) for term in self.terms]
        if None in found:
            return None
        return Throttle(f"{' '.join(map(str, found))} per {self.span}", self.rate, self.name)

    @property
    def name(self) -> str:
        """The rule as metrics have it: with * for each domain, and without its number, which may change."""
        return f"{self.who} per {self.span}"


class Throttles:
    """The rules; all that fit hold."""

    def __init__(self, rules: Sequence[str] = (), queues: Sequence[str] = ("personal", "passing", "bulk")) -> None:
        """Raises ThrottleError."""
        if len(rules) > _MOST_RULES:
            raise ThrottleError(f"there are at most {_MOST_RULES} throttles")
        self._rules = [_parse(text, queues) for text in rules]
        known: set[tuple[str, str]] = set()
        for rule in self._rules:
            if (rule.who, rule.span) in known:
                raise ThrottleError(f"there are two throttles for {rule.who} per {rule.span}; leave the lower one")
            known.add((rule.who, rule.span))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def names(self) -> list[str]:
        """The rules, by the names that metrics have for them."""
        return [rule.name for rule in self._rules]

    def of(self, mail: Leaving) -> tuple[Throttle, ...]:
        """What holds mail back."""
        return tuple(found for rule in self._rules if (found := rule.throttle(mail)) is not None)


class InForce:
    """The throttles of this server: told when it is put together, and asked by whoever queues mail."""

    def __init__(self) -> None:
        self.throttles = Throttles()


THROTTLING = InForce()


def declare_throttles(rules: Sequence[str]) -> None:
    """Let the rules be told apart in numbers. Before processes share these. Raises ThrottleError."""
    observed.THROTTLES.declare(rule=Throttles(rules).names())


def check_throttles(rules: Sequence[str]) -> None:
    """Raises ThrottleError for what cannot be meant."""
    Throttles(rules)


def begins_to_wait(throttle: Throttle, _until_ms: int) -> None:
    """Tell the log that mail has begun to wait for a throttle."""
    observed.THROTTLED.log(throttle=throttle.name, most=throttle.rate.most)
    observed.THROTTLES.count(throttle.rule)


def _parse(text: str, queues: Sequence[str]) -> _Rule:
    found = _RULE.match(text.strip())
    if found is None:
        raise ThrottleError(f"{_FORM}; this is none: {text.strip()}")
    who, number, span, once = found.groups()
    if span not in _SPANS:
        raise ThrottleError(f"a throttle's time is {', '.join(_SPANS)}, not {span}: {text.strip()}")
    most, at_once = int(number), int(once or 0)
    if most < 1:
        raise ThrottleError(
            f"a throttle lets at least one through; hold mail by `pillarbox queue hold`: {text.strip()}"
        )
    if once is not None and not 1 <= at_once <= max(1, most // 2):
        raise ThrottleError(
            f"of {most} per {span}, 1 to {max(1, most // 2)} can go at once, as the rest has to come evenly:"
            f" {text.strip()}"
        )
    terms = who.split()
    if "all" in terms and len(terms) > 1:
        raise ThrottleError(f"`all` stands alone, as all else says for which mail: {text.strip()}")
    kinds = [term.partition(":")[0] for term in terms]
    if len(set(kinds)) < len(kinds):
        raise ThrottleError(f"a throttle says each of to:, from:, account:, queue: and via: once: {text.strip()}")
    rate = Rate.of(most, _SPANS[span], at_once)
    return _Rule(" ".join(terms), tuple(_term(term, queues) for term in terms), span, rate)


def _term(text: str, queues: Sequence[str]) -> _Term:
    kind, colon, value = text.partition(":")
    if text == "all":
        return lambda _mail: "all"
    if kind == "to" and value:
        return _domain_term("to", value, lambda mail: mail.recipient)
    if kind == "from" and value and "@" in value:
        return _sender_term(value)
    if kind == "from" and value:
        return _domain_term("from", value, lambda mail: mail.sender)
    if text == "account:*":
        return lambda mail: f"account:{mail.account}"
    if kind == "queue" and colon:
        if value not in queues:
            raise ThrottleError(f"a queue is one of {', '.join(queues)}, not {value or 'nothing'}")
        return lambda mail: text if mail.queue == value else None
    if kind == "via" and value:
        return lambda mail: text if mail.destination == value else None
    raise ThrottleError(
        "a throttle is for all, to:DOMAIN, from:DOMAIN, from:ADDRESS, account:*, queue:QUEUE or via:PROTOCOL:HOST:PORT,"
        f" where a domain may be * for each one: {text}"
    )


def _domain_term(kind: str, value: str, address: Callable[[Leaving], str]) -> _Term:
    if value == "*":
        return lambda mail: f"{kind}:{domain}" if (domain := domain_of(address(mail))) else None
    name = domain_name(value.removeprefix("."))
    if name is None:
        raise ThrottleError(f"{kind}: stands before a domain, and this is none: {value}")
    if value.startswith("."):
        return lambda mail: f"{kind}:.{name}" if domain_of(address(mail)).endswith(f".{name}") else None
    return lambda mail: f"{kind}:{name}" if domain_of(address(mail)) == name else None


def _sender_term(value: str) -> _Term:
    if not is_address(value):
        raise ThrottleError(f"from: stands before a domain or an address, and this is none: {value}")
    wanted = _plain(value)
    return lambda mail: f"from:{wanted}" if _plain(mail.sender) == wanted else None


def _plain(address: str) -> str:
    return f"{address.rpartition('@')[0].lower()}@{domain_of(address)}"
