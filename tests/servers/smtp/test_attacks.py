"""Mail that was made to do harm, on a running server: addresses, chunks, sub-addresses and bombs."""

from __future__ import annotations

import msgspec
import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.domain import DOMAIN
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.view import Transaction
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.smtp.lmtp_server import delivered, mail_of
from tests.servers.smtp.smtp_server import MESSAGE, Client, Running, serve


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        ("<bob@elsewhere.example>", "550 5.7.1"),
        ("<bob%elsewhere.example@example.org>", "550 5.1.1"),  # the %-hack
        ("<bob%elsewhere.example>", "501"),
        ("<elsewhere.example!bob@example.org>", "550 5.1.1"),  # a bang path
        ("<@example.org:bob@elsewhere.example>", "550 5.7.1"),  # a source route
        ("<@elsewhere.example,@example.org:bob@example.org>", "250"),
        ('<"bob@elsewhere.example"@example.org>', "550 5"),
        ("<bob@elsewhere.example@example.org>", "501"),
        ("<bob@example.org@elsewhere.example>", "501"),
        ('<"bob"@example.org>', "250"),
        ('<"bob\\@elsewhere.example"@example.org>', "550 5"),
        ('<b"ob"@example.org>', "501"),
        ("<bob @example.org>", "501"),
        ("<bob@example.org.>", "501"),
        ("<bob@example.org >", "501"),
        ("<bob@[127.0.0.1]>", "550 5.7.1"),
        ("<bob@[IPv6:::1]>", "550 5.7.1"),
        ("<bob@[192.0.2.1]>", "550 5.7.1"),
        ("<bob@127.0.0.1>", "550 5.7.1"),
        ("<bob@2130706433>", "550 5.7.1"),
        ("<BOB@EXAMPLE.ORG>", "250"),
        ("<bob@\u0435xample.org>", "550 5.7.1"),  # a Cyrillic letter
        ("<b\u043eb@example.org>", "550 5.1.1"),
        ("<bob@ex\u200bample.org>", "550 5.7.1"),  # no width
        ("</../../bob@example.org>", "501"),
        ("</etc/passwd@example.org>", "550 5.1.1"),
        ("<|sh@example.org>", "550 5.1.1"),
        ("<-oQ/tmp@example.org>", "550 5.1.1"),
        ("<bob@example.org> SIZE=1", "555"),
        ("<bob@example.org>,<x@elsewhere.example>", "501"),
        ("bob@example.org", "501"),
    ],
)
def test_no_spelling_of_an_address_makes_an_open_relay(store: EmbeddedStore, path: str, reply: str) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        assert (await client.say("MAIL FROM:<dave@sender.example> SMTPUTF8")).startswith("250")
        answer = await client.say(f"RCPT TO:{path}")
        assert answer.startswith(reply), answer
        if answer.startswith("250"):
            assert (await client.data(MESSAGE))[0].startswith("250")
            assert len(delivered(store, "bob")) == 1
        assert store.read(lambda view: view.due_entries("relay", 10)) == []

    serve(store, body)


@pytest.mark.parametrize(
    "detail",
    ["/Trash", "Trash", "INBOX", "INBOX.Trash", "Archive/2026", "a/b/c", "%00", "new", "~root", "#shared"],
)
def test_no_detail_of_a_sub_address_makes_a_mailbox_or_finds_one_that_has_a_role(
    store: EmbeddedStore, detail: str
) -> None:
    def allow(tx: Transaction) -> None:
        old = tx.get(DOMAIN, DIRECTORY, "d1")
        assert old is not None
        tx.write(DOMAIN, DIRECTORY, old, msgspec.structs.replace(old, detail_mailboxes=True, subaddress_separator="+"))

    store.write(allow)
    boxes = store.read(lambda view: {box.name: box.role for box in view.all(MAILBOX, "bob")})

    async def body(server: Running) -> None:
        client = await server.greeted()
        reply = await client.send(f"bob+{detail}@example.org", sender="dave@sender.example", message=MESSAGE)
        assert reply.startswith("250")

    serve(store, body)
    found = store.read(lambda view: {box.id: box for box in view.all(MAILBOX, "bob")})
    assert {box.name: box.role for box in found.values()} == boxes or not boxes
    assert all(box.role is not None for box in found.values())
    ((email, _),) = mail_of(store, "bob")
    assert [found[id].role for id in email.mailbox_ids] == ["inbox"]


# --- BDAT


async def _chunked(client: Client, octets: bytes) -> list[str]:
    await client.envelope("bob@example.org", sender="dave@sender.example")
    client.writer.write(octets)
    client.writer.write_eof()
    heard = []
    while reply := await client.hear():
        heard.append(reply[:3])
    return heard


INNER = b"MAIL FROM:<x@example.com>\r\nRCPT TO:<carol@example.org>\r\nDATA\r\nSubject: b\r\n\r\nb\r\n.\r\n"


@pytest.mark.parametrize("ending", [b"\r\n.\r\n", b"\r\n.\r\nQUIT\r\n"])
def test_what_would_end_data_is_content_of_a_chunk(store: EmbeddedStore, ending: bytes) -> None:
    async def body(server: Running) -> None:
        content = MESSAGE.rstrip() + ending + INNER
        heard = await _chunked(await server.greeted(), b"BDAT %d LAST\r\n%bNOOP\r\n" % (len(content), content))
        assert heard == ["250", "250"]

    serve(store, body)
    assert delivered(store, "carol") == []
    assert delivered(store, "bob")[0].endswith(MESSAGE.rstrip() + ending + INNER)


@pytest.mark.parametrize(
    "argument",
    [
        "-1",
        "+5 LAST",
        "0x10 LAST",
        "5 LAST LAST",
        "9" * 30,
        "",
        "LAST",
        "5,LAST",
        "5\tLAST",
        "1e3",
        "\u0665 LAST",
        "5LAST",
    ],
)
def test_a_chunk_whose_length_cannot_be_told_ends_the_connection(store: EmbeddedStore, argument: str) -> None:
    """Else the octets that follow would be taken for commands."""

    async def body(server: Running) -> None:
        heard = await _chunked(await server.greeted(), f"BDAT {argument}\r\n".encode() + INNER)
        assert heard in (["501"], ["500"])

    serve(store, body)
    assert delivered(store, "bob") == delivered(store, "carol") == []


def test_chunks_and_data_are_not_mixed_and_what_is_refused_is_swallowed(store: EmbeddedStore) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        heard = await _chunked(client, b"BDAT 4\r\na: bDATA\r\nRCPT TO:<carol@example.org>\r\nBDAT 0 LAST\r\n")
        assert heard == ["250", "503", "503", "250"]
        client = await server.greeted()
        client.writer.write(b"BDAT %d LAST\r\n" % len(INNER) + INNER + b"NOOP\r\n")  # without MAIL: no command inside
        assert [(await client.hear())[:3] for _ in range(2)] == ["503", "250"]
        client = await server.greeted()
        heard = await _chunked(client, b"BDAT 4 LAST\r\na: b" + b"BDAT %d LAST\r\n" % len(INNER) + INNER)
        assert heard == ["250", "503"]  # what follows LAST belongs to no message

    serve(store, body)
    assert delivered(store, "carol") == []


# --- bombs


def _nested(depth: int) -> bytes:
    heads = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
    return b"From: <a@b.example>\r\n" + heads + b"\r\nx\r\n"


BOMBS = {
    "nested parts": _nested(20_000),
    "nested messages": b"Content-Type: message/rfc822\r\n\r\n" * 20_000 + b"x\r\n",
    "very many parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 200_000,
    "very many fields": b"X: y\r\n" * 200_000 + b"\r\nx\r\n",
    "a field without end": b"Subject: " + b"x" * 4_000_000 + b"\r\n\r\nx\r\n",
    "folds without end": b"Subject: x\r\n" + b" \r\n" * 300_000 + b"\r\nx\r\n",
    "parameters in pieces": b"Content-Type: text/plain;\r\n"
    + b"".join(b" name*%d=x;\r\n" % n for n in range(50_000))
    + b" charset=x\r\n\r\nx\r\n",
    "very many addresses": b"To: " + b"a@b.example,\r\n " * 100_000 + b"a@b.example\r\n\r\nx\r\n",
    "comments in comments": b"From: " + b"(" * 500_000 + b"\r\n\r\nx\r\n",
    "encoded words": b"Subject: " + b"=?utf-8?q?x?=\r\n " * 100_000 + b"\r\n\r\nx\r\n",
    "quotes": b'From: "' + b"\\" * 500_000 + b"\r\n\r\nx\r\n",
    "signatures": b"DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=x; b=x\r\n" * 5_000 + b"\r\nx\r\n",
    "markup": b"Content-Type: text/html\r\n\r\n" + b"<div>" * 400_000 + b"\r\n",
    "a charset that grows": b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+AAAA-" * 300_000 + b"\r\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_taken_or_refused_and_the_next_message_as_well(store: EmbeddedStore, name: str) -> None:
    async def body(server: Running) -> None:
        client = await server.greeted()
        reply = await client.send("bob@example.org", sender="dave@sender.example", message=BOMBS[name])
        assert reply[:3] in ("250", "550", "554"), reply
        taken = reply.startswith("250")
        reply = await client.send("bob@example.org", sender="dave@sender.example", message=MESSAGE)
        assert reply.startswith("250")
        assert len(mail_of(store, "bob")) == 1 + taken

    serve(store, body)
