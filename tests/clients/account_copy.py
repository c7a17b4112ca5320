"""What one client knows of an account: records and query results, renewed by changes alone (RFC 8620 §5.2, §5.6)."""

import random
from typing import Any

from tests.clients.client import Client, Json, MethodError

_METADATA = ["id", "threadId", "mailboxIds", "keywords", "subject", "receivedAt", "messageId", "size"]
PROPERTIES = {"Mailbox": None, "Email": _METADATA, "Thread": None}
NEWEST = [{"property": "receivedAt", "isAscending": False}]
QUERIES: dict[str, Json] = {
    "all by date": {"sort": NEWEST},
    "not seen": {"filter": {"notKeyword": "$seen"}, "sort": NEWEST},
    "flagged by size": {"filter": {"hasKeyword": "$flagged"}, "sort": [{"property": "size"}, *NEWEST]},
    "inbox": {"filter": {"inMailbox": "INBOX"}, "sort": NEWEST},
    "inbox threads": {"filter": {"inMailbox": "INBOX"}, "sort": NEWEST, "collapseThreads": True},
    "elsewhere": {"filter": {"inMailboxOtherThan": ["INBOX"]}, "sort": NEWEST},
    "by keyword": {"sort": [{"property": "hasKeyword", "keyword": "$flagged"}, *NEWEST]},
    "not both": {
        "filter": {"operator": "NOT", "conditions": [{"hasKeyword": "$seen"}, {"from": "a@h.example"}]},
        "sort": [{"property": "subject"}],
    },
    "with a flagged one": {"filter": {"someInThreadHaveKeyword": "$flagged"}, "sort": NEWEST, "collapseThreads": True},
    "text": {"filter": {"text": "kestrel"}, "sort": NEWEST},
}


class Copy:
    """One client's cache of one account."""

    def __init__(self, client: Client, chance: random.Random) -> None:
        self.client, self.chance = client, chance
        self.known: dict[str, dict[str, Json]] = {}
        self.states: dict[str, str] = {}
        self.results: dict[str, list[str]] = {}
        self.query_states: dict[str, str] = {}
        self.incalculable: set[str] = set()
        for kind in PROPERTIES:
            self.states[kind], self.known[kind] = self._fresh(kind)
        self.inbox = next(id for id, box in self.known["Mailbox"].items() if box["role"] == "inbox")
        for name in QUERIES:
            self._query(name)

    def ids(self, kind: str) -> list[str]:
        """The ids that this client believes to exist, in a lasting order."""
        return sorted(self.known[kind])

    def message_ids(self) -> list[str]:
        """The Message-IDs that this client has seen."""
        return sorted(m for email in self.known["Email"].values() for m in email["messageId"] or ())

    def subject_of(self, message_id: str) -> str:
        """The subject of the email with a Message-ID, without Re:."""
        emails = self.known["Email"].values()
        subject: str = next(e["subject"] or "" for e in emails if message_id in (e["messageId"] or ()))
        return subject.removeprefix("Re: ")

    # ------------------------------------------------------------------------------------------------ renew

    def renew(self) -> None:
        """Catch up by changes, in pages of a random size, and by queryChanges."""
        for kind in PROPERTIES:
            self._catch_up(kind)
        for name in QUERIES:
            self._catch_up_query(name)

    def _catch_up(self, kind: str) -> None:
        more = True
        while more:
            limit = self.chance.choice([None, None, 1, 3, 20])
            page = self.client.call(f"{kind}/changes", sinceState=self.states[kind], maxChanges=limit)
            named = [*page["created"], *page["updated"], *page["destroyed"]]
            assert len(named) == len(set(named)) <= (limit or 1 << 30), f"{kind}/changes names {named}"
            more = page["hasMoreChanges"]
            assert not more or page["newState"] != page["oldState"], f"{kind}/changes stands still"
            self._fetch(kind, page)
            self.states[kind] = page["newState"]

    def _fetch(self, kind: str, page: Json) -> None:
        known = self.known[kind]
        for id in page["destroyed"]:
            known.pop(id, None)
        only = page.get("updatedProperties")
        if page["created"]:
            known.update(self.client.get(kind, page["created"], properties=PROPERTIES[kind]))
        if page["updated"]:
            # RFC 8621 §2.2: when it is not null, nothing but these properties may have changed.
            for id, new in self.client.get(kind, page["updated"], properties=only or PROPERTIES[kind]).items():
                assert id in known, f"{kind} {id} is told as updated to one who never had it"
                known[id] = {**known[id], **new}

    def _query(self, name: str) -> None:
        answer = self.client.call("Email/query", **self._arguments(name))
        self.results[name], self.query_states[name] = answer["ids"], answer["queryState"]
        if not answer["canCalculateChanges"]:
            self.incalculable.add(name)

    def _catch_up_query(self, name: str) -> None:
        try:
            page = self.client.call(
                "Email/queryChanges",
                sinceQueryState=self.query_states[name],
                calculateTotal=True,
                **self._arguments(name),
            )
        except MethodError as error:
            if error.type != "cannotCalculateChanges" or name not in self.incalculable:
                raise  # the query promised to calculate them
            self._query(name)
            return
        # RFC 8620 §5.6: take out what was removed, then splice in what was added, lowest index first.
        kept = [id for id in self.results[name] if id not in set(page["removed"])]
        indexes = [item["index"] for item in page["added"]]
        assert indexes == sorted(indexes), f"{name}: added is not in order"
        for item in page["added"]:
            kept.insert(item["index"], item["id"])
        assert len(kept) == page["total"], f"{name}: {len(kept)} results of {page['total']}"
        self.results[name], self.query_states[name] = kept, page["newQueryState"]

    def _arguments(self, name: str) -> Json:
        def fill(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: fill(item) for key, item in value.items()}
            if isinstance(value, list):
                return [fill(item) for item in value]
            return self.inbox if value == "INBOX" else value

        filled: Json = fill(QUERIES[name])
        return filled

    # ------------------------------------------------------------------------------------------------ check

    def check(self) -> None:
        """Compare with the server, now that nobody changes anything. Raises AssertionError."""
        for kind in PROPERTIES:
            state, fresh = self._fresh(kind)
            _same(kind, self.known[kind], fresh)
            assert self.states[kind] == state, f"{kind}: caught up to {self.states[kind]}, get says {state}"
        for name in QUERIES:
            answer = self.client.call("Email/query", **self._arguments(name), calculateTotal=True)
            assert self.results[name] == answer["ids"], f"{name}: {self.results[name]} != {answer['ids']}"
            assert answer["total"] == len(answer["ids"]), f"{name}: total {answer['total']} of {len(answer['ids'])}"
        self._check_counters()
        self._check_threads()

    def _fresh(self, kind: str) -> tuple[str, dict[str, Json]]:
        answer = self.client.call(f"{kind}/get", ids=None, properties=PROPERTIES[kind])
        return answer["state"], {found["id"]: found for found in answer["list"]}

    def _check_counters(self) -> None:
        emails = self.known["Email"].values()
        for id, box in self.known["Mailbox"].items():
            inside = [email for email in emails if id in email["mailboxIds"]]
            counted = {
                "totalEmails": len(inside),
                "unreadEmails": sum(map(_is_unread, inside)),
                "totalThreads": len({email["threadId"] for email in inside}),
                "unreadThreads": len(self._unread_threads(id, box["role"] == "trash")),
            }
            told = {name: box[name] for name in counted}
            assert told == counted, f"mailbox {box['name']} ({box['role']}, {id}) says {told}, a count {counted}"

    def _unread_threads(self, box: str, is_trash: bool) -> set[str]:
        """Threads with an email here and an unread one anywhere; Trash and the rest apart (RFC 8621 §2)."""
        trash = next((id for id, found in self.known["Mailbox"].items() if found["role"] == "trash"), "")
        emails = self.known["Email"].values()
        here = {email["threadId"] for email in emails if box in email["mailboxIds"]}
        unread = [email for email in emails if _is_unread(email)]
        if is_trash:
            return here & {email["threadId"] for email in unread if trash in email["mailboxIds"]}
        return here & {email["threadId"] for email in unread if set(email["mailboxIds"]) != {trash}}

    def _check_threads(self) -> None:
        by_thread: dict[str, list[Json]] = {}
        for email in self.known["Email"].values():
            by_thread.setdefault(email["threadId"], []).append(email)
        _same("Thread ids", {id: set(thread["emailIds"]) for id, thread in self.known["Thread"].items()},
              {id: {email["id"] for email in emails} for id, emails in by_thread.items()})  # fmt: skip
        for id, emails in by_thread.items():
            dates = {email["id"]: email["receivedAt"] for email in emails}
            told = [dates[email] for email in self.known["Thread"][id]["emailIds"]]
            assert told == sorted(told), f"thread {id} is not in the order of receivedAt"  # RFC 8621 §3


def _is_unread(email: Json) -> bool:
    """Neither seen nor a draft (RFC 8621 §2)."""
    return not ({"$seen", "$draft"} & set(email["keywords"]))


def _same(what: str, known: dict[str, Any], fresh: dict[str, Any]) -> None:
    wrong = {id: (known.get(id), fresh.get(id)) for id in {*known, *fresh} if known.get(id) != fresh.get(id)}
    assert not wrong, f"{what}: known and fresh differ: {wrong}"
