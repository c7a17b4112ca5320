"""Copies of a message that leave for other servers: for forwards, with a reverse-path that is ours to answer for.

RFC 5321 §3.9.1, §4.4, §6.3; RFC 9228 (loops); RFC 3461 §5.2.7 (DSN parameters of aliases); formats.srs.
"""

from __future__ import annotations

from collections.abc import Iterable

from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.message.header import as_text, find
from pillarbox.formats.message.list_header import delivered_to
from pillarbox.services import observed
from pillarbox.services.mail.incoming import Incoming, leaving_data
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.services.recipient import Forward
from pillarbox.services.srs import reverse_path

_Source = tuple[str, str]


def send_on(
    tx: Transaction, incoming: Incoming, recipient: Address, forwards: Iterable[Forward], sent: set[str], *, alone: bool
) -> tuple[int, bool]:
    """Queue a copy for each forward that is not among `sent`; for how many addresses. `sent` is added to.

    Also whether one has refused mail before, so that it gets none.

    `alone`: all that becomes of the message is one copy, so that whoever wanted to hear of its delivery still does.
    """
    count, is_refused = 0, False
    for (account, source), addresses in _by_source(forwards, sent).items():
        if source and has_passed(incoming, source):
            observed.LOOP.log(address=source)
            continue
        mail_from = incoming.mail_from
        path = reverse_path(tx, mail_from.email, source) if source else ""
        outgoing = Outgoing(
            account=account,
            data=(delivered_to(source) if source else b"") + incoming.seal + leaving_data(incoming),
            mail_from=Address(path, mail_from.parameters),
            recipients=[Address(address, _parameters(recipient, alone=alone)) for address in addresses],
            item=incoming.id,
            origin="forward",
            require_tls=incoming.require_tls,
        )
        refused = enqueue(tx, outgoing)
        going = [address for address in addresses if address not in refused]
        sent.update(going)
        count += len(going)
        is_refused = is_refused or bool(refused)
    return count, is_refused


def has_passed(incoming: Incoming, address: str) -> bool:
    """Whether the message has been sent on by this address before, and comes back (RFC 9228 §4)."""
    reading, wanted = incoming.reading, address.casefold()
    values = find(reading.data, reading.structure.root.fields, "Delivered-To", all=True)
    return any(as_text(value).strip(" <>").casefold() == wanted for value in values)


def _by_source(forwards: Iterable[Forward], sent: set[str]) -> dict[_Source, list[str]]:
    out: dict[_Source, list[str]] = {}
    for forward in forwards:
        if forward.address not in sent:
            out.setdefault((forward.account, forward.source), []).append(forward.address)
    return out


def _parameters(recipient: Address, *, alone: bool) -> dict[str, str | None] | None:
    """NOTIFY and ORCPT of the copy (RFC 3461 §5.2.7.1).

    Of several copies none tells of its delivery: the sender hears of failures only.
    """
    notify = (recipient.parameter("NOTIFY") or "").upper()
    if notify and notify != "NEVER" and not alone:
        kept = [word for word in notify.split(",") if word != "SUCCESS"]
        notify = ",".join(kept) or "NEVER"
    # RFC 3461 §5.2.1: who sends on to another address says for which one the message was.
    original = recipient.parameter("ORCPT") or (f"rfc822;{recipient.email}" if recipient.email.isascii() else "")
    given = {"NOTIFY": notify or None, "ORCPT": original or None}
    return {name: value for name, value in given.items() if value is not None} or None
