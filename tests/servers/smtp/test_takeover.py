"""One reply for all recipients: what their sender is told of single ones, by a notification."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.admin.mailing_list import MAILING_LIST, MailingList
from pillarbox.net.dns.settings import DnsSettings
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.smtp.lmtp_server import mail_of
from tests.servers.smtp.smtp_server import MESSAGE, Running, open_store, serve
from tests.servers.smtp.test_authenticity import BAD, GOOD, ZONE
from tests.support.queued_mail import queued


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A list that takes mail of its members only."""
    opened = open_store(tmp_path / "data")
    one = MailingList(id="g1", address="team@example.org", members=["carol"], owners=["carol"], domain_id="d1")
    opened.write(lambda tx: tx.write(MAILING_LIST, DIRECTORY, None, one))
    yield opened
    opened.close()


def answer(store: EmbeddedStore, sender: str, *recipients: str) -> str:
    """The reply to a message; recipients as RCPT has them."""
    heard: list[str] = []

    async def body(server: Running) -> None:
        client = await server.greeted()
        assert (await client.say(f"MAIL FROM:<{sender}> ENVID=QQ1"))[:3] == "250"
        for recipient in recipients:
            assert (await client.say(f"RCPT TO:{recipient}"))[:3] == "250"
        heard.extend(await client.data(MESSAGE))

    serve(store, body)
    return heard[0]


def test_who_is_refused_by_one_of_several_is_told_of_that_one(store: EmbeddedStore) -> None:
    assert answer(store, "dave@sender.example", "<bob@example.org>", "<team@example.org>")[:9] == "250 2.0.0"
    assert (len(mail_of(store, "bob")), len(mail_of(store, "carol"))) == (1, 0)
    ((job, report),) = queued(store)
    assert (job.mail_from.email, job.rcpt_to.email) == ("", "dave@sender.example")
    assert report.count(b"Action:") == 1
    assert b"Action: failed" in report
    assert b"Final-Recipient: rfc822; team@example.org" in report
    assert b"Original-Envelope-Id: QQ1" in report


def test_who_is_refused_by_all_hears_it_by_the_reply(store: EmbeddedStore) -> None:
    assert answer(store, "dave@sender.example", "<team@example.org>")[:9] == "550 5.7.1"
    assert queued(store) == []


def test_nobody_is_told_who_does_not_want_it_and_no_bounce_is_answered(store: EmbeddedStore) -> None:
    wish = "<team@example.org> NOTIFY=NEVER"
    assert answer(store, "dave@sender.example", "<bob@example.org>", wish)[:9] == "250 2.0.0"
    assert answer(store, "", "<bob@example.org>", "<team@example.org>")[:9] == "250 2.0.0"
    assert queued(store) == []


def test_who_asked_for_it_hears_of_what_has_arrived(store: EmbeddedStore) -> None:
    answer(store, "dave@sender.example", "<bob@example.org> NOTIFY=SUCCESS", "<carol@example.org>")
    ((_, report),) = queued(store)
    assert report.count(b"Action:") == 1
    assert b"Action: delivered" in report
    assert b"bob@example.org" in report


@pytest.mark.parametrize("spf", ["-all", "~all"])
@pytest.mark.parametrize("wish", ["NOTIFY=SUCCESS", "NOTIFY=SUCCESS,FAILURE,DELAY RET=FULL"])
def test_nobody_is_told_whose_address_somebody_else_has_used(
    store: EmbeddedStore, tmp_path: Path, spf: str, wish: str
) -> None:
    """Else whoever forges an address has this server send as many notifications there as he likes."""
    record = f'forged.example. 3600 TXT "v=spf1 ip4:192.0.2.7 {spf}"\n'
    wish, _, ret = wish.partition(" ")
    for address, count in ((BAD, 0), (GOOD, 1)):
        reply = send_from(store, tmp_path, address, f"MAIL FROM:<victim@forged.example> {ret}", record, f"bob {wish}")
        assert reply[:3] == "250"
        assert len(queued(store)) == count
    # A list that takes it from members only: all is refused, as nobody can be told of a part.
    reply = send_from(store, tmp_path, BAD, "MAIL FROM:<victim@forged.example>", record, "bob", "team")
    assert reply[:9] == "550 5.7.1"
    assert (len(queued(store)), len(mail_of(store, "bob"))) == (1, 2)


def send_from(store: EmbeddedStore, folder: Path, address: str, mail: str, records: str, *recipients: str) -> str:
    """The reply to a message from an address of the network; recipients as `NAME PARAMETERS`."""
    zone = folder / "root.zone"
    zone.write_text(ZONE.replace("{policy}", "none") + records)
    heard: list[str] = []

    async def body(server: Running) -> None:
        client = await server.connect()
        await client.hear()
        await client.hello()
        await client.say(f"XCLIENT ADDR={address}")
        await client.hello("mail.sender.example")
        assert (await client.say(mail.rstrip()))[:3] == "250"
        for recipient in recipients:
            name, _, wish = recipient.partition(" ")
            assert (await client.say(f"RCPT TO:<{name}@example.org> {wish}".rstrip()))[:3] == "250"
        heard.extend(await client.data(MESSAGE))

    dns = DnsSettings(servers=("127.0.0.1:9",), zone_files=(str(zone),))
    serve(store, body, dns=dns, smtp={"xclient_from": ("127.0.0.1",)})
    return heard[0]
