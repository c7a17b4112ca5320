"""What the two servers are put through: a function for each turn, whose docstring says what has to come out of it.

A turn returns lines for the report, and asserts.
"""

from __future__ import annotations

import json
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from tests.peers.dane_peer import DanePeer
from tests.peers.network import OWN
from tests.peers.user import User, field, new_subject, parse, wait_for
from tests.peers.world import World


@dataclass
class Stage:
    """Who is there: ann@one.test, bob@two.test, and the world around them."""

    ann: User
    bob: User
    world: World
    dane: DanePeer | None = None  # a third server, of another program; None where that is not installed


Turn = Callable[[Stage], list[str]]
HONEST: list[Turn] = []
HOSTILE: list[Turn] = []
OTHERS: list[Turn] = []  # with another program


def _other(turn: Turn) -> Turn:
    OTHERS.append(turn)
    return turn


def _honest(turn: Turn) -> Turn:
    HONEST.append(turn)
    return turn


def _hostile(turn: Turn) -> Turn:
    HOSTILE.append(turn)
    return turn


def _trusted(message: EmailMessage, *more: str) -> list[str]:
    """Lines of a message that was believed, and came by TLS."""
    results, received = field(message, "Authentication-Results"), field(message, "Received")
    for wanted in ("spf=pass", "dkim=pass", "dmarc=pass", "iprev=pass", *more):
        assert wanted in results, (wanted, results)
    assert "TLS1.3" in received or "TLSv1.3" in received, received
    assert "ESMTPS" in received, received
    return [f"Authentication-Results: {results}", f"Received: {received}"]


@_honest
def submission_with_tls_from_the_beginning_to_a_domain_with_mta_sts(stage: Stage) -> list[str]:
    """What ann submits at port 465 comes to bob by TLS, signed, and passes all checks."""
    subject = new_subject("By 465")
    stage.ann.submit("bob@two.test", subject)
    return _trusted(stage.bob.receive(subject))


@_honest
def submission_with_starttls_to_a_domain_with_dane(stage: Stage) -> list[str]:
    """The other way, submitted at port 587, read by IMAP."""
    subject = new_subject("By 587")
    stage.bob.submit("ann@one.test", subject, port=587)
    return _trusted(stage.ann.receive_by_imap(subject))


@_honest
def jmap_both_ways(stage: Stage) -> list[str]:
    """EmailSubmission: deliveryStatus tells what the other server said."""
    lines = []
    for sender, reader in ((stage.ann, stage.bob), (stage.bob, stage.ann)):
        subject = new_subject(f"By JMAP from {sender.address}")
        submission = sender.submit_by_jmap(reader.address, subject)
        lines += _trusted(reader.receive(subject))
        status = sender.status(submission, reader.address)
        assert status["smtpReply"].startswith("250 2."), status
        lines.append(f"deliveryStatus: {status}")
    return lines


@_honest
def notification_of_success(stage: Stage) -> list[str]:
    """NOTIFY=SUCCESS: the server where the message ends says so, and the sender's submission shows it."""
    subject = new_subject("Tell me")
    submission = stage.ann.submit_by_jmap("bob@two.test", subject, notify="SUCCESS,FAILURE")
    stage.bob.receive(subject)
    told = stage.ann.receive_report(subject)
    assert "Action: delivered" in told, told
    return [*_words(told), f"deliveryStatus: {stage.ann.status(submission, 'bob@two.test')}"]


@_hostile
def wrong_tlsa_record(stage: Stage) -> list[str]:
    """DANE: a certificate that no TLSA record matches gets no mail; it waits, and the reason is told."""
    return _kept(stage, "x@wrong-tlsa.test")


@_hostile
def certificate_of_another_name_under_mta_sts(stage: Stage) -> list[str]:
    """MTA-STS, enforced: the MX's certificate is good for another name only. Mail waits."""
    return _kept(stage, "x@other-name.test")


@_hostile
def starttls_taken_away_under_mta_sts(stage: Stage) -> list[str]:
    """Somebody in the way hides STARTTLS. Mail for a domain that enforces MTA-STS waits."""
    return _kept(stage, "x@stripped.test")


@_hostile
def requiretls_where_there_is_none(stage: Stage) -> list[str]:
    """REQUIRETLS (RFC 8689): what would go in the clear otherwise waits."""
    return _kept(stage, "bob@plain.test", parameters={"REQUIRETLS": None})


@_other
def postfix_sends_by_dane_or_not_at_all(stage: Stage) -> list[str]:
    """Postfix with `dane-only` writes to ann, whose server's TLSA record it has verified."""
    assert stage.dane is not None
    subject = new_subject("By dane-only")
    stage.dane.send(stage.ann.address, subject)
    received = field(stage.ann.receive(subject), "Received")
    assert "with ESMTPS" in received, received
    verified = [line for line in stage.dane.log.splitlines() if "Verified TLS connection established to mx.one" in line]
    assert verified, stage.dane.log
    return [verified[-1], f"Received: {received}"]


@_other
def postfix_sends_nothing_where_dane_fails_or_is_not_there(stage: Stage) -> list[str]:
    """The same to a wrong TLSA record, and to a domain without one: it waits."""
    assert stage.dane is not None
    lines, dane = [], stage.dane
    for to in ("x@wrong-tlsa.test", stage.bob.address):
        dane.send(to, new_subject("Not by dane-only"))
        said = wait_for(f"mail for {to}", lambda to=to: dane.said_of(to))  # type: ignore[misc]
        assert "status=deferred" in said, said
        lines.append(said)
    return lines


@_other
def to_postfix_by_dane(stage: Stage) -> list[str]:
    """The other way: ann writes to Postfix, which has a TLSA record."""
    assert stage.dane is not None
    subject, dane = new_subject("To Postfix by DANE"), stage.dane
    submission = stage.ann.submit_by_jmap("bob@postfix.test", subject)
    status = stage.ann.status(submission, "bob@postfix.test")
    assert status["smtpReply"].startswith("250 2."), status
    received = wait_for("mail at Postfix", lambda: dane.received(subject))
    assert b"TLSv1.3" in received
    return [f"deliveryStatus: {status}"]


def _kept(stage: Stage, to: str, parameters: dict[str, str | None] | None = None) -> list[str]:
    subject = new_subject(f"Kept for {to}")
    submission = stage.ann.submit_by_jmap(to, subject, parameters=parameters)
    status = stage.ann.status(submission, to)
    assert status["delivered"] == "queued", status
    assert "4.7." in status["smtpReply"], status
    assert stage.bob.find(subject) is None, "it was delivered"
    return [f"deliveryStatus: {status}"]


@_hostile
def certificate_of_another_name_in_testing(stage: Stage) -> list[str]:
    """MTA-STS in mode testing: the same certificate, but mail goes."""
    subject = new_subject("Only testing")
    stage.ann.submit("bob@testing.test", subject)
    return _trusted(stage.bob.receive(subject))


@_hostile
def starttls_taken_away_without_a_policy(stage: Stage) -> list[str]:
    """A domain without a policy gets its mail in the clear: that is what opportunistic means."""
    subject = new_subject("In the clear")
    stage.ann.submit("bob@plain.test", subject)
    received = field(stage.bob.receive(subject), "Received")
    assert "with ESMTP " in received, received
    return [f"Received: {received}"]


@_hostile
def null_mx(stage: Stage) -> list[str]:
    """A domain that says it takes no mail: refused at once, and told in words."""
    return _bounced(stage, "x@nullmx.test", "5.1.10")


@_hostile
def unknown_user(stage: Stage) -> list[str]:
    """Nobody of that name at the other side: deliveryStatus says no, and a notification says why."""
    return _bounced(stage, "nobody@two.test", "5.1.1")


@_hostile
def loop_between_the_two(stage: Stage) -> list[str]:
    """Two aliases that lead to each other: the mail ends, and its sender hears of it."""
    return _bounced(stage, "round@one.test", "5.4.6", final="round@one.test")


@_hostile
def bounce_of_what_was_forwarded(stage: Stage) -> list[str]:
    """two.test sends on to nobody@one.test: the notification finds back, by SRS, to who wrote first."""
    return _bounced(stage, "gone@two.test", "5.1.1", final="nobody@one.test")


def _bounced(stage: Stage, to: str, code: str, *, final: str = "") -> list[str]:
    """`final` is the recipient that it fails for after others have taken it."""
    subject = new_subject(f"To {to}")
    submission = stage.ann.submit_by_jmap(to, subject)
    told = stage.ann.receive_report(subject)
    assert "Action: failed" in told, told
    assert f"Status: {code}" in told, told
    assert f"Final-Recipient: rfc822; {final or to}" in told, told
    if final:
        return _words(told)
    status = stage.ann.status(submission, to)
    assert status["delivered"] == "no", status
    return [f"deliveryStatus: {status}", *_words(told)]


def _words(report: str) -> list[str]:
    """What a person reads of a report."""
    body = parse(report.encode()).get_body(("plain",))
    assert body is not None
    return ["| " + line for line in body.get_content().strip().splitlines()]


@_hostile
def forgery_is_told_to_whose_name_it_used(stage: Stage) -> list[str]:
    """Somebody writes to bob as ann: one.test has a report that it can believe, without a person in it (RFC 9991)."""
    subject = new_subject("Give me your password")
    forged = EmailMessage()
    forged["From"], forged["To"], forged["Subject"] = "ann@one.test", "bob@two.test", subject
    forged.set_content("Quick.\n")
    with smtplib.SMTP(stage.bob.server.place.address, source_address=(OWN, 0)) as smtp:
        smtp.send_message(forged, from_addr="mallory@one.test")
    assert "dmarc=fail" in field(stage.bob.receive(subject), "Authentication-Results")

    def told() -> dict[str, Any] | None:
        found = stage.ann.server.run("report", "list", "one.test", "--kind", "feedback", "--json")
        return next(iter(json.loads(found)), None)

    # Failures are gathered for a minute, and reports are read once a minute.
    record = wait_for("a report about the forgery", told, seconds=240)
    assert (record["authFailure"], record["identityAlignment"]) == ("dmarc", "dkim, spf"), record
    assert (record["sourceAddress"], record["deliveryResult"]) == (OWN, "spam"), record
    assert (record["senderDomain"], record["reporterEmail"]) == ("two.test", "postmaster@two.test"), record
    ann = User(stage.ann.server, "ann@one.test", stage.ann.tls)  # the other connection was idle for too long
    data = ann.receive_report("Feedback-Type: auth-failure")
    _trusted(parse(data.encode()))
    for secret in ("mallory", subject):
        assert secret not in data, data
    shown = stage.ann.server.run("report", "show", record["id"])
    return ["| " + line for line in shown.splitlines()]


@_honest
def forward_with_srs_and_arc(stage: Stage) -> list[str]:
    """An alias at two.test leads back to carl@one.test: SPF passes by SRS, ARC by the seal of two.test."""
    subject = new_subject("Sent on")
    stage.ann.submit("forward@two.test", subject)
    carl = User(stage.ann.server, "carl@one.test", stage.ann.tls)
    message = carl.receive(subject)
    path = field(message, "Return-Path")
    assert path.lower().startswith("<srs0="), path
    assert message["ARC-Seal"] is not None
    return [f"Return-Path: {path}", *_trusted(message, "arc=pass")]
