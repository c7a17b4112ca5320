"""What an answer of somebody who is away looks like, and which messages get none."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.vacation import Answer, answer_to_bytes, is_answered


def answered(sender: str = "dave@sender.example", header: str = "") -> bool:
    data = f"From: dave@sender.example\r\n{header}Subject: x\r\n\r\nHello\r\n".encode()
    return is_answered(sender, data, scan(data).root.fields)


@pytest.mark.parametrize(
    "sender",
    [
        "", "owner-talk@a.test", "talk-owner@a.test", "talk-request@a.test", "talk-bounces@a.test",
        "talk-bounces+dave=b.test@a.test", "bounce+1@a.test", "bounces@a.test", "MAILER-DAEMON@a.test",
        "mailer-daemon@a.test", "no-reply@a.test", "noreply@a.test", "news.noreply@a.test", "DoNotReply@a.test",
        "do_not_reply@a.test", "noreply+x@a.test", "listserv@a.test", "SRS0=abc=aa=b.test=dave@a.test",
        "prvs=123=dave@a.test",
    ],
)  # fmt: skip
def test_nobody_is_answered_behind_whose_address_is_nobody(sender: str) -> None:
    assert not answered(sender)


@pytest.mark.parametrize(
    "sender", ["dave@a.test", "norbert@a.test", "replyall@a.test", "d.owner@a.test", "list@a.test"]
)
def test_people_are_answered(sender: str) -> None:
    assert answered(sender)


@pytest.mark.parametrize(
    ("header", "is_answer_due"),
    [
        ("Auto-Submitted: no\r\n", True),
        ("Auto-Submitted: NO (really)\r\n", True),
        ("Auto-Submitted: auto-replied\r\n", False),
        ("Auto-Submitted: auto-generated; x=y\r\n", False),
        ("auto-submitted: something-new\r\n", False),
        ("List-Id: <a.b.test>\r\n", False),
        ("List-Unsubscribe: <mailto:a@b.test>\r\n", False),
        ("LIST-POST: NO\r\n", False),
        ("Precedence: bulk\r\n", False),
        ("Precedence: LIST\r\n", False),
        ("Precedence: first-class\r\n", True),
        ("X-Auto-Response-Suppress: DR, OOF\r\n", False),
        ("X-Auto-Response-Suppress: RN\r\n", True),
        ("Feedback-ID: 1:campaign\r\n", False),
        ("Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n", False),
    ],
)
def test_machines_and_lists_are_not_answered(header: str, *, is_answer_due: bool) -> None:
    assert answered(header=header) is is_answer_due


def build(**given: Any) -> bytes:
    answer = Answer(
        sender=EmailAddress("Alice", "alice@example.org"),
        recipient=EmailAddress(None, "dave@sender.example"),
        sent_at=datetime(2026, 11, 28, 5, 0, tzinfo=UTC),
        message_id="1@example.org",
        **{
            "subject": None, "text": None, "html": None, "original_subject": "Lunch", "original_id": ("o@b.test",),
            "references": ("r@b.test",), **given,
        },
    )  # fmt: skip
    return answer_to_bytes(answer, lambda: "b")


def test_an_answer_says_what_it_is_and_what_it_answers() -> None:
    data = build()
    assert b"\r\nAuto-Submitted: auto-replied\r\n" in data
    assert b"\r\nIn-Reply-To: <o@b.test>\r\n" in data
    assert b"\r\nReferences: <r@b.test> <o@b.test>\r\n" in data
    assert b"\r\nSubject: Auto: Lunch\r\n" in data
    assert b"\r\nTo: dave@sender.example\r\n" in data or b"\r\nTo: <dave@sender.example>\r\n" in data
    assert b"I am away" in data


def test_a_subject_cannot_bring_fields_along() -> None:
    data = build(subject="Away\r\nBcc: victim@b.test", original_subject="x\r\nBcc: victim@b.test")
    assert b"\r\nBcc:" not in data


def test_html_brings_its_text_along() -> None:
    data = build(html="<p>Back on <b>Monday</b></p>")
    assert b"multipart/alternative" in data
    assert b"Back on Monday" in data
    both = build(html="<p>Rich</p>", text="Plain\n")
    assert b"Plain" in both
    assert b"<p>Rich</p>" in both
    assert b"multipart" not in build(text="Plain\n")
