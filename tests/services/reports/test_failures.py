"""Failures wait together with their like, within bounds, and nobody's answers become reports."""

from __future__ import annotations

import pytest

from pillarbox.services.reports.failures import Failures
from tests.support.failed_mail import RUF, authenticated, peer

MESSAGE = b"From: a@sender.example\r\nSubject: Hello\r\n\r\nHello.\r\n"


class Waiting:
    """Failures of one process."""

    def __init__(self) -> None:
        self.failures = Failures(("postmaster", "noreply@example.org"))

    def offer(
        self,
        address: str = "192.0.2.66",
        tags: str = RUF,
        data: bytes = MESSAGE,
        to: str = "bob@example.org",
        **more: str,
    ) -> None:
        found = authenticated(tags, **more)  # type: ignore[arg-type]
        self.failures.offer(found, peer(address), "none", data, [to])

    def taken(self) -> list[tuple[str, int]]:
        """(domain, incidents) of what has come."""
        return [(failure.domain, failure.incidents) for failure in self.failures.take()]


@pytest.fixture
def waiting() -> Waiting:
    return Waiting()


def test_what_fails_alike_is_set_aside_as_one(waiting: Waiting) -> None:
    for _ in range(5):
        waiting.offer()
    waiting.offer(author="other.example")
    waiting.offer("192.0.2.67")
    assert waiting.taken() == [("sender.example", 5), ("other.example", 1), ("sender.example", 1)]
    assert waiting.taken() == []


def test_what_could_not_be_stored_is_set_aside_with_what_came_meanwhile(waiting: Waiting) -> None:
    waiting.offer()
    waiting.offer()
    taken = waiting.failures.take()
    waiting.offer()
    waiting.failures.give_back(taken)
    assert waiting.taken() == [("sender.example", 3)]


def test_addresses_of_one_network_are_one_source(waiting: Waiting) -> None:
    waiting.offer("2001:db8::1")
    waiting.offer("2001:db8::ffff:1")
    assert waiting.taken() == [("sender.example", 2)]


def test_one_source_one_domain_and_all_together_take_no_more_than_their_room(waiting: Waiting) -> None:
    for number in range(100):
        waiting.offer(author=f"d{number}.example")
    assert len(waiting.taken()) == 10
    for number in range(100):
        waiting.offer(f"198.51.100.{number}")
    assert len(waiting.taken()) == 50
    for number in range(1000):
        waiting.offer(f"10.0.{number // 250}.{number % 250}", author=f"e{number // 40}.example")
    assert len(waiting.taken()) == 500


def test_of_a_message_the_header_is_kept_and_of_a_huge_one_its_beginning(waiting: Waiting) -> None:
    waiting.offer(data=MESSAGE)
    waiting.offer("192.0.2.67", data=b"X-Much: y\r\n" * 10_000 + b"\r\n")
    small, large = waiting.failures.take()
    assert small.header == MESSAGE.removesuffix(b"Hello.\r\n")
    assert len(large.header) <= 32_768


@pytest.mark.parametrize(
    "data",
    [
        b"Auto-Submitted: auto-replied\r\n" + MESSAGE,
        b"auto-submitted: Auto-Generated; x=y\r\n" + MESSAGE,
        b"Content-Type: multipart/report; report-type=delivery-status\r\n" + MESSAGE,
        b"Content-Type: multipart/mixed; boundary=b\r\n"
        + MESSAGE
        + b"--b\r\nContent-Type: message/feedback-report\r\n",
        MESSAGE.replace(b"Hello", b"Report Domain: sender.example Submitter: x", 1),
    ],
)
def test_reports_and_answers_are_not_told_of(waiting: Waiting, data: bytes) -> None:
    waiting.offer(data=data)
    assert waiting.taken() == []


def test_what_says_that_a_person_wrote_it_is_told(waiting: Waiting) -> None:
    waiting.offer(data=b"Auto-Submitted: no\r\n" + MESSAGE)
    assert waiting.taken() == [("sender.example", 1)]


@pytest.mark.parametrize(
    "to", ["Postmaster@example.org", "postmaster+x@other.example", "noreply@example.org", "postmaster"]
)
def test_mail_to_where_reports_come_from_is_not_told_of(waiting: Waiting, to: str) -> None:
    waiting.offer(to=to)
    assert waiting.taken() == []
