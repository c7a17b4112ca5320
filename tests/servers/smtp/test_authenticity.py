"""What follows from what is found out about mail from outside, with zone files in the place of the DNS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pillarbox.datatypes.mailbox import id_of_role
from pillarbox.net.dns.settings import DnsSettings
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.smtp.lmtp_server import mail_of
from tests.servers.smtp.smtp_server import MESSAGE, Running, serve

ZONE = """
$ORIGIN .
@ 3600 SOA ns.example. hostmaster.example. 1 3600 600 86400 300
@ 3600 NS ns.example.
ns.example. 3600 A 192.0.2.53
mail.sender.example. 3600 A 192.0.2.7
7.2.0.192.in-addr.arpa. 3600 PTR mail.sender.example.
sender.example. 3600 TXT "v=spf1 ip4:192.0.2.7 -all"
_dmarc.sender.example. 3600 TXT "v=DMARC1; p={policy}"
"""
GOOD, BAD = "192.0.2.7", "192.0.2.66"


def send(
    store: EmbeddedStore,
    folder: Path,
    address: str,
    *,
    policy: str = "reject",
    message: bytes = MESSAGE,
    records: str = "",
    to: str = "bob@example.org",
    **smtp: Any,
) -> str:
    """The answer to a message from an address of the network; `records` are in the DNS as well."""
    zone = folder / "root.zone"
    zone.write_text(ZONE.replace("{policy}", policy) + records)
    answers: list[str] = []

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.hear()
        await client.hello()
        assert (await client.say(f"XCLIENT ADDR={address}")).startswith("220")
        await client.hello("mail.sender.example")
        answers.append(await client.send(to, sender="dave@sender.example", message=message))

    dns = DnsSettings(servers=("127.0.0.1:9",), zone_files=(str(zone),))
    serve(store, body, dns=dns, smtp={"xclient_from": ("127.0.0.1",), **smtp})
    return answers[0]


def is_junk(store: EmbeddedStore) -> bool:
    email, _ = mail_of(store, "bob")[0]
    junk = store.read(lambda view: id_of_role(view, "bob", "junk"))
    return junk in email.mailbox_ids


def test_mail_that_is_proved_to_be_its_authors_is_taken_and_marked(store: EmbeddedStore, tmp_path: Path) -> None:
    assert send(store, tmp_path, GOOD).startswith("250")
    data = mail_of(store, "bob")[0][1]
    head = data.removesuffix(MESSAGE)
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b"\t", b" ", b"")]
    assert names == [b"Return-Path", b"Received", b"Received-SPF", b"Authentication-Results"]
    assert b"from mail.sender.example (mail.sender.example [192.0.2.7])" in head
    assert b"dmarc=pass" in head
    assert b"spf=pass" in head
    assert b"iprev=pass" in head
    assert not is_junk(store)


def test_mail_that_its_domain_wants_rejected_is_refused(store: EmbeddedStore, tmp_path: Path) -> None:
    answer = send(store, tmp_path, BAD)
    assert answer.startswith("550 5.7.1 DMARC: sender.example wants mail rejected")
    assert mail_of(store, "bob") == []


def test_what_is_to_be_quarantined_goes_to_junk(store: EmbeddedStore, tmp_path: Path) -> None:
    assert send(store, tmp_path, BAD, policy="quarantine").startswith("250")
    assert is_junk(store)


@pytest.mark.parametrize(("dmarc", "in_junk"), [("quarantine", True), ("ignore", False)])
def test_an_administrator_may_be_milder(store: EmbeddedStore, tmp_path: Path, dmarc: str, in_junk: bool) -> None:
    assert send(store, tmp_path, BAD, dmarc=dmarc).startswith("250")
    assert is_junk(store) is in_junk
    assert b"dmarc=fail" in mail_of(store, "bob")[0][1]


def test_results_that_somebody_else_has_written_in_our_name_are_taken_away(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    forged = b"Authentication-Results: mx.example.org; dmarc=pass header.from=evil.example\r\n"
    assert send(store, tmp_path, GOOD, message=forged + MESSAGE).startswith("250")
    assert b"evil.example" not in mail_of(store, "bob")[0][1]


def test_several_authors_are_no_way_around_the_policy(store: EmbeddedStore, tmp_path: Path) -> None:
    message = b"From: <ceo@other.example>\r\n" + MESSAGE
    answer = send(store, tmp_path, BAD, message=message)
    assert answer.startswith("550") or is_junk(store)
