"""Mail from people who log in: who may send as whom, how much, and what leaves."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.outbox import Entry
from pillarbox.net.tls import TlsContexts
from pillarbox.services import queue_admin
from pillarbox.services.mail.url_access import authorize
from pillarbox.services.queue_admin import Search
from pillarbox.services.srs import reverse_path
from pillarbox.services.submission import HELD, Sender
from pillarbox.services.suppression import note_bounce
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.imap.imap_server import PASSWORD, change_account
from tests.servers.smtp.lmtp_server import delivered
from tests.servers.smtp.smtp_server import FROM_ALICE, MESSAGE, Running, serve
from tests.support.certificate_files import CertificateFiles
from tests.support.log import Lines


def entries(store: EmbeddedStore, answer: str) -> list[Entry]:
    """What waits in the outbox of a message that was answered so."""
    id = answer.split()[2]
    return store.read(lambda view: view.entries_of("alice", id))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_message_goes_to_accounts_here(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        assert (await client.send("bob@example.org")).startswith("250 2.0.0 x")
        (data,) = delivered(store, "bob")
        assert data.endswith(FROM_ALICE)
        assert b"Return-Path: <alice@example.org>" in data
        assert b"with ESMTPA id x" in data

    serve(store, body)


def test_what_is_for_elsewhere_is_queued_before_it_is_acknowledged(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        answer = await client.send("bob@example.org", "dave@elsewhere.example")
        assert [entry.destination for entry in entries(store, answer)] == ["elsewhere.example"]

    serve(store, body)


def test_the_queue_and_the_log_know_a_message_by_the_id_of_the_reply(store: EmbeddedStore) -> None:
    answers: list[str] = []

    async def body(server: Running) -> None:
        client = await server.logged_in()
        answers.append(await client.send("dave@elsewhere.example", "erin@elsewhere.example"))

    with Lines() as lines:
        serve(store, body)
    id = answers[0].split()[2]
    with store.snapshot() as view:
        shown = [queue_admin.show(view, one) for one in queue_admin.find(view, Search(accepted_as=id))]
    assert [one and (one.recipient, one.accepted_as) for one in shown] == [
        ("dave@elsewhere.example", id),
        ("erin@elsewhere.example", id),
    ]
    assert [line["id"] for line in lines.of("smtp.message")] == [id]


def test_without_a_login_nothing_is_sent(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted(server.submission)
        assert (await client.say("MAIL FROM:<alice@example.org>")) == "530 5.7.0 Authentication required"
        assert (await client.say("RCPT TO:<bob@example.org>")).startswith("503")

    serve(store, body)


def test_tls_from_the_beginning_and_by_starttls(
    store: EmbeddedStore, tls: TlsContexts, files: CertificateFiles
) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(server.submissions, files.client())
        assert (await client.hear()).startswith("220 ")
        listed = await client.hello()
        assert "STARTTLS" not in listed
        assert "AUTH SCRAM-SHA-256 OAUTHBEARER XOAUTH2 PLAIN LOGIN" in listed
        assert (await client.log_in()).startswith("235")
        await client.send("bob@example.org")
        assert b"with ESMTPSA id x" in delivered(store, "bob")[0]
        client = await server.greeted(server.submission)
        await client.log_in()
        await client.say("STARTTLS")
        await client.start_tls(files.client())
        await client.hello()
        # The login was in the clear, and is forgotten.
        assert (await client.say("MAIL FROM:<alice@example.org>")).startswith("530 5.7.0")
        assert (await client.log_in()).startswith("235")
        assert "AUTH" not in await client.hello()

    serve(store, body, tls=tls)


def test_login_is_asked_for_by_the_words_that_outlook_knows(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted(server.submission)
        assert await client.say("AUTH LOGIN") == f"334 {b64('Username:')}"
        assert await client.say(b64("alice@example.org")) == f"334 {b64('Password:')}"
        assert (await client.say(b64(PASSWORD))).startswith("235")
        client = await server.greeted(server.submission)
        assert await client.say(f"AUTH LOGIN {b64('alice@example.org')}") == f"334 {b64('Password:')}"
        assert (await client.say(b64(PASSWORD))).startswith("235")
        assert (await client.say("MAIL FROM: <alice@example.org>")).startswith("250")

    serve(store, body)


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted(server.submission)
        answers = {
            await client.log_in(password="wrong"),
            await client.log_in("nobody@example.org"),
            await client.log_in("nobody@elsewhere.example"),
        }
        assert answers == {"535 5.7.8 Authentication credentials invalid"}
        assert (await client.say("AUTH PLAIN !!!")).startswith("501 5.5.2")
        assert await client.say("AUTH PLAIN") == "334 "
        assert (await client.say("*")).startswith("501 5.7.0")
        assert (await client.log_in()).startswith("235")

    serve(store, body)


@pytest.mark.parametrize(
    ("sender", "reply"),
    [
        ("alice@example.org", "250 2.1.0"),
        ("ALICE@Example.Org", "250 2.1.0"),
        ("alice+list@example.org", "250 2.1.0"),
        ("both@example.org", "250 2.1.0"),
        ("anything@catch.example", "250 2.1.0"),
        ("", "250 2.1.0"),
        ("bob@example.org", "550 5.7.1"),
        ("root@example.org", "550 5.7.1"),
        ("alice@elsewhere.example", "550 5.7.1"),
        ("nobody@example.org", "550 5.7.1"),
    ],
)
def test_mail_returns_to_the_sender_only(store: EmbeddedStore, sender: str, reply: str) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        assert (await client.say(f"MAIL FROM:<{sender}>")).startswith(reply)

    serve(store, body)


@pytest.mark.parametrize(
    ("header", "reply"),
    [
        ("From: Alice <alice@example.org>", "250"),
        ("From: alice@example.org (Alice), both@example.org\r\nSender: alice@example.org", "250"),
        ("From: Us: alice@example.org, both@example.org;", "250"),
        ('From: "bob@example.org" <alice@example.org>', "250"),
        ("From: =?utf-8?q?bob=40example.org?= <alice@example.org>", "250"),
        ("Subject: no author", "250"),
        ("From: bob@example.org", "550 5.7.1"),
        ("From: alice@example.org, bob@example.org", "550 5.7.1"),
        ("From: alice@example.org\r\nSender: bob@example.org", "550 5.7.1"),
        ("From: alice@example.org\r\nResent-From: bob@example.org", "550 5.7.1"),
        ("From: Us: alice@example.org, bob@example.org;", "550 5.7.1"),
        ("From: alice@example.org\r\nFrom: bob@example.org", "554 5.6.0"),
        ("From: alice@example.org\r\nfRoM : bob@example.org", "554 5.6.0"),
        ("From: Nobody:;", "554 5.6.0"),
        ("From:", "554 5.6.0"),
        ("From: =?utf-8?q?alice=40example.org?=", "55"),
        ("From: <=?utf-8?q?alice?=@example.org>", "550 5.7.1"),
        ("From: alice@example.org <bob@example.org>", "55"),
        ("From: <alice@example.org> <bob@example.org>", "55"),
        ("From: alice", "55"),
        ("From: bob@example.org\r\n\t(alice@example.org)", "550 5.7.1"),
        ("X-Filler: " + "x" * 300_000 + "\r\nFrom: bob@example.org", "55"),
        ("X: y\r\n" * 2_001 + "From: bob@example.org", "554 5.6.0"),
    ],
)
def test_every_author_and_sender_in_the_header_has_to_be_the_account(
    store: EmbeddedStore, header: str, reply: str
) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        message = header.encode() + b"\r\n\r\nHello.\r\n"
        answer = await client.send("carol@example.org", message=message)
        assert answer.startswith(reply)
        assert len(delivered(store, "carol")) == (reply == "250")

    serve(store, body)


def test_the_null_reverse_path_does_not_make_another_author(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        answer = await client.send("carol@example.org", sender="", message=MESSAGE)
        assert answer.startswith("550 5.7.1")

    serve(store, body)


def test_what_is_missing_is_added_and_bcc_does_not_leave(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        message = "Subject: Grüße\r\nBcc: carol@example.org\r\n\r\nHällo.\r\n".encode()
        assert (await client.send("bob@example.org", "carol@example.org", message=message)).startswith("250")
        for account in ("bob", "carol"):
            (data,) = delivered(store, account)
            assert data.count(b"From: <alice@example.org>\r\n") == 1
            assert data.count(b"Message-ID: <") == data.count(b"Date: ") == 1
            assert b"Bcc" not in data
            assert data.endswith("Hällo.\r\n".encode())

    serve(store, body)


def test_an_unknown_recipient_here_is_refused_at_once(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        await client.say("MAIL FROM:<alice@example.org>")
        assert (await client.say("RCPT TO:<nobody@example.org>")).startswith("550 5.1.1")

    serve(store, body)


def test_an_account_that_asks_for_many_unknown_addresses_is_told_to_come_back_later(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        await client.say("MAIL FROM:<alice@example.org>")
        answers = [(await client.say(f"RCPT TO:<nobody{number}@example.org>"))[:9] for number in range(8)]
        # By another connection as well: what counts is the account.
        client = await server.logged_in()
        await client.say("MAIL FROM:<alice@example.org>")
        answers += [(await client.say(f"RCPT TO:<no{number}@example.org>"))[:9] for number in range(4)]
        assert answers == ["550 5.1.1"] * 11 + ["450 4.7.1"]
        assert (await client.say("RCPT TO:<bob@example.org>")).startswith("450 4.7.1")
        other = await server.logged_in("bob@example.org")
        await other.say("MAIL FROM:<bob@example.org>")
        assert (await other.say("RCPT TO:<alice@example.org>")).startswith("250")

    serve(store, body, smtp={"unknown_recipients_an_hour": 1, "tarpit_seconds": 0})


@pytest.mark.parametrize("is_submission", [True, False])
def test_an_address_for_bounces_takes_nothing_else(store: EmbeddedStore, *, is_submission: bool) -> None:
    address = store.write(lambda tx: reverse_path(tx, "dave@sender.example", "far@example.org"))

    async def body(server: Running) -> None:
        client = await server.logged_in() if is_submission else await server.greeted()
        await client.say("MAIL FROM:<alice@example.org>")
        assert (await client.say(f"RCPT TO:<{address}>")).startswith("550 5.1.1")
        await client.say("RSET")
        await client.say("MAIL FROM:<>")
        assert (await client.say(f"RCPT TO:<{address}>")).startswith("250")

    serve(store, body)


def test_a_message_is_held_until_its_time(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        assert "FUTURERELEASE " in await client.hello()
        assert (await client.say("MAIL FROM:<alice@example.org> HOLDFOR=3600")).startswith("250")
        await client.say("RCPT TO:<bob@example.org>")
        answer = (await client.data(FROM_ALICE))[0]
        assert delivered(store, "bob") == []
        (entry,) = entries(store, answer)
        assert entry.kind == HELD
        assert entry.due_at - store.clock.now_ms() > 3_500_000
        assert (await client.say("MAIL FROM:<alice@example.org> HOLDUNTIL=2999-01-01T00:00:00Z")).startswith("501")

        # Who released it knows the way.
        store.write(lambda tx: tx.postpone_entry(entry, 0, entry.body))
        assert store.write(lambda tx: Sender("mx.example.org").send_due(tx)) == 1
        assert delivered(store, "bob")[0].endswith(FROM_ALICE)

    serve(store, body)


def test_what_the_client_asks_of_other_servers_goes_into_the_queue(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        answer = await client.say("MAIL FROM:<alice@example.org> RET=HDRS ENVID=e+2B1 MT-PRIORITY=3 BY=120;R SMTPUTF8")
        assert answer.startswith("250")
        await client.say("RCPT TO:<dave@elsewhere.example> NOTIFY=DELAY,FAILURE ORCPT=rfc822;d@elsewhere.example")
        (entry,) = entries(store, (await client.data(FROM_ALICE))[0])
        job = msgspec.json.decode(entry.body)
        assert job["mailFrom"] == {
            "email": "alice@example.org",
            "parameters": {"RET": "HDRS", "ENVID": "e+1", "MT-PRIORITY": "3", "BY": "120;R", "SMTPUTF8": None},
        }
        assert job["rcptTo"]["parameters"] == {"NOTIFY": "DELAY,FAILURE", "ORCPT": "rfc822;d@elsewhere.example"}
        assert job["priority"] == 3

    serve(store, body)


def test_a_message_that_must_go_by_tls_is_queued_so(
    store: EmbeddedStore, tls: TlsContexts, files: CertificateFiles
) -> None:
    async def body(server: Running) -> None:
        client = await server.connect(server.submissions, files.client())
        await client.hear()
        await client.hello()
        await client.log_in()
        assert (await client.say("MAIL FROM:<alice@example.org> REQUIRETLS")).startswith("250")
        await client.say("RCPT TO:<dave@elsewhere.example>")
        (entry,) = entries(store, (await client.data(FROM_ALICE))[0])
        assert msgspec.json.decode(entry.body)["requireTls"] is True

    serve(store, body, tls=tls)


def test_an_account_that_sends_too_much_is_refused_for_a_while_and_reported(
    store: EmbeddedStore,
) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        await client.send("bob@example.org")
        await client.send("bob@example.org")
        answer = await client.say("MAIL FROM:<alice@example.org>")
        assert answer == "451 4.7.1 This account has reached its limit of 2 messages an hour; try again later"
        again = await server.logged_in()
        assert (await again.say("MAIL FROM:<alice@example.org>")).startswith("451 4.7.1")
        other = await server.logged_in("bob@example.org")
        assert (await other.say("MAIL FROM:<bob@example.org>")).startswith("250")

    with Lines() as lines:
        serve(store, body, submission={"messages_an_hour": 2, "slow_seconds": 0})
    first = lines.of("submission.too_much")[0]
    assert (first["account"], first["what"], first["used"], first["most"]) == ("alice", "messages an hour", 2, 2)


def test_two_connections_that_begin_at_once_do_not_pass_the_limit_together(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        one, two = await server.logged_in(), await server.logged_in()
        for client in (one, two):
            await client.envelope("bob@example.org", sender="alice@example.org")
        assert (await one.data(FROM_ALICE))[0].startswith("250")
        assert (await two.data(FROM_ALICE))[0].startswith("451 4.7.1")

    serve(store, body, submission={"messages_an_hour": 1, "slow_seconds": 0})


def test_near_the_limit_mail_for_other_servers_waits_in_the_queue(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        for _ in range(5):
            await client.send("dora@elsewhere.example")

    serve(store, body, submission={"messages_an_hour": 5, "slow_seconds": 0})
    rows: list[Any] = store.read(lambda view: view.db.rows("SELECT due_at, body FROM outbox ORDER BY due_at"))
    jobs = [(at, msgspec.json.decode(body)) for at, body in rows]
    waits = [at - job["queuedAt"] for at, job in jobs]
    assert [round(wait / 1000) for wait in waits] == [0, 0, 0, 0, 720]
    assert "leaves slowly" in jobs[-1][1]["reply"]


def test_recipients_are_counted_too(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        await client.send("bob@example.org", "carol@example.org")
        await client.say("MAIL FROM:<alice@example.org>")
        assert (await client.say("RCPT TO:<bob@example.org>")).startswith("250")
        assert (await client.say("RCPT TO:<carol@example.org>")).startswith("451 4.7.1")
        assert (await client.data(FROM_ALICE))[0].startswith("250")

    serve(store, body, submission={"recipients_a_day": 3, "slow_seconds": 0})


def test_a_message_by_url_is_sent(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        await client.send("alice@example.org")
        rump = "imap://alice%40example.org@mx.example.org/INBOX/;UID=1;URLAUTH=submit+alice%40example.org"
        (url,) = store.write(lambda tx: authorize(tx, "alice", [rump]))
        assert "BURL imap" in await client.hello()
        await client.envelope("bob@example.org", sender="alice@example.org")
        assert (await client.say(f"BURL {url} LAST")).startswith("250 2.0.0 x")
        assert b"Subject: Harbour" in delivered(store, "bob")[0]
        await client.envelope("bob@example.org", sender="alice@example.org")
        forged = url[:-1] + ("1" if url.endswith("0") else "0")
        assert (await client.say(f"BURL {forged} LAST")).startswith("554 5.6.6")
        other = await server.logged_in("bob@example.org")
        await other.envelope("alice@example.org", sender="bob@example.org")
        assert (await other.say(f"BURL {url} LAST")).startswith("554 5.6.6")

    serve(store, body)


def test_a_login_that_no_longer_holds_sends_nothing_more(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.logged_in()
        await client.envelope("bob@example.org", sender="alice@example.org")
        store.write(lambda tx: change_account(tx, "alice", is_enabled=False))
        await server.bridge.read(lambda view: view.all(MAILBOX, "alice"))
        assert (await client.data(FROM_ALICE))[0].startswith("530 5.7.0")
        assert delivered(store, "bob") == []

    serve(store, body)


def test_who_may_only_read_an_account_does_not_send_as_it(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted(server.submission)
        response = b64(f"carol@example.org\0alice@example.org\0{PASSWORD}")
        assert (await client.say(f"AUTH PLAIN {response}")).startswith("235")
        assert (await client.say("MAIL FROM:<carol@example.org>")).startswith("550 5.7.1")
        client = await server.greeted(server.submission)
        response = b64(f"bob@example.org\0alice@example.org\0{PASSWORD}")
        assert (await client.say(f"AUTH PLAIN {response}")).startswith("235")
        assert (await client.say("MAIL FROM:<alice@example.org>")).startswith("550 5.7.1")
        assert (await client.say("MAIL FROM:<bob@example.org>")).startswith("250")

    serve(store, body)


def test_an_address_that_refused_mail_for_good_is_refused_at_rcpt(store: EmbeddedStore) -> None:
    reply = "550 5.1.1 no such user"
    store.write(lambda tx: note_bounce(tx, "alice", "dave@elsewhere.example", reply, 7.0))

    async def body(server: Running) -> None:
        client = await server.logged_in()
        await client.say("MAIL FROM:<alice@example.org>")
        answer = await client.say("RCPT TO:<Dave@elsewhere.example>")
        assert answer.startswith("550 5.1.1 ")
        assert reply in answer
        assert (await client.say("RCPT TO:<erin@elsewhere.example>")).startswith("250")

    serve(store, body)
