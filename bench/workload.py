"""What users do, as JMAP requests that can be replayed: the rows J1 to J12 of the benchmark."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from bench.client import COUNTER, Step
from bench.jmap import NEWEST, Call, Jmap, JmapError, reference
from bench.vocabulary import Vocabulary

REFUSED = (b'["error"', b'"notUpdated":{"', b'"notCreated":{"', b'"notDestroyed":{"')
LIST = [
    *("id", "threadId", "mailboxIds", "keywords", "hasAttachment", "from", "to", "subject", "receivedAt"),
    *("size", "preview"),
]
WHOLE = [
    *("id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "messageId", "inReplyTo"),
    *("references", "sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview"),
    *("bodyStructure", "textBody", "htmlBody", "attachments", "bodyValues"),
]


@dataclass(frozen=True)
class Script:
    """Requests to replay in turn, what each answer has to hold, and how the account is put back afterwards."""

    operations: list[tuple[Step, ...]]
    must: bytes
    put_back: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Workload:
    """One row: its name, what it is, and how its script is made for an account."""

    name: str
    title: str
    prepare: Callable[[Jmap], Script]


def script(requests: list[bytes], must: bytes, put_back: Callable[[], None] = lambda: None) -> Script:
    """A script of single HTTP requests."""
    return Script([(Step(request),) for request in requests], must, put_back)


def some_ids(jmap: Jmap, count: int) -> list[str]:
    """Emails from the whole depth of the inbox, in a fixed disorder."""
    inbox = jmap.mailbox("inbox")
    ids = list(jmap.email_ids(inbox, count, max(1, jmap.count(inbox) // count)))
    Random(3).shuffle(ids)
    return ids


def session(jmap: Jmap) -> Script:
    """The session object."""
    return script([jmap.raw("GET", jmap.session_url)], b'"apiUrl"')


def echo(jmap: Jmap) -> Script:
    """A method call without any work."""
    return script([jmap.request(("Core/echo", {"hello": True, "n": 5}))], b'"hello"')


def mailboxes(jmap: Jmap) -> Script:
    """All mailboxes, with their counters."""
    return script([jmap.request(("Mailbox/get", {"ids": None}))], b'"totalEmails"')


def inbox(jmap: Jmap) -> Script:
    """The first page of the inbox: 50 threads, their emails as the list shows them."""
    query = {"filter": {"inMailbox": jmap.mailbox("inbox")}, "sort": NEWEST, "limit": 50}
    calls: tuple[Call, ...] = (
        ("Email/query", {**query, "collapseThreads": True, "calculateTotal": True}),
        ("Email/get", {"#ids": reference("0", "Email/query", "/ids"), "properties": LIST}),
        ("Thread/get", {"#ids": reference("1", "Email/get", "/list/*/threadId")}),
    )
    if len(jmap.call(*calls)[1]["list"]) < 50:
        raise JmapError("the inbox has fewer than 50 threads")
    return script([jmap.request(*calls)], b'"emailIds"')


def read(jmap: Jmap) -> Script:
    """One whole message with its bodies."""
    wanted: dict[str, Any] = {"properties": WHOLE, "fetchAllBodyValues": True}
    requests = [jmap.request(("Email/get", {"ids": [one], **wanted})) for one in some_ids(jmap, 500)]
    return script(requests, b'"bodyStructure"')


def search(jmap: Jmap) -> Script:
    """The 20 newest emails with a word."""
    requests = [
        jmap.request(
            ("Email/query", {"filter": {"text": word}, "sort": NEWEST, "limit": 20}),
            ("Email/get", {"#ids": reference("0", "Email/query", "/ids"), "properties": LIST}),
        )
        for word in Vocabulary(1).searched(Random(2), 200)
    ]
    return script(requests, b'"list"')


def seen(jmap: Jmap) -> Script:
    """Turn $seen of an email over; each request is a change."""
    ids = some_ids(jmap, 500)
    emails = jmap.call(("Email/get", {"ids": ids, "properties": ["keywords"]}))[0]["list"]
    has = {email["id"]: "$seen" in email["keywords"] for email in emails}
    turns = [{one: {"keywords/$seen": True if has[one] == back else None}} for back in (False, True) for one in ids]
    return script([jmap.request(("Email/set", {"update": turn})) for turn in turns], b'"updated"')


def changes(jmap: Jmap) -> Script:
    """What a client asks that has missed 20 changes."""
    state = jmap.call(("Email/get", {"ids": []}))[0]["state"]
    for one in some_ids(jmap, 20):
        jmap.patch({one: {"keywords/bench": True}})
        jmap.patch({one: {"keywords/bench": None}})
    request = jmap.request(
        ("Email/changes", {"sinceState": state, "maxChanges": 100}),
        (
            "Email/get",
            {"#ids": reference("0", "Email/changes", "/updated"), "properties": ["id", "keywords", "mailboxIds"]},
        ),
    )
    return script([request], b'"mailboxIds"')


def draft(jmap: Jmap) -> Script:
    """Save a draft with text and HTML."""
    drafts, line = jmap.mailbox("drafts"), "this is a line of an ordinary draft, long enough to be one."
    email = {
        "mailboxIds": {drafts: True},
        "keywords": {"$draft": True, "$seen": True},
        "from": [{"name": "Bench", "email": jmap.user.name}],
        "to": [{"name": "Someone", "email": "someone@example.net"}],
        "subject": "a draft " + COUNTER.decode(),
        "bodyValues": {"t": {"value": f"{line}\n" * 20}, "h": {"value": f"<html>{f'<p>{line}</p>' * 20}</html>"}},
        "textBody": [{"partId": "t", "type": "text/plain"}],
        "htmlBody": [{"partId": "h", "type": "text/html"}],
    }
    request = jmap.request(("Email/set", {"create": {"d": email}}))
    return script([request], b'"blobId"', lambda: jmap.empty(drafts))


def upload(jmap: Jmap) -> Script:
    """Upload 100 kB that are new each time."""
    data = COUNTER + base64.b64encode(Random(4).randbytes(75_000))[:99_992]
    return script([jmap.raw("POST", jmap.url("uploadUrl"), data, Content_Type="application/octet-stream")], b'"blobId"')


def download(jmap: Jmap) -> Script:
    """Download 100 kB."""
    random, requests = Random(5), []
    for _ in range(20):
        answer = jmap.http("POST", jmap.url("uploadUrl"), random.randbytes(100_000))
        url = jmap.url("downloadUrl", blobId=json.loads(answer)["blobId"], name="x", type="application/octet-stream")
        requests.append(jmap.raw("GET", url))
    return script(requests, b"")


def move(jmap: Jmap) -> Script:
    """Move an email to another mailbox, and back."""
    inbox, there, ids = jmap.mailbox("inbox"), jmap.mailbox(name="bench-move"), some_ids(jmap, 400)
    moves = [{one: {"mailboxIds": {target: True}}} for target in (there, inbox) for one in ids]

    def put_back() -> None:
        jmap.patch({one: {"mailboxIds": {inbox: True}} for one in list(jmap.email_ids(there, len(ids)))})

    return script([jmap.request(("Email/set", {"update": each})) for each in moves], b'"updated"', put_back)


def sort(jmap: Jmap) -> Script:
    """Other orders and filters of the inbox."""
    box = jmap.mailbox("inbox")
    middle = jmap.call(("Email/get", {"ids": some_ids(jmap, 5), "properties": ["receivedAt"]}))[0]["list"]
    moment = sorted(email["receivedAt"] for email in middle)[2]
    filters: list[dict[str, Any]] = [
        *({"hasKeyword": "$flagged"}, {"notKeyword": "$seen"}, {"hasAttachment": True}, {"minSize": 5000}),
        *({"before": moment}, {"after": moment}),
    ]
    orders = [[{"property": name, "isAscending": True}] for name in ("subject", "from", "size")]
    queries = [
        {"filter": {"inMailbox": box, **condition}, "sort": order, "limit": 50}
        for condition in filters
        for order in orders
    ]
    return script([jmap.request(("Email/query", query)) for query in queries], b'"ids"')


WORKLOADS = (
    Workload("J1", "GET the session", session),
    Workload("J2", "Core/echo", echo),
    Workload("J3", "Mailbox/get, all", mailboxes),
    Workload("J4", "open the inbox: query 50 + get + threads", inbox),
    Workload("J5", "Email/get of a whole message", read),
    Workload("J6", "text search, 20 newest + get", search),
    Workload("J7", "Email/set: turn $seen over", seen),
    Workload("J8", "Email/changes of 20 + get", changes),
    Workload("J9", "Email/set: create a draft", draft),
    Workload("J10u", "upload of 100 kB", upload),
    Workload("J10d", "download of 100 kB", download),
    Workload("J11", "Email/set: move an email", move),
    Workload("J12", "Email/query by subject, from, size; filters", sort),
)
