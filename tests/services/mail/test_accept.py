"""A message is taken over for its recipients in one transaction."""

from typing import Any

import pytest

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email import EMAIL
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.mailbox import MAILBOX, Mailbox, id_of_role
from pillarbox.services.directory import find_recipient
from pillarbox.services.mail.accept import Destination, Incoming, Outcome, accept
from tests.directory_fixture import Office

MESSAGE = b"Return-Path: <dave@sender.example>\r\nFrom: dave@sender.example\r\nSubject: x\r\n\r\nHello\r\n"


def take(
    office: Office, *to: str | Address, data: bytes = MESSAGE, mail_from: str = "dave@sender.example", **more: Any
) -> list[Outcome]:
    """Have a message taken over that was read before."""

    def body(tx: Any) -> list[Outcome]:
        addresses = [Address(one) if isinstance(one, str) else one for one in to]
        recipients = tuple(Destination(one, find_recipient(tx, one.email)) for one in addresses)
        assert [r.address.email for r in recipients if r.found.refusal is not None] == []
        incoming = Incoming(
            reading=read_message(data),
            mail_from=Address(mail_from),
            recipients=recipients,
            received_ms=tx.now_ms,
            **more,
        )
        return accept(tx, incoming)

    return office.store.write(body)


def count(office: Office, account: str, role: str = "inbox") -> int:
    return office.store.read(lambda view: len(view.member_ids(EMAIL, account, id_of_role(view, account, role) or "")))


def test_an_account_that_several_recipients_lead_to_gets_one_copy(office: Office) -> None:
    alice, bob = office.account("alice@example.org"), office.account("bob@example.org")
    office.create("Alias", address="both@example.org", targets=[alice, bob])
    assert take(office, "alice@example.org", "both@example.org", "alice+x@example.org") == [Outcome()] * 3
    assert (count(office, alice), count(office, bob)) == (1, 1)


def test_a_full_account_of_an_alias_is_passed_over_and_one_alone_is_told(office: Office) -> None:
    alice, bob = office.account("alice@example.org", quotaOctets=1), office.account("bob@example.org")
    office.create("Alias", address="both@example.org", targets=[alice, bob])
    outcomes = take(office, "both@example.org", "alice@example.org")
    assert outcomes[0] == Outcome()
    assert outcomes[1].fault is not None
    assert outcomes[1].fault.kind is Kind.OVER_QUOTA
    assert (count(office, alice), count(office, bob)) == (0, 1)


def test_the_refusal_of_the_only_account_is_raised(office: Office) -> None:
    alice = office.account("alice@example.org", quotaOctets=1)
    with pytest.raises(Fault) as caught:
        take(office, "alice@example.org")
    assert caught.value.kind is Kind.OVER_QUOTA
    assert count(office, alice) == 0


def test_what_is_quarantined_goes_to_junk(office: Office) -> None:
    alice = office.account("alice@example.org")
    take(office, "alice@example.org", is_quarantined=True)
    assert (count(office, alice), count(office, alice, "junk")) == (0, 1)


def test_mail_for_a_sub_address_goes_to_the_mailbox_of_its_name_where_the_domain_says_so(office: Office) -> None:
    alice = office.account("alice@example.org")
    (id,) = office.call("Domain/query")["ids"]

    def make(tx: Any) -> str:
        box = Mailbox(id=tx.new_id(MAILBOX), name="Lists")
        tx.write(MAILBOX, alice, None, box)
        return box.id

    box = office.store.write(make)

    def there() -> int:
        return office.store.read(lambda view: len(view.member_ids(EMAIL, alice, box)))

    take(office, "alice+lists@example.org")
    assert (count(office, alice), there()) == (1, 0)
    office.update("Domain", id, {"detailMailboxes": True})
    take(office, "alice+LISTS@example.org")
    assert (count(office, alice), there()) == (1, 1)
    for detail in ("other", "trash", "junk"):
        take(office, f"alice+{detail}@example.org")
    assert (count(office, alice), count(office, alice, "trash")) == (4, 0)
    take(office, "alice+lists@example.org", is_quarantined=True)
    assert (there(), count(office, alice, "junk")) == (1, 1)
