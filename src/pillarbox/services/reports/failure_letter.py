"""The reports about messages that failed: what they say and leave out, and how many of them leave.

The limits are kept in the store, so that all processes and nodes share them and a restart does not begin anew.
Sections: RFC 9991 §2, §4, §5.1, §7, §8.1; RFC 6591 §3; RFC 6590.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.datatypes.view import View
from pillarbox.formats.mailauth.authentication_results import NAME, results_to_bytes
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.header import as_message_ids, as_text, find
from pillarbox.formats.message.header_block import read_block
from pillarbox.formats.report.feedback import FeedbackReport, feedback_to_bytes
from pillarbox.formats.report.heading import Heading
from pillarbox.formats.report.redaction import EVERY_FIELD, header_to_show, redact, redact_address
from pillarbox.services.dmarc_failure import Failure
from pillarbox.services.queue import enqueue
from pillarbox.services.reports.failures import likeness_of
from pillarbox.services.reports.outgoing import Letter, outgoing
from pillarbox.services.reports.waiting_failure import MEMO, end, note_told, was_told
from pillarbox.services.throttle import network_of
from pillarbox.storage.transaction import Transaction

_HOUR_MS, _YEAR_MS = 3_600_000, 365 * 86_400_000
_MOST_OF_SOURCE, _MOST_OF_ALL = 10, 500  # reports an hour
_MAX_FIELDS, _MAX_VALUE = 1000, 8_192


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """From whom reports come, and what is in them; without a key nothing is redacted."""

    sender: str
    host_name: str
    fields: tuple[str, ...]
    key: bytes | None


class FailureLetters(msgspec.Struct, frozen=True):
    """A failure, and the messages that tell of it; none if nobody wants to hear of it, or may."""

    failure: Failure
    letters: tuple[Letter, ...]


class Told(NamedTuple):
    """How many reports were queued, and held back by a limit."""

    queued: int
    limited: int


def write_letters(
    failure: Failure, addresses: Sequence[str], style: Style, spf_records: Sequence[str], now_ms: int
) -> FailureLetters:
    """The messages about a failure, one for each address. For a thread."""
    report = _report(failure, style, spf_records)
    host = style.sender.rpartition("@")[2]
    sent_at = datetime.fromtimestamp(now_ms / 1000, UTC)
    letters = []
    for address in addresses:
        id = f"{secrets.token_hex(12)}@{host}"
        heading = Heading(EmailAddress(None, style.sender), EmailAddress(None, address), sent_at, id)
        letters.append(Letter(address, feedback_to_bytes(report, heading, partial(secrets.token_hex, 12))))
    return FailureLetters(failure, tuple(letters))


def _report(failure: Failure, style: Style, spf_records: Sequence[str]) -> FeedbackReport:
    key, signature = style.key, failure.signature
    results = results_to_bytes(failure.authserv_id, failure.verdicts).decode("ascii", "replace")
    text = " ".join(results.removeprefix(f"{NAME}:").split())
    identity = (signature.value("header.i") if signature is not None else None) or ""
    fields = read_block(failure.header, 0, _MAX_FIELDS, _MAX_VALUE).fields
    ids = as_message_ids(find(failure.header, fields, "Message-ID") or b"") or [""]
    names = {name.lower() for name in style.fields}
    subject = as_text(find(failure.header, fields, "Subject") or b"") if names & {"subject", EVERY_FIELD} else ""
    return FeedbackReport(
        feedback_type="auth-failure",
        source_ip=failure.address,
        reporting_mta=style.host_name,
        original_mail_from=redact_address(failure.mail_from, key) if key is not None else failure.mail_from,
        arrived_at=datetime.fromtimestamp(failure.arrived_at, UTC),
        reported_domains=(failure.author,),
        authentication_results=(redact(text, key, is_tagged=True) if key is not None else text,),
        incidents=failure.incidents,
        auth_failure=failure.kind,
        delivery_result=failure.delivery_result,
        # RFC 9991 §4: those that failed to prove the author, or "none".
        identity_alignment=", ".join(failure.unaligned) or "none",
        dkim_domain=(signature.value("header.d") if signature is not None else None) or "",
        dkim_identity=redact(identity, key) if key is not None else identity,
        dkim_selector=(signature.value("header.s") if signature is not None else None) or "",
        spf_dns=tuple(f'txt : {failure.spf_domain} : "{record}"' for record in spf_records),
        header=header_to_show(failure.header, style.fields, key) + b"\r\n",
        message_id=ids[0] if names & {"message-id", EVERY_FIELD} else "",
        author=failure.author,
        subject=redact(subject, key) if key is not None else subject,
    )


def redaction_key(view: View) -> bytes | None:
    """The key of redacted addresses, if there is one. It is another each year."""
    found = view.recall(DIRECTORY, MEMO, "key")
    return bytes.fromhex(found) if found is not None else None


def ensure_redaction_key(tx: Transaction) -> bytes:
    """The same, made if there is none."""
    found = redaction_key(tx)
    if found is None:
        found = secrets.token_bytes(32)
        tx.keep_memo(DIRECTORY, MEMO, "key", found.hex(), tx.now_ms + _YEAR_MS)
    return found


def queue_failures(tx: Transaction, found: Sequence[FailureLetters], an_hour: int) -> Told:
    """Queue the reports that may leave, at most so many an hour to one domain. The failures wait no longer."""
    tx.lock(DIRECTORY)  # nodes do this one after the other
    queued = limited = 0
    for one in found:
        if not end(tx, one.failure):  # another process has seen to it
            continue
        like = likeness_of(one.failure)
        is_new = not was_told(tx, like)  # or it came to the store while another node told of it
        note_told(tx, like)
        for letter in one.letters:
            if is_new and _may_leave(tx, one.failure, letter, an_hour):
                enqueue(tx, outgoing(letter))
                queued += 1
            else:
                limited += 1
    return Told(queued, limited)


def _may_leave(tx: Transaction, failure: Failure, letter: Letter, an_hour: int) -> bool:
    """Whether all limits allow another report; it is counted then."""
    hour = tx.now_ms // _HOUR_MS
    limits = {
        f"to {letter.address.rpartition('@')[2].lower()} {hour}": an_hour,
        f"from {network_of(failure.address)} {hour}": _MOST_OF_SOURCE,
        f"all {hour}": _MOST_OF_ALL,
    }
    used = {name: int(tx.recall(DIRECTORY, MEMO, name) or 0) for name in limits}
    if any(used[name] >= most for name, most in limits.items()):
        return False
    for name in limits:
        tx.keep_memo(DIRECTORY, MEMO, name, str(used[name] + 1), (hour + 1) * _HOUR_MS)
    return True
