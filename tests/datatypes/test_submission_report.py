"""Whose word is taken for what: the rules that forged, repeated and contradicting reports meet."""

from typing import Any

import msgspec
import pytest

from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.submission_record import DeliveryStatus, EmailSubmission
from pillarbox.datatypes.submission_report import MOST_OCTETS, MOST_REPORTS, Report, with_dsn, with_mdn
from pillarbox.formats.report.dsn import Dsn, DsnRecipient, parse_dsn
from pillarbox.formats.report.mdn import Mdn, parse_mdn
from tests.support.returned_mail import Told, notification, receipt

BOB, CAROL = "bob@two.test", "carol@three.test"
PASSED_ON = DeliveryStatus("250 2.0.0 taken", "unknown")
REPORT = Report("G1", 2_000)


def submission(*statuses: tuple[Address | str, DeliveryStatus], envid: str | None = None, **more: Any) -> Any:
    """A submission that was sent; to Bob and Carol, who were passed on, unless told otherwise."""
    known = statuses or ((BOB, PASSED_ON), (CAROL, PASSED_ON))
    to = [one if isinstance(one, Address) else Address(one) for one, _ in known]
    parameters: dict[str, str | None] | None = {"ENVID": envid} if envid else None
    return EmailSubmission(
        identity_id="i",
        email_id="e",
        envelope=Envelope(Address("alice@example.org", parameters), to),
        delivery_status={address.email: status for address, (_, status) in zip(to, known, strict=True)},
        **{"asks_receipt": True, **more},
    )


def dsn(*told: Told, envelope_id: str = "") -> Dsn:
    found = parse_dsn(notification("1@example.org", *told, envelope_id=envelope_id))
    assert found is not None
    return found


def mdn(final: str, kind: str = "displayed") -> Mdn:
    found = parse_mdn(receipt("1@example.org", final, kind=kind))
    assert found is not None
    return found


def after(old: EmailSubmission, *told: Told, report: Report = REPORT) -> EmailSubmission:
    new = with_dsn(old, dsn(*told), report)
    assert new is not None
    return new


def statuses(new: EmailSubmission | None) -> dict[str, tuple[str, str]]:
    assert new is not None
    return {to: (one.delivered, one.smtp_reply) for to, one in (new.delivery_status or {}).items()}


def test_a_failure_is_believed_of_the_recipient_that_it_names_and_of_nobody_else() -> None:
    new = after(submission(), Told("BOB@Two.test"), Told("stranger@four.test"))
    assert statuses(new) == {BOB: ("no", "550 5.1.1 no such user"), CAROL: ("unknown", "250 2.0.0 taken")}
    assert new.dsn_blob_ids == ("G1",)


@pytest.mark.parametrize("known", ["yes", "no"])
@pytest.mark.parametrize("action", ["failed", "delivered", "delayed", "relayed"])
def test_what_is_known_for_good_stays(known: Any, action: str) -> None:
    to = Address(BOB, {"NOTIFY": "SUCCESS,FAILURE"})
    new = after(submission((to, DeliveryStatus("250 2.0.0 delivered", known))), Told(BOB, action, "2.0.0"))
    assert statuses(new) == {BOB: (known, "250 2.0.0 delivered")}


def test_a_delivery_is_believed_only_where_it_was_asked_for() -> None:
    told = Told(BOB, "delivered", "2.0.0", "smtp; 250 2.0.0 in the mailbox"), Told(CAROL, "delivered", "2.0.0", "")
    new = after(submission((Address(BOB, {"notify": "success"}), PASSED_ON), (CAROL, PASSED_ON)), *told)
    assert statuses(new) == {BOB: ("yes", "250 2.0.0 in the mailbox"), CAROL: ("unknown", "250 2.0.0 delivered")}


def test_nobody_tells_of_a_recipient_for_whom_nothing_was_to_be_told() -> None:
    old = submission((Address(BOB, {"NOTIFY": "NEVER"}), PASSED_ON))
    assert statuses(after(old, Told(BOB))) == statuses(old)


def test_a_delay_changes_the_words_and_a_failure_after_it_counts() -> None:
    late = after(submission(), Told(BOB, "delayed", "4.4.1", "smtp; 451 4.4.1 no answer"))
    assert statuses(late)[BOB] == ("unknown", "451 4.4.1 no answer")
    failed = after(late, Told(BOB, status="5.4.7", diagnostic=""), report=Report("G2", 1))
    assert statuses(failed)[BOB][0] == "no"
    assert statuses(failed)[BOB][1].startswith("550 5.4.7 It was tried again and again, in vain.")
    assert failed.dsn_blob_ids == ("G1", "G2")


def test_of_what_waits_here_only_a_failure_is_believed() -> None:
    queued = DeliveryStatus("250 2.0.0 queued", "queued")
    old = submission((Address(BOB, {"NOTIFY": "SUCCESS"}), queued), (CAROL, queued))
    assert statuses(after(old, Told(BOB, "delayed", "4.0.0"), Told(CAROL, "relayed", "2.0.0"))) == statuses(old)
    assert statuses(after(old, Told(CAROL)))[CAROL] == ("no", "550 5.1.1 no such user")


def test_the_original_recipient_tells_whom_a_failure_further_on_is_about() -> None:
    told = Told("robert@elsewhere.test", original=f"rfc822;{BOB}")
    assert statuses(after(submission(), told))[BOB][0] == "no"
    assert statuses(after(submission(), Told("robert@elsewhere.test")))[BOB][0] == "unknown"


def test_a_clients_own_original_recipient_is_known_again() -> None:
    old = submission((Address(BOB, {"ORCPT": "rfc822;list@one.test"}), PASSED_ON), (CAROL, PASSED_ON))
    assert statuses(after(old, Told("x@two.test", original="rfc822; list@one.test")))[BOB][0] == "no"


@pytest.mark.parametrize(
    "spelling", ["utf-8; jiří@two.test", r"utf-8;ji\x{159}\x{ED}@two.test", "rfc822; <JIŘÍ@two.test>"]
)
def test_internationalized_recipients_are_known_in_each_form(spelling: str) -> None:
    old = submission(("jiří@two.test", PASSED_ON))
    one = DsnRecipient(final_recipient="x@two.test", original_recipient=spelling, action="failed", status="5.1.1")
    assert statuses(with_dsn(old, Dsn(reporting_mta="mx", recipients=(one,)), REPORT))["jiří@two.test"][0] == "no"


@pytest.mark.parametrize("number", ["FFFFFF", "110000", "D800"])
def test_an_escape_of_no_character_names_nobody(number: str) -> None:
    one = DsnRecipient(final_recipient=f"\\x{{{number}}}@two.test", action="failed", status="5.1.1")
    old = submission()
    assert statuses(with_dsn(old, Dsn(reporting_mta="mx", recipients=(one,)), REPORT)) == statuses(old)


@pytest.mark.parametrize(
    ("given", "told", "is_meant"),
    [("a b", "a  b", True), ("one", "two", False), ("one", "", True), (None, "two", True)],
)
def test_the_id_of_the_envelope_tells_sendings_of_one_message_apart(
    given: str | None, told: str, is_meant: bool
) -> None:
    new = with_dsn(submission(envid=given), dsn(Told(BOB), envelope_id=told), REPORT)
    assert (new is not None) == is_meant


@pytest.mark.parametrize(
    ("told", "reply"),
    [
        (Told(BOB, diagnostic="smtp; 250 2.0.0 fine"), "550 5.1.1 250 2.0.0 fine"),  # no failure looks like a success
        (Told(BOB, status="2.0.0", diagnostic="x-unix; exit 1"), "550 5.0.0 exit 1"),
        (Told(BOB, status="4.4.7", diagnostic="smtp; connection timed out"), "450 4.4.7 connection timed out"),
        (Told(BOB, status="nonsense", diagnostic="\u202ealso \x07 this"), "550 5.0.0 also this"),
        (Told(BOB, diagnostic="smtp; 550-5.1.1 one\n\t550 5.1.1 two"), "550-5.1.1 one 550 5.1.1 two"),
        (Told(BOB, diagnostic="smtp; 550 " + "x" * 5_000), "550 " + "x" * 996),
    ],
)
def test_the_reply_is_one_line_that_fits_what_is_told(told: Told, reply: str) -> None:
    assert statuses(after(submission(), told))[BOB] == ("no", reply)


def test_actions_that_are_none_change_no_status() -> None:
    old = submission()
    assert statuses(after(old, Told(BOB, "exploded"))) == statuses(old)


def test_what_comes_twice_is_kept_once() -> None:
    once = after(submission(), Told(BOB))
    assert after(once, Told(BOB)) == once


def test_so_many_are_kept_and_then_only_those_that_bring_news() -> None:
    new = submission()
    for number in range(MOST_REPORTS + 10):
        new = after(new, Told(BOB, "delayed", "4.0.0", f"smtp; 450 {number}"), report=Report(f"G{number}", 1))
    assert len(new.dsn_blob_ids) == MOST_REPORTS
    assert statuses(new)[BOB][1] == f"450 {MOST_REPORTS - 1}"
    new = after(new, Told(BOB), report=Report("Gnews", 1))
    assert new.dsn_blob_ids[MOST_REPORTS:] == ("Gnews",)
    assert statuses(new)[BOB][0] == "no"
    assert after(new, Told(BOB), report=Report("Gmore", 1)) == new


def test_a_large_report_is_believed_but_not_kept() -> None:
    large = Report("G1", MOST_OCTETS + 1)
    new = after(submission(), Told(BOB), report=large)
    assert (statuses(new)[BOB][0], new.dsn_blob_ids) == ("no", ())
    old = submission()
    assert after(old, Told(BOB, "delayed", "4.0.0"), report=large) == old


def test_a_submission_that_was_not_sent_yet_is_told_nothing() -> None:
    held = msgspec.structs.replace(submission(), delivery_status=None)
    assert after(held, Told(BOB)).delivery_status == {}
    assert with_dsn(msgspec.structs.replace(held, envelope=None), dsn(Told(BOB)), REPORT) is None


def read(old: EmailSubmission, found: Mdn, author: str) -> dict[str, str]:
    new = with_mdn(old, found, author, REPORT)
    assert new is not None
    assert new.mdn_blob_ids == ("G1",)
    return {to: one.displayed for to, one in (new.delivery_status or {}).items()}


def test_a_receipt_of_a_recipient_says_that_it_was_displayed() -> None:
    assert read(submission(), mdn(BOB), BOB) == {BOB: "yes", CAROL: "unknown"}


@pytest.mark.parametrize("kind", ["deleted", "dispatched", "processed"])
def test_other_dispositions_are_no_display(kind: str) -> None:
    assert read(submission(), mdn(BOB, kind), BOB) == {BOB: "unknown", CAROL: "unknown"}


def test_recipients_do_not_write_receipts_for_each_other() -> None:
    assert read(submission(), mdn(CAROL), BOB) == {BOB: "unknown", CAROL: "unknown"}


def test_whoever_reads_what_had_one_recipient_has_it_from_there() -> None:
    old = submission(("team@two.test", PASSED_ON))
    assert read(old, mdn("bob@elsewhere.test"), "bob@elsewhere.test") == {"team@two.test": "yes"}


def test_a_message_that_did_not_ask_gets_no_receipt() -> None:
    assert with_mdn(submission(asks_receipt=False), mdn(BOB), BOB, REPORT) is None


def test_a_second_receipt_changes_nothing_but_is_kept() -> None:
    once = with_mdn(submission(), mdn(BOB), BOB, REPORT)
    assert once is not None
    twice = with_mdn(once, mdn(BOB), BOB, Report("G2", 1))
    assert twice is not None
    assert (twice.delivery_status, twice.mdn_blob_ids) == (once.delivery_status, ("G1", "G2"))
    assert with_mdn(once, mdn(BOB), BOB, REPORT) == once
