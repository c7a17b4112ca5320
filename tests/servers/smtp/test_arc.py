"""Mail that was sent on: what trusted forwarders say counts, and what is sent on from here is sealed (RFC 8617)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.core.dns import Answer, Question, Status, drive
from pillarbox.datatypes.admin.alias import ALIAS, Alias
from pillarbox.datatypes.admin.dkim_key import ACTIVE, add_keys
from pillarbox.datatypes.admin.domain import domain_of
from pillarbox.datatypes.admin.mailing_list import MAILING_LIST, MailingList
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.mailauth.arc import read_chain, verify_chain
from pillarbox.formats.mailauth.arc_seal import seal
from pillarbox.formats.mailauth.authentication_results import results_to_bytes
from pillarbox.formats.mailauth.dkim_sign import KeyAtSelector
from pillarbox.formats.mailauth.signing_key import ED25519_SHA256, SigningKey, new_key
from pillarbox.formats.mailauth.txt_record import zone_line
from pillarbox.formats.mailauth.verdict import Verdict
from pillarbox.storage.embedded import EmbeddedStore
from tests.servers.smtp.lmtp_server import mail_of
from tests.servers.smtp.smtp_server import MESSAGE
from tests.servers.smtp.test_authenticity import BAD, GOOD, send

KEYS = {
    domain: KeyAtSelector(domain, "s", SigningKey(new_key(ED25519_SHA256)))
    for domain in ("lists.example", "relay.example", "evil.example")
}
RECORDS = "\n".join(zone_line(f"s._domainkey.{key.domain}", key.key.record()) for key in KEYS.values()) + "\n"
TRUSTED = ("lists.example", "relay.example")


def sealed(message: bytes, domain: str, dmarc: str, *, chain: str, author: str = "sender.example") -> bytes:
    """The message as a handler sends it on, who says so of DMARC and of the chain before it."""
    before = read_chain(message)
    verdicts = [Verdict("arc", chain), Verdict("dmarc", dmarc, properties=(("header.from", author),))]
    prefix = f"i={before.newest + 1}; "
    results = results_to_bytes(f"mx.{domain}", verdicts, name="ARC-Authentication-Results", prefix=prefix)
    return seal(message, before, chain, results, KEYS[domain], 1_760_000_000) + message


def handed_on(hands: Sequence[tuple[str, str]], **more: str) -> bytes:
    message = MESSAGE
    for place, (domain, dmarc) in enumerate(hands):
        message = sealed(message, domain, dmarc, chain="pass" if place else "none", **more)
    return message


@pytest.mark.parametrize(
    ("hands", "reply"),
    [
        ([("lists.example", "pass")], "250"),
        ([("lists.example", "fail")], "550 5.7.1 DMARC"),
        ([("lists.example", "none")], "550 5.7.1 DMARC"),
        ([("evil.example", "pass")], "550 5.7.1 DMARC"),
        # Both are trusted; the second could not see any more what the first has seen.
        ([("lists.example", "pass"), ("relay.example", "fail")], "250"),
        # A stranger in between may have changed the message after it was good.
        ([("lists.example", "pass"), ("evil.example", "pass")], "550 5.7.1 DMARC"),
        ([("evil.example", "pass"), ("lists.example", "fail")], "550 5.7.1 DMARC"),
    ],
)
def test_only_what_trusted_forwarders_have_seen_pass_is_let_through(
    store: EmbeddedStore, tmp_path: Path, hands: list[tuple[str, str]], reply: str
) -> None:
    message = handed_on(hands)
    answer = send(store, tmp_path, BAD, message=message, records=RECORDS, trusted_arc_sealers=TRUSTED)
    assert answer.startswith(reply)


def test_a_good_word_about_another_author_is_none(store: EmbeddedStore, tmp_path: Path) -> None:
    message = handed_on([("lists.example", "pass")], author="evil.example")
    answer = send(store, tmp_path, BAD, message=message, records=RECORDS, trusted_arc_sealers=TRUSTED)
    assert answer.startswith("550 5.7.1 DMARC")


def test_a_chain_whose_message_was_changed_vouches_for_nothing(store: EmbeddedStore, tmp_path: Path) -> None:
    message = handed_on([("lists.example", "pass")]).replace(b"Hello.", b"Hello!")
    answer = send(store, tmp_path, BAD, message=message, records=RECORDS, trusted_arc_sealers=TRUSTED)
    assert answer.startswith("550 5.7.1 DMARC")


def furnish(store: EmbeddedStore) -> dict[str, str]:
    """An address and a list that lead elsewhere, and a key of the domain; its records by name."""

    def body(tx: Transaction) -> dict[str, str]:
        alias = Alias(id="lfar", address="far@example.org", forward_to=["x@far.test"], domain_id="d1")
        tx.write(ALIAS, DIRECTORY, None, alias)
        one = MailingList(
            id="g1",
            address="team@example.org",
            owners=["carol"],
            member_addresses=["y@far.test"],
            domain_id="d1",
            posting="anyone",
        )
        tx.write(MAILING_LIST, DIRECTORY, None, one)
        domain = domain_of(tx, "example.org")
        assert domain is not None
        return {key.dns_name: key.record for key in add_keys(tx, domain, [new_key(ED25519_SHA256)], ACTIVE)}

    return store.write(body)


@pytest.mark.parametrize("to", ["far@example.org", "team@example.org"])
def test_what_is_sent_on_is_sealed_with_what_was_found_out_at_its_arrival(
    store: EmbeddedStore, tmp_path: Path, to: str
) -> None:
    records = furnish(store)
    assert send(store, tmp_path, GOOD, to=to).startswith("250")
    (entry,) = store.read(lambda view: view.due_entries("relay", 10))
    data = store.read(lambda view: view.read_blob(entry.account, entry.blob))
    assert data is not None

    def answer(question: Question) -> Answer:
        found = records.get(question.name)
        return Answer(Status.NO_NAME) if found is None else Answer(Status.FOUND, (found.encode(),))

    chain = read_chain(data)
    assert drive(verify_chain(chain), answer) == Verdict("arc", "pass", properties=(("header.d", "example.org"),))
    results = b"".join(chain.sets[0].results.value.split())
    assert b"i=1;mx.example.org;" in results
    assert b"dmarc=pass" in results
    assert b"spf=pass" in results


def test_what_stays_here_is_not_sealed(store: EmbeddedStore, tmp_path: Path) -> None:
    furnish(store)
    assert send(store, tmp_path, GOOD).startswith("250")
    assert b"ARC-Seal" not in mail_of(store, "bob")[0][1]
