"""A first day with the server, told as a client sees it: a real `pillarbox demo`, real HTTP, and nothing else.

alice reads, tidies up and writes; bob is there to answer. Each test is a scene that needs none of the others.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.client import LATER, Client, Json
from tools.demo_process import DemoProcess

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300  # octets that no transfer encoding leaves as they are


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProcess]:
    with DemoProcess(Path(tmp_path_factory.mktemp("demo")) / "data", port_base=0) as running:
        yield running


def log_in(demo: DemoProcess, name: str) -> Client:
    user = next(user for user in demo.ready.users if user.name.startswith(name))
    return Client(demo.ready.session_url, user.name, user.password)


@pytest.fixture
def alice(demo: DemoProcess) -> Iterator[Client]:
    with log_in(demo, "alice") as client:
        yield client


@pytest.fixture
def bob(demo: DemoProcess) -> Iterator[Client]:
    with log_in(demo, "bob") as client:
        yield client


def write(client: Client, to: str, subject: str, text: str, **more: Any) -> str:
    """Keep a draft; its id."""
    body = {"textBody": [{"partId": "t", "type": "text/plain"}], "bodyValues": {"t": {"value": text}}}
    draft = {
        "mailboxIds": {client.mailboxes()["drafts"]["id"]: True},
        "keywords": {"$draft": True, "$seen": True},
        "from": [{"email": client.session["username"]}],
        "to": [{"email": to}],
        "subject": subject,
    }
    id: str = client.set("Email", create={"draft": draft | body | more})["created"]["draft"]["id"]
    return id


def send(client: Client, draft: str, **more: Any) -> Json:
    """Submit a draft and move it to Sent; what the server told of the submission."""
    boxes = client.mailboxes()
    identity = next(iter(client.get("Identity", None)))
    patch = {
        f"mailboxIds/{boxes['drafts']['id']}": None,
        f"mailboxIds/{boxes['sent']['id']}": True,
        "keywords/$draft": None,
    }
    submission = {"identityId": identity, "emailId": draft, **more}
    submit = {"create": {"send": submission}, "onSuccessUpdateEmail": {"#send": patch}}
    (name, answer, _), *followed = client.request(("EmailSubmission/set", submit))
    assert name == "EmailSubmission/set", answer
    # RFC 8621 §7.5: the implicit Email/set answers in the same response.
    assert [(name, answer["updated"]) for name, answer, _ in followed] == [("Email/set", {draft: None})]
    told: Json = answer["created"]["send"]
    return told


def found(client: Client, **filter: Any) -> list[str]:
    ids: list[str] = client.call("Email/query", filter=filter)["ids"]
    return ids


def arrival(client: Client, subject: str) -> Json:
    """The mail with this subject in the client's inbox, with all that a reader shows."""
    (id,) = found(client, inMailbox=client.mailboxes()["inbox"]["id"], subject=f'"{subject}"')
    return (
        client.get("Email", [id], fetchAllBodyValues=True)[id]
        | client.get("Email", [id], properties=["header:Bcc", "messageId"])[id]
    )


def email_state(client: Client) -> str:
    state: str = client.call("Email/get", ids=[])["state"]
    return state


def test_alice_opens_her_inbox_in_one_request(alice: Client) -> None:
    newest = {
        "filter": {"inMailbox": alice.mailboxes()["inbox"]["id"]},
        "sort": [{"property": "receivedAt", "isAscending": False}],
        "collapseThreads": True,
        "limit": 10,
        "calculateTotal": True,
    }
    rows = ["threadId", "subject", "from", "receivedAt", "preview", "keywords", "hasAttachment"]
    answers = alice.request(
        ("Email/query", newest),
        ("Email/get", {"#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"}, "properties": ["threadId"]}),
        ("Thread/get", {"#ids": {"resultOf": "1", "name": "Email/get", "path": "/list/*/threadId"}}),
        (
            "Email/get",
            {"#ids": {"resultOf": "2", "name": "Thread/get", "path": "/list/*/emailIds"}, "properties": rows},
        ),
    )
    query, tops, threads, rows_answer = (answer for _, answer, _ in answers)
    assert [top["id"] for top in tops["list"]] == query["ids"]
    assert len({top["threadId"] for top in tops["list"]}) == len(query["ids"]) == 10 < query["total"]
    emails = {email["id"]: email for email in rows_answer["list"]}
    assert set(emails) == {id for thread in threads["list"] for id in thread["emailIds"]}
    dates = [emails[id]["receivedAt"] for id in query["ids"]]
    assert dates == sorted(dates, reverse=True)
    assert all(email["subject"] and email["preview"] and email["from"] for email in emails.values())


def test_alice_searches_and_sees_why_a_mail_was_found(alice: Client) -> None:
    filter = {"operator": "AND", "conditions": [{"text": "harbour"}, {"after": "2000-01-01T00:00:00Z"}]}
    answers = alice.request(
        ("Email/query", {"filter": filter}),
        (
            "SearchSnippet/get",
            {"filter": filter, "#emailIds": {"resultOf": "0", "name": "Email/query", "path": "/ids"}},
        ),
    )
    ids, snippets = answers[0][1]["ids"], answers[1][1]["list"]
    assert len(ids) > 2
    assert [snippet["emailId"] for snippet in snippets] == ids
    shown = [f"{snippet['subject']} {snippet['preview']}".lower() for snippet in snippets]
    assert sum("<mark>harbour</mark>" in text for text in shown) > 2


def test_alice_reads_a_mail_with_an_attachment(alice: Client) -> None:
    wanted = found(alice, hasAttachment=True)
    emails = alice.get(
        "Email",
        wanted,
        fetchTextBodyValues=True,
        properties=["attachments", "textBody", "bodyValues", "size", "blobId"],
    )
    assert emails
    for email in emails.values():
        assert all(part["partId"] in email["bodyValues"] for part in email["textBody"] if part["type"] == "text/plain")
        assert len(alice.download(email["blobId"])) == email["size"]
        for part in email["attachments"]:
            assert len(alice.download(part["blobId"], part["name"] or "part", part["type"])) == part["size"] > 0


def test_alice_flags_and_files_and_the_counters_follow(alice: Client) -> None:
    boxes = alice.mailboxes()
    inbox, archive = boxes["inbox"]["id"], boxes["archive"]["id"]
    id = found(alice, inMailbox=inbox, notKeyword="$seen")[0]
    (thread,) = {email["threadId"] for email in alice.get("Email", [id], properties=["threadId"]).values()}
    state = alice.call("Mailbox/get", ids=[])["state"]
    alice.set("Email", update={id: {"keywords/$seen": True, "keywords/$flagged": True}})
    alice.set("Email", update={id: {"mailboxIds": {archive: True}}})
    changed = alice.call("Mailbox/changes", sinceState=state)
    assert set(changed["updated"]) >= {inbox, archive}
    assert changed["updatedProperties"] is not None
    after = alice.get("Mailbox", changed["updated"], properties=changed["updatedProperties"])
    assert after[inbox]["totalEmails"] == boxes["inbox"]["totalEmails"] - 1
    assert after[inbox]["unreadEmails"] == boxes["inbox"]["unreadEmails"] - 1
    assert after[archive]["totalEmails"] == boxes["archive"]["totalEmails"] + 1
    assert id in found(alice, inMailbox=archive, hasKeyword="$flagged")
    assert id in alice.get("Thread", [thread])[thread]["emailIds"]


def test_bob_sees_a_mail_of_alice_arrive_live_and_his_reply_lands_in_her_thread(alice: Client, bob: Client) -> None:
    state = email_state(bob)
    with bob.events("Email,Mailbox") as events:
        told = send(alice, write(alice, "bob@example.org", "The keys to the boathouse", "They hang behind the door.\n"))
        states = events.wait(bob.account, "Email", state)
    assert told["undoStatus"] == "final"
    arrived = bob.call("Email/changes", sinceState=state)
    assert (arrived["newState"], len(arrived["created"])) == (states["Email"], 1)
    mail = arrival(bob, "The keys to the boathouse")
    assert [mail["id"]] == arrived["created"]
    assert mail["from"] == [{"name": None, "email": "alice@example.org"}]
    assert "behind the door" in mail["bodyValues"][mail["textBody"][0]["partId"]]["value"]

    seen_by_alice = email_state(alice)
    with alice.events() as events:
        reply = {"inReplyTo": mail["messageId"], "references": mail["messageId"]}
        send(bob, write(bob, "alice@example.org", "Re: The keys to the boathouse", "Found them.\n", **reply))
        events.wait(alice.account, "Email", seen_by_alice)
    answer = arrival(alice, "Re: The keys to the boathouse")
    (sent,) = found(alice, inMailbox=alice.mailboxes()["sent"]["id"], subject="boathouse")
    assert alice.get("Thread", [answer["threadId"]])[answer["threadId"]]["emailIds"] == [sent, answer["id"]]


def test_an_attachment_and_a_name_in_any_script_come_out_as_they_went_in(alice: Client, bob: Client) -> None:
    blob = alice.upload(PNG, "image/png")
    assert blob["size"] == len(PNG)
    part = {"blobId": blob["blobId"], "type": "image/png", "name": "Grundriß — 平面図.png", "disposition": "attachment"}
    state = email_state(bob)
    with bob.events() as events:
        draft = write(
            alice,
            "bob@example.org",
            "Pläne für die Küche 🧭",
            "Anbei.\n",
            attachments=[part],
            bcc=[{"email": "carol@example.org"}],
        )
        send(alice, draft)
        events.wait(bob.account, "Email", state)
    mail = arrival(bob, "Pläne für die Küche")
    assert mail["subject"] == "Pläne für die Küche 🧭"
    assert (mail["hasAttachment"], mail["header:Bcc"]) == (True, None)
    (attachment,) = mail["attachments"]
    assert (attachment["name"], attachment["type"], attachment["size"]) == (part["name"], "image/png", len(PNG))
    assert bob.download(attachment["blobId"], attachment["name"], "image/png") == PNG
    # Her own copy keeps the field.
    assert alice.get("Email", [draft], properties=["bcc"])[draft]["bcc"] == [
        {"name": None, "email": "carol@example.org"}
    ]


def test_alice_takes_back_what_she_sent_too_early(alice: Client, bob: Client) -> None:
    draft = write(alice, "bob@example.org", "Something said in anger", "...\n")
    hold = {
        "mailFrom": {"email": "alice@example.org", "parameters": {"HOLDFOR": "600"}},
        "rcptTo": [{"email": "bob@example.org"}],
    }
    told = send(alice, draft, envelope=hold)
    assert told["undoStatus"] == "pending"
    back = {
        f"mailboxIds/{alice.mailboxes()['drafts']['id']}": True,
        f"mailboxIds/{alice.mailboxes()['sent']['id']}": None,
    }
    alice.set(
        "EmailSubmission", update={told["id"]: {"undoStatus": "canceled"}}, onSuccessUpdateEmail={told["id"]: back}
    )
    assert alice.get("EmailSubmission", [told["id"]])[told["id"]]["undoStatus"] == "canceled"
    assert found(alice, inMailbox=alice.mailboxes()["drafts"]["id"], subject="anger") == [draft]
    assert found(bob, subject="anger") == []


def test_a_message_that_was_held_is_delivered_when_its_time_comes(alice: Client, bob: Client) -> None:
    state = email_state(bob)
    hold = {
        "mailFrom": {"email": "alice@example.org", "parameters": {"HOLDFOR": "1"}},
        "rcptTo": [{"email": "bob@example.org"}],
    }
    with bob.events() as events:
        told = send(alice, write(alice, "bob@example.org", "In a moment", "...\n"), envelope=hold)
        assert told["undoStatus"] == "pending"
        events.wait(bob.account, "Email", state)
    assert arrival(bob, "In a moment")
    refused = alice.call("EmailSubmission/set", update={told["id"]: {"undoStatus": "canceled"}})
    assert refused["notUpdated"][told["id"]]["type"] == "cannotUnsend"


def test_a_forwarded_message_can_be_opened_inside_the_one_that_carries_it(alice: Client, bob: Client) -> None:
    id = found(alice, hasAttachment=True)[0]
    original = alice.get("Email", [id])[id]
    part = {"blobId": original["blobId"], "type": "message/rfc822", "name": "original.eml", "disposition": "attachment"}
    state = email_state(bob)
    with bob.events() as events:
        send(alice, write(alice, "bob@example.org", "Fwd: see below", "As promised.\n", attachments=[part]))
        events.wait(bob.account, "Email", state)
    (attached,) = arrival(bob, "Fwd: see below")["attachments"]
    assert attached["type"] == "message/rfc822"
    assert bob.download(attached["blobId"]) == alice.download(original["blobId"])
    parsed = bob.call("Email/parse", blobIds=[attached["blobId"]], fetchAllBodyValues=True)["parsed"][
        attached["blobId"]
    ]
    same = ["subject", "from", "messageId", "sentAt", "preview", "hasAttachment"]
    assert {name: parsed[name] for name in same} == {name: original[name] for name in same}
    inner = alice.get("Email", [id], properties=["attachments"])[id]["attachments"][0]
    assert bob.download(parsed["attachments"][0]["blobId"]) == alice.download(inner["blobId"])


def test_alice_writes_to_herself(alice: Client) -> None:
    boxes = alice.mailboxes()
    send(alice, write(alice, "Alice@Example.ORG", "Buy string", "Two balls.\n"))
    until = time.monotonic() + LATER
    while len(found(alice, subject="string")) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    kept = alice.get(
        "Email", found(alice, subject="string"), properties=["mailboxIds", "threadId", "messageId"]
    ).values()
    assert sorted(list(email["mailboxIds"]) for email in kept) == sorted(
        [[boxes["inbox"]["id"]], [boxes["sent"]["id"]]]
    )
    assert len({email["threadId"] for email in kept}) == 1
