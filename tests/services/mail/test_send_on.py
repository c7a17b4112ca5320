"""Copies that leave for other servers: reverse-paths, bounces that come back, loops, what is said of delivery."""

from typing import Any

import pytest

from pillarbox.core.account import DIRECTORY
from pillarbox.core.faults import Kind
from pillarbox.datatypes.admin.srs_secret import rotate_srs_keys
from pillarbox.datatypes.envelope import Address
from pillarbox.services.mail.accept import Outcome
from pillarbox.services.queue import Job, job_of
from pillarbox.services.recipient import Refusal, find_recipient
from pillarbox.services.suppression import note_bounce
from tests.directory_fixture import Office
from tests.services.mail.test_accept import MESSAGE, count, take

FAR = "dave@sender.example"


def queued(office: Office) -> list[tuple[Job, bytes]]:
    """What waits to leave, with its octets."""

    def read(view: Any) -> list[tuple[Job, bytes]]:
        entries = view.due_entries("relay", 1000)
        return [(job_of(entry), view.read_blob(entry.account, entry.blob)) for entry in entries]

    return office.store.read(read)


def paths(office: Office) -> dict[str, str]:
    return {job.rcpt_to.email: job.mail_from.email for job, _ in queued(office)}


def refusal(office: Office, address: str) -> Refusal | None:
    return office.store.read(lambda view: find_recipient(view, address)).refusal


def forward(office: Office, *to: str, **more: Any) -> str:
    alice = office.account("alice@example.org")
    office.update("Account", alice, {"forwardTo": list(to), **more})
    return alice


def test_a_forward_leaves_with_a_path_of_ours_and_without_the_return_path(office: Office) -> None:
    alice = forward(office, "Alice@far.test")
    assert take(office, "alice@example.org") == [Outcome(is_sent_on=True)]
    assert count(office, alice) == 1
    ((job, data),) = queued(office)
    assert job.rcpt_to.email == "Alice@far.test"
    assert job.origin == "forward"
    assert job.mail_from.email.startswith("SRS0=")
    assert job.mail_from.email.endswith("=sender.example=dave@example.org")
    assert data == b"Delivered-To: alice@example.org\r\n" + MESSAGE.partition(b"\r\n")[2]


def test_a_bounce_finds_its_way_back_and_nothing_else_does(office: Office) -> None:
    forward(office, "alice@far.test", keepsCopy=False)
    take(office, "alice@example.org")
    (path,) = paths(office).values()
    (outcome,) = take(office, path, mail_from="")
    assert outcome == Outcome(is_sent_on=True)
    assert paths(office)[FAR] == ""
    (outcome,) = take(office, path, mail_from="spam@bad.test")
    assert outcome.fault is not None
    assert outcome.fault.kind is Kind.FORBIDDEN
    assert refusal(office, path.replace("sender.example", "victim.example")) is Refusal.UNKNOWN
    office.clock.forward(seconds=22 * 86_400)
    assert refusal(office, path) is Refusal.UNKNOWN


def test_a_catch_all_does_not_get_forged_bounces(office: Office) -> None:
    alice = office.account("alice@example.org")
    (id,) = office.call("Domain/query")["ids"]
    office.update("Domain", id, {"catchAll": alice})
    assert refusal(office, "SRS0=aaaaaaaa=aa=far.test=bob@example.org") is Refusal.UNKNOWN


def test_a_new_key_leaves_bounces_of_the_old_one_good(office: Office) -> None:
    forward(office, "alice@far.test")
    take(office, "alice@example.org")
    (path,) = paths(office).values()
    office.store.write(rotate_srs_keys)
    assert refusal(office, path) is None
    office.store.write(rotate_srs_keys)
    office.store.write(rotate_srs_keys)
    assert refusal(office, path) is Refusal.UNKNOWN


@pytest.mark.parametrize("sender", ["bounce+" + "x" * 55 + "@mail.sender.example", '"odd one"@sender.example'])
def test_a_path_that_does_not_fit_is_kept_here_for_as_long(office: Office, sender: str) -> None:
    forward(office, "alice@far.test")
    take(office, "alice@example.org", mail_from=sender)
    (path,) = paths(office).values()
    assert len(path.rpartition("@")[0]) <= 64
    found = office.store.read(lambda view: find_recipient(view, path.upper()))
    assert [to.address for to in found.forwards] == [sender]
    office.clock.forward(seconds=23 * 86_400)
    assert office.store.write(lambda tx: tx.drop_expired_memos(10)) == 1
    assert refusal(office, path) is Refusal.UNKNOWN


@pytest.mark.parametrize("sender", ["", "bob@example.org"])
def test_the_null_path_and_a_sender_of_ours_stay(office: Office, sender: str) -> None:
    forward(office, "alice@far.test")
    take(office, "alice@example.org", mail_from=sender)
    assert paths(office) == {"alice@far.test": sender}


def test_what_comes_back_is_not_sent_on_again(office: Office) -> None:
    alice = forward(office, "alice@far.test")
    take(office, "alice@example.org")
    ((_, sent),) = queued(office)
    again = b"Return-Path: <x@far.test>\r\nReceived: from far.test\r\n" + sent
    assert take(office, "alice@example.org", data=again) == [Outcome()]
    assert (len(queued(office)), count(office, alice)) == (1, 2)
    office.update("Account", alice, {"keepsCopy": False})
    assert take(office, "ALICE@example.org", data=again) == [Outcome(refusal=Refusal.LOOP)]
    assert (len(queued(office)), count(office, alice)) == (1, 2)


def test_a_message_that_went_through_too_many_servers_is_refused(office: Office) -> None:
    alice = office.account("alice@example.org")
    hop = b"Received: from a by b; Tue, 14 Nov 2023 22:13:20 +0000\r\n"
    path, _, rest = MESSAGE.partition(b"\r\n")
    assert take(office, "alice@example.org", data=path + b"\r\n" + hop * 100 + rest) == [Outcome()]
    many = path + b"\r\n" + hop * 101 + rest
    assert take(office, "alice@example.org", data=many) == [Outcome(refusal=Refusal.LOOP)]
    assert count(office, alice) == 1


def test_a_full_account_that_forwards_still_forwards(office: Office) -> None:
    alice = forward(office, "alice@far.test", quotaOctets=1)
    assert take(office, "alice@example.org") == [Outcome(is_sent_on=True)]
    assert (count(office, alice), len(queued(office))) == (0, 1)


def test_an_address_elsewhere_gets_one_copy_of_all_that_lead_to_it(office: Office) -> None:
    forward(office, "x@far.test")
    office.create("Alias", address="info@example.org", forwardTo=["x@far.test"])
    assert [one.is_taken for one in take(office, "alice@example.org", "info@example.org")] == [True, True]
    assert len(queued(office)) == 1


def test_the_directory_answers_for_aliases_and_an_account_for_its_own(office: Office) -> None:
    alice = forward(office, "x@far.test")
    office.create("Alias", address="info@example.org", forwardTo=["y@far.test"])
    take(office, "alice@example.org", "info@example.org")
    entries = office.store.read(lambda view: view.due_entries("relay", 10))
    assert {job_of(entry).rcpt_to.email: entry.account for entry in entries} == {
        "x@far.test": alice,
        "y@far.test": DIRECTORY,
    }


@pytest.mark.parametrize(
    ("keeps", "notify", "kept"),
    [
        (False, "SUCCESS,FAILURE", "SUCCESS,FAILURE"),
        (True, "SUCCESS,FAILURE", "FAILURE"),
        (True, "SUCCESS", "NEVER"),
        (True, "NEVER", "NEVER"),
        (True, None, None),
    ],
)
def test_success_is_told_by_the_only_copy(office: Office, keeps: bool, notify: str | None, kept: str | None) -> None:
    forward(office, "x@far.test", keepsCopy=keeps)
    given: dict[str, str | None] | None = {"NOTIFY": notify} if notify is not None else None
    take(office, Address("alice@example.org", given))
    ((job, _),) = queued(office)
    assert job.rcpt_to.parameter("NOTIFY") == kept
    assert job.rcpt_to.parameter("ORCPT") == "rfc822;alice@example.org"


def test_a_seal_and_the_need_of_tls_go_along(office: Office) -> None:
    forward(office, "x@far.test")
    take(office, "alice@example.org", seal=b"ARC-Seal: i=1\r\n", require_tls=True)
    ((job, data),) = queued(office)
    assert job.require_tls
    assert data.startswith(b"Delivered-To: alice@example.org\r\nARC-Seal: i=1\r\nFrom: ")


@pytest.mark.parametrize("keeps", [True, False])
def test_a_forward_to_who_refused_mail_for_good_refuses_only_what_nobody_else_gets(
    office: Office, *, keeps: bool
) -> None:
    alice = forward(office, "erin@far.test", keepsCopy=keeps)
    office.store.write(lambda tx: note_bounce(tx, alice, "erin@far.test", "550 5.1.1 no such user", 7.0))
    expected = Outcome() if keeps else Outcome(refusal=Refusal.UNKNOWN)
    assert take(office, "alice@example.org") == [expected]
    assert (count(office, alice), queued(office)) == (int(keeps), [])
