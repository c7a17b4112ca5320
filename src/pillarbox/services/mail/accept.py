"""A message is taken over for its recipients, in one transaction: whoever brought it may be told so afterwards.

By LMTP, by SMTP and from accounts of this server, all pass here (RFC 5321 §4.2.5, §6.1, §6.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from pillarbox.core.faults import Fault, Kind
from pillarbox.datatypes.email.reading import Reading, read_message
from pillarbox.datatypes.envelope import Address
from pillarbox.datatypes.mailbox import MAILBOX
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.message.outgoing import with_return_path
from pillarbox.services import observed
from pillarbox.services.mail.deliver import deliver_reading
from pillarbox.services.mail.incoming import Destination, Incoming, Outcome
from pillarbox.services.mail.post import copies, has_been_posted, may_post
from pillarbox.services.mail.send_on import send_on
from pillarbox.services.mail.sent_report import REPORT, follow_report
from pillarbox.services.mail.vacation import answer_to, failed
from pillarbox.services.queue import Outgoing, enqueue
from pillarbox.services.recipient import Posting, Recipient, Refusal, find_recipient

__all__ = ["Destination", "Incoming", "Outcome", "accept"]

_TAKEN, _LOOP, _UNKNOWN = Outcome(), Outcome(refusal=Refusal.LOOP), Outcome(refusal=Refusal.UNKNOWN)


def accept(tx: Transaction, incoming: Incoming) -> list[Outcome]:
    """Take a message over for each of its recipients; in their order what became of it.

    An account that several of the recipients lead to gets one copy, and so does an address elsewhere. When only one
    account is to have the message, the fault is raised that refuses it, and the caller gives up its transaction or
    savepoint: here that saves a tenth.
    """
    fields = incoming.reading.structure.root.fields
    # RFC 5321 §6.3: "Simple counting of the number of "Received:" header fields in a message has proven to be an
    # effective, although rarely optimal, method of detecting loops".
    if sum(field.name.lower() == "received" for field in fields) > tx.limits.max_hops:
        observed.LOOP.log(address=incoming.recipients[0].address.email)
        return [_LOOP] * len(incoming.recipients)
    first = incoming.recipients[0].found
    if len(incoming.recipients) == 1 and len(first.accounts) == 1 and not first.is_remote:
        _store(tx, first.accounts[0], incoming, incoming.reading, first)
        _answer(tx, first.accounts[0], incoming)
        return [_TAKEN]
    taking = _Taking(tx, incoming)
    return [taking.take(to) for to in incoming.recipients]


class _Taking:
    """One message for several recipients, or for one that leads to more than an account."""

    def __init__(self, tx: Transaction, incoming: Incoming) -> None:
        self._tx, self._incoming = tx, incoming
        self._stored: set[str] = set()  # accounts that have it
        self._sent: set[str] = set()  # addresses elsewhere that will

    def take(self, to: Destination) -> Outcome:
        found = to.found
        if found.takes_bounces_only and self._incoming.mail_from.email:
            return Outcome(Fault(Kind.FORBIDDEN, "this address takes bounces only"))
        stored, sent = set(self._stored), set(self._sent)
        try:
            with self._tx.savepoint():
                outcome = self._take(to)
        except Fault as fault:
            self._stored, self._sent = stored, sent
            observed.NOT_STORED.log(accounts=found.accounts, why=fault.kind.value)
            return Outcome(fault)
        return outcome

    def _take(self, to: Destination) -> Outcome:
        found = to.found
        alone = len(found.forwards) == 1 and not (found.accounts or found.postings)
        count, is_refused = send_on(self._tx, self._incoming, to.address, found.forwards, self._sent, alone=alone)
        is_known = any(forward.address in self._sent for forward in found.forwards)
        posted, fault = self._post(found.postings)
        is_elsewhere = is_known or posted
        stored = self._store_in_all(found.accounts, self._incoming.reading, found, is_elsewhere=is_elsewhere)
        for account in stored:
            _answer(self._tx, account, self._incoming)
        if found.accounts or is_elsewhere:
            return Outcome(is_sent_on=bool(count) or posted)
        if is_refused and fault is None:
            return _UNKNOWN
        # Nothing became of it. What was refused is told, and what came back is sent back, once and for all.
        return Outcome(fault) if fault is not None else _LOOP

    def _post(self, postings: Sequence[Posting]) -> tuple[bool, Fault | None]:
        """Post to lists; whether to any, and why not to another."""
        done, refused = False, None
        for posting in postings:
            if has_been_posted(self._incoming, posting.list):
                observed.LOOP.log(address=posting.list.address)
                continue
            refused = may_post(self._tx, self._incoming, posting)
            if refused is not None:
                continue
            done = True
            for one, reading, outgoing in copies(self._incoming, [posting]):
                wanted = [to for to in outgoing.recipients if to.email not in self._sent]
                self._sent.update(to.email for to in wanted)
                if wanted:
                    outgoing.recipients[:] = wanted
                    enqueue(self._tx, outgoing)
                self._store_in_all(one.accounts, reading, None, is_elsewhere=True)
        return done, refused

    def _store_in_all(
        self, accounts: Sequence[str], reading: Reading, found: Recipient | None, *, is_elsewhere: bool
    ) -> set[str]:
        """Store a message in the accounts of one recipient that do not have it; those where it was.

        The accounts behind an alias share one outcome. A full one of them is passed over as long as the message gets
        anywhere else: were it refused, the client would send it to the others again and again. Any other failure undoes
        all.
        """
        full: dict[str, Fault] = {}
        waiting = [account for account in accounts if account not in self._stored]
        for account in waiting:
            try:
                with self._tx.savepoint():
                    _store(self._tx, account, self._incoming, reading, found)
            except Fault as fault:
                if fault.kind is not Kind.OVER_QUOTA:
                    raise
                full[account] = fault
        if full and len(full) == len(accounts) and not is_elsewhere:
            raise next(iter(full.values()))
        if full:
            observed.FULL.log(accounts=list(full))
        stored = set(waiting) - set(full)
        self._stored |= stored
        return stored


def _answer(tx: Transaction, account: str, incoming: Incoming) -> None:
    """Have an account that is away answer: here at once, or by the queue. What goes wrong with it is no matter."""
    found = answer_to(tx, account, incoming)
    if found is None:
        return
    data, to = found
    try:
        with tx.savepoint():
            _send_answer(tx, account, data, to, incoming.id)
    except Fault as fault:
        failed(account, fault)


def _send_answer(tx: Transaction, account: str, data: bytes, to: Address, id: str) -> None:
    null, recipient = Address(""), find_recipient(tx, to.email)
    if recipient.refusal is Refusal.NOT_OURS:
        outgoing = Outgoing(account=account, data=data, mail_from=null, recipients=[to], item=id, origin="vacation")
        enqueue(tx, outgoing)
    elif recipient.refusal is None:
        answer = Incoming(
            reading=read_message(with_return_path(data, "")),
            mail_from=null,
            recipients=(Destination(to, recipient),),
            received_ms=tx.now_ms,
            id=id,
        )
        accept(tx, answer)
    observed.ANSWERED.log(account=account)


def _store(tx: Transaction, account: str, incoming: Incoming, reading: Reading, found: Recipient | None) -> None:
    role, mailbox = "junk" if incoming.is_quarantined else "inbox", None
    if found is not None and found.takes_detail_as_mailbox and found.detail and not incoming.is_quarantined:
        mailbox = _mailbox_named(tx, account, found.detail)
    email = deliver_reading(tx, account, reading, mailbox_role=role, mailbox=mailbox, received_ms=incoming.received_ms)
    if reading.structure.root.type == REPORT:
        follow_report(tx, account, incoming, reading, email)


def _mailbox_named(tx: Transaction, account: str, detail: str) -> str | None:
    """The mailbox that mail for a sub-address goes to: one that the user made, not what has a role, such as trash."""
    wanted = detail.casefold()
    boxes = (box for box in tx.all(MAILBOX, account) if box.parent_id is None and box.role is None)
    return next((box.id for box in boxes if box.name.casefold() == wanted), None)
