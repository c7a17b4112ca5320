"""Values to filter and sort every type by, so that a condition that nobody has thought of fails the laws."""

import random
from typing import Any

from pillarbox.datatypes.declare import DataType
from tests.support.history import KEYWORDS, WORDS, History

Json = Any


def conditions(kind: DataType[Any], history: History, chance: random.Random) -> dict[str, Json]:
    """A value for every condition of the type."""
    box = chance.choice(history.ids("Mailbox"))
    word = chance.choice(WORDS)
    keyword = chance.choice(KEYWORDS)
    moment = f"2020-09-13T12:26:4{chance.randrange(5)}Z"
    known: dict[str, dict[str, Json]] = {
        "Mailbox": {
            "parentId": chance.choice((None, box)),
            "name": "o",
            "role": chance.choice((None, "trash")),
            "hasAnyRole": chance.random() < 0.5,
            "isSubscribed": chance.random() < 0.5,
        },
        "Email": {
            "inMailbox": box,
            "inMailboxOtherThan": history.some("Mailbox", 7),
            "before": moment,
            "after": moment,
            "minSize": 270,
            "maxSize": 271,
            "hasAttachment": False,
            **dict.fromkeys(("hasKeyword", "notKeyword"), keyword),
            **dict.fromkeys(("allInThreadHaveKeyword", "someInThreadHaveKeyword", "noneInThreadHaveKeyword"), keyword),
            **dict.fromkeys(("text", "from", "to", "cc", "bcc", "body"), word),
            "subject": "Topic 1",
            "header": chance.choice((["X-Odd"], ["x-odd", word], ["Subject", "topic 2"])),
        },
        "EmailSubmission": {
            "identityIds": [],
            "emailIds": [],
            "threadIds": [],
            "undoStatus": "final",
            "before": moment,
            "after": moment,
        },
        "Quota": {"name": "M", "scope": "account", "resourceType": "count", "type": "Email"},
        "Domain": {"name": "1", "isEnabled": chance.random() < 0.5, "aliasOf": "d1"},
        "Account": {
            "name": "a",
            "text": "a",
            "domainId": "x",
            "isEnabled": True,
            "isAdmin": True,
            "kind": "individual",
        },
        "Alias": {"address": "a", "target": "x", "domainId": "x", "isEnabled": True},
        "MailingList": {"address": "a", "member": "x", "owner": "x", "domainId": "x", "isEnabled": True},
        "SuppressedAddress": {"address": "a", "accountId": None},
        "DkimKey": {"domainId": "x", "state": "active"},
        "DmarcReport": {"domain": "a", "before": "2026-01-01T00:00:00Z", "after": "2026", "hasFailures": True},
        "FeedbackReport": {
            "domain": "a",
            "before": "2026-01-01T00:00:00Z",
            "after": "2026",
            "feedbackType": "abuse",
            "accountId": None,
            "address": "a@example.org",
            "sourceAddress": "192.0.2.1",
        },
        "TlsReport": {"domain": "a", "before": "2026-01-01T00:00:00Z", "after": "2026", "hasFailures": True},
    }
    found = known.get(kind.name, {})
    assert set(found) == set(kind.filters), f"{kind.name}: give every condition a value here"
    return found


def comparators(kind: DataType[Any], chance: random.Random) -> dict[str, Json]:
    """A comparator for every property that the type sorts by."""
    out = {}
    for name, sort in kind.sorts.items():
        extra = {word: chance.choice(KEYWORDS) for word in sort.extra}
        out[name] = {"property": name, "isAscending": chance.random() < 0.5, **extra}
    return out


def a_filter(kind: DataType[Any], history: History, chance: random.Random, *, local: bool) -> Json:
    """A filter of one or several conditions, sometimes joined by operators."""
    known = conditions(kind, history, chance)
    names = [n for n in known if kind.filters[n].local or not local]
    if not names or chance.random() < 0.1:
        return chance.choice((None, {}))
    if chance.random() < 0.5:
        return {n: known[n] for n in chance.sample(names, chance.choice((1, 1, 2)) if len(names) > 1 else 1)}
    parts = [{n: known[n]} for n in chance.sample(names, min(2, len(names)))]
    return {"operator": chance.choice(("AND", "OR", "NOT")), "conditions": parts}


def a_sort(kind: DataType[Any], chance: random.Random, *, local: bool) -> Json:
    """A sort by one or two properties, or none."""
    known = comparators(kind, chance)
    names = [n for n in known if kind.sorts[n].local or not local]
    return [known[n] for n in chance.sample(names, min(len(names), chance.randrange(3)))] or None
