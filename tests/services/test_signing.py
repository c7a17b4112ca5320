from functools import partial

import pytest

from pillarbox.core.dns import Answer, Question, Status, drive
from pillarbox.datatypes.admin.dkim_key import ACTIVE, PUBLISHED, add_keys
from pillarbox.datatypes.admin.domain import domain_of
from pillarbox.datatypes.admin.name import domain_name
from pillarbox.formats.mailauth.arc import read_chain, verify_chain
from pillarbox.formats.mailauth.dkim import read_signatures, verify_signatures
from pillarbox.formats.mailauth.signing_key import ED25519_SHA256, new_key
from pillarbox.services.mail_authentication import CheckedPeer, authenticate, prepare
from pillarbox.services.signing import seal_fields, signature_fields
from tests.directory_fixture import Office


def enter(office: Office, name: str, state: str = "active") -> None:
    """A domain with a key."""
    if name != "example.org":  # which the office has
        office.create("Domain", name=name)
    domain = office.store.read(lambda view: domain_of(view, domain_name(name) or name))
    assert domain is not None
    kept = ACTIVE if state == "active" else PUBLISHED
    office.store.write(lambda tx: add_keys(tx, domain, [new_key(ED25519_SHA256)], kept))


def signers(office: Office, head: str, mail_from: str = "bounce@example.org") -> list[str]:
    """The domains whose signatures verify on a message."""
    message = f"{head}\r\nSubject: x\r\n\r\nHello\r\n".encode()
    fields = office.store.read(lambda view: signature_fields(view, message, mail_from))
    records = {key["dnsName"]: key["record"] for key in office.records("DkimKey")}

    def answer(question: Question) -> Answer:
        return Answer(Status.FOUND, (records[question.name].encode(),))

    verdicts = drive(verify_signatures(read_signatures(fields + message), office.clock.now_ms() // 1000), answer)
    assert all(verdict.result == "pass" for verdict in verdicts)
    return [verdict.value("header.d") or "" for verdict in verdicts]


@pytest.mark.parametrize(
    ("head", "domain"),
    [
        ("From: ada@example.org", "example.org"),
        ("From: Ada <ada@EXAMPLE.org>", "example.org"),
        ("From: ada@news.example.org", "example.org"),
        ("From: a@example.com, ada@example.org", "example.org"),
        ("From: ada@b\u00fccher.example", "xn--bcher-kva.example"),
        ("From: team: ada@example.org;", "example.org"),
    ],
)
def test_the_authors_domain_signs_or_the_one_above_it(office: Office, head: str, domain: str) -> None:
    enter(office, "example.org")
    enter(office, "b\u00fccher.example")
    assert signers(office, head) == [domain]


@pytest.mark.parametrize(
    "head",
    [
        "From: ada@example.com",
        "From: ada@notexample.org",
        "From: ada@org",
        "From: \u00ff",
        "From: ",
        "To: ada@example.org",
        'From: "ada@example.org" <ada@example.com>',
        "From: ada@example.com\r\nFrom: ada@example.org",
    ],
)
def test_nobody_signs_for_authors_elsewhere(office: Office, head: str) -> None:
    enter(office, "example.org")
    assert signers(office, head) == []


def test_a_list_signs_what_others_wrote(office: Office) -> None:
    enter(office, "example.org")
    head = "From: ada@example.com\r\nList-Id: <x.example.org>"
    assert signers(office, head) == ["example.org"]
    assert signers(office, head, "") == []


def test_a_domain_below_ours_with_keys_of_its_own_signs_itself(office: Office) -> None:
    enter(office, "example.org")
    enter(office, "news.example.org")
    assert signers(office, "From: ada@news.example.org") == ["news.example.org"]


def test_keys_that_are_only_published_do_not_sign(office: Office) -> None:
    enter(office, "example.org", "published")
    assert signers(office, "From: ada@example.org") == []


def test_a_disabled_domain_does_not_sign(office: Office) -> None:
    enter(office, "example.org")
    office.update("Domain", office.records("Domain")[0]["id"], {"isEnabled": False})
    assert signers(office, "From: ada@example.org") == []


def test_what_is_sent_on_is_sealed_by_the_domain_that_sends_it_on(office: Office) -> None:
    enter(office, "example.org")
    message = b"From: bob@example.com\r\nSubject: x\r\n\r\nHello\r\n"
    records = {key["dnsName"]: key["record"] for key in office.records("DkimKey")}
    peer = CheckedPeer("192.0.2.1", "mail.example.com", "bob@example.com", "mx.example.org", 1_700_000_000)

    def answer(question: Question) -> Answer:
        found = records.get(question.name)
        return Answer(Status.NO_NAME) if found is None else Answer(Status.FOUND, (found.encode(),))

    for instance in (1, 2):
        found = drive(authenticate(prepare(message), peer), answer)
        fields = office.store.read(partial(seal_fields, message=message, found=found, address="list@example.org"))
        message = fields + message
        chain = read_chain(message)
        assert (chain.newest, chain.sealers[-1]) == (instance, "example.org")
        assert drive(verify_chain(chain), answer).result == "pass"
        assert f"i={instance}; mx.example.org; iprev=".encode() in fields
    assert b"arc=pass" in fields
    assert office.store.read(partial(seal_fields, message=message, found=found, address="bob@example.com")) == b""
