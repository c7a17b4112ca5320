"""Postmasters hear of accounts that send so much that they are slowed or refused, at most once a day of each.

The letter goes to postmaster of the account's domain, or else to the administrators' accounts here.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from pillarbox.core.account import DIRECTORY
from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault
from pillarbox.datatypes.admin.account import ACCOUNT, administers
from pillarbox.datatypes.email.reading import read_message
from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.build import build_message
from pillarbox.formats.message.draft import Addresses, Date, Draft, DraftField, DraftPart, MessageIds, Text
from pillarbox.formats.message.outgoing import with_return_path
from pillarbox.services import observed
from pillarbox.services.directory import find_recipient
from pillarbox.services.mail.accept import Destination, Incoming, accept
from pillarbox.services.route import domain_of
from pillarbox.services.sending_limit import Notice
from pillarbox.services.sending_use import DAY_MS, KIND, use_of

_TOLD = "told"  # the memo that somebody was written to


class Act(msgspec.Struct, frozen=True):
    """What was last done about an account: slowed or refused, by which limit, and when (milliseconds since 1970)."""

    act: str
    what: str
    most: int
    at: int


def last_act(view: View, account: str, act: str) -> Act | None:
    """When an account was slowed or refused, if it was within a day."""
    text = view.recall(account, KIND, act)
    return msgspec.json.decode(text, type=Act) if text is not None else None


def report(tx: Transaction, notices: Sequence[Notice], host_name: str) -> None:
    """Write down what was done about accounts, and tell the postmasters of those of which they have not heard today."""
    for notice in notices:
        found = tx.get(ACCOUNT, DIRECTORY, notice.account)
        if found is None:
            continue
        act = Act(notice.act, notice.what, notice.most, tx.now_ms)
        tx.keep_memo(notice.account, KIND, notice.act, msgspec.json.encode(act).decode(), tx.now_ms + DAY_MS)
        name = f"{_TOLD} {notice.act}"
        if tx.recall(notice.account, KIND, name) is not None:
            continue
        tx.keep_memo(notice.account, KIND, name, "", tx.now_ms + DAY_MS)
        told = _tell(tx, found.name, notice, host_name)
        if told:
            observed.SENDING_REPORTED.log(account=notice.account, act=notice.act, to=told)
        else:
            observed.SENDING_UNREPORTED.log(account=notice.account, act=notice.act)


def _tell(tx: Transaction, name: str, notice: Notice, host_name: str) -> list[str]:
    """Deliver the letter; to whom."""
    postmaster = f"postmaster@{domain_of(name)}"
    candidates = [[postmaster], [one.name for one in tx.all(ACCOUNT, DIRECTORY) if administers(one)]]
    for addresses in candidates:
        if told := [address for address in addresses if _deliver(tx, address, name, notice, host_name)]:
            return told
    return []


def _deliver(tx: Transaction, address: str, name: str, notice: Notice, host_name: str) -> bool:
    found = find_recipient(tx, address)
    if found.refusal is not None or not found.accounts:
        return False
    data = _letter(address, name, notice, host_name, tx)
    incoming = Incoming(
        reading=read_message(with_return_path(data, "")),
        mail_from=Address(""),
        recipients=(Destination(Address(address), found),),
        received_ms=tx.now_ms,
    )
    try:
        with tx.savepoint():
            return all(outcome.fault is None for outcome in accept(tx, incoming))
    except Fault:
        return False


def _letter(address: str, name: str, notice: Notice, host_name: str, tx: Transaction) -> bytes:
    use = use_of(tx, notice.account)
    is_refused = notice.act == "refused"
    now = utc_date(tx.now_ms)
    text = (
        f"The account {name} sends so much that it is {notice.act}: its limit is {notice.most} {notice.what}.\n\n"
        f"In the hour that runs, it has sent {use.hour.messages} messages to {use.hour.recipients} recipients, in the"
        f" day {use.day.messages} to {use.day.recipients} (as of {now}).\n\n"
        + ("Nothing more is taken from it for now.\n\n" if is_refused else _SLOWED_TEXT)
        + f"If that is not what its owner wants, somebody may have got hold of the password:\n\n"
        f"  pillarbox account set {name} --disable\n"
        f"  pillarbox queue list --sender {name}\n"
        f"  pillarbox queue drop --silent --sender {name}\n\n"
        "If it is, raise the submission.* limits, or let it go on by\n\n"
        f"  pillarbox account sending {name} --forget\n\n"
        "You hear of this account once a day at most.\n"
    )
    fields = (
        DraftField("From", Addresses((EmailAddress("Pillarbox", f"postmaster@{host_name}"),))),
        DraftField("To", Addresses((EmailAddress(None, address),))),
        DraftField("Subject", Text(f"{name} sends too much and is {notice.act}")),
        DraftField("Date", Date(datetime.fromtimestamp(tx.now_ms / 1000, UTC))),
        DraftField("Message-ID", MessageIds((f"{secrets.token_hex(16)}@{host_name}",))),
        DraftField("Auto-Submitted", Text("auto-generated")),
    )
    part = DraftPart(type="text/plain", content=text)
    return build_message(Draft(fields, part), lambda: secrets.token_hex(16))


_SLOWED_TEXT = (
    "What it sends to other servers leaves no faster than the limit allows on average, and waits in the queue until"
    " then.\n\n"
)
