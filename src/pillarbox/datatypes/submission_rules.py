"""What may be submitted, by whom and to whom, and what follows on success (RFC 8621 §7.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from pillarbox.core.clock import utc_date
from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.address import same_address_key
from pillarbox.datatypes.declare import MethodCall, Rules
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.envelope import Address, Envelope, check_envelope, distinct, release_time
from pillarbox.datatypes.identity import IDENTITY, Identity, MaySendAs, nobody
from pillarbox.datatypes.submission_record import EmailSubmission
from pillarbox.datatypes.view import Transaction, View
from pillarbox.formats.message.header import as_addresses, find
from pillarbox.formats.message.structure import Structure

# (tx, account, submission): send it when it is due. (tx, account, submission): take it back; whether that was possible.
Send = Callable[[Transaction, str, EmailSubmission], None]
# (tx, account, message, envelope, item): send what is no Email, such as a receipt, now.
SendMessage = Callable[[Transaction, str, bytes, Envelope, str], object]
TakeBack = Callable[[Transaction, str, EmailSubmission], bool]
_structure = msgspec.json.Decoder(Structure)


def _cannot(*_: object) -> None:
    raise Fault(Kind.FORBIDDEN_TO_SEND, "this server does not send mail")


class SubmissionRules(Rules[Any]):
    """Who may send what. How it is sent, they are told when the server is put together: it is on a higher floor."""

    arguments: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "set": {
            "onSuccessUpdateEmail": (dict[str, dict[str, Any]] | None, None),
            "onSuccessDestroyEmail": (list[str] | None, None),
        }
    }

    def __init__(self) -> None:
        self.may_send_as: MaySendAs = nobody
        self.host_name = "localhost"  # as what the server speaks of itself
        self.send: Send = _cannot
        self.send_message: SendMessage = _cannot
        self.take_back: TakeBack = lambda _tx, _account, _submission: False

    def prepare(self, view: View, call: MethodCall) -> dict[str, str]:
        """A place to note which email each submission is about: `continue_` needs it of destroyed ones too."""
        return {}

    def is_prepared(self, call: MethodCall) -> bool:
        return True

    def is_slow(self, call: MethodCall) -> bool:
        return bool(call.arguments["create"])  # what is sent is read whole, and may be delivered here at once

    def complete(self, tx: Transaction, call: MethodCall, old: Any | None, new: Any) -> EmailSubmission:
        submission: EmailSubmission = self._fill_in(tx, call.account, new) if old is None else new
        if old is not None and old.undo_status != new.undo_status:
            _check_undo(old, new)
        call.prepared[submission.id] = submission.email_id
        return submission

    def _fill_in(self, tx: Transaction, account: str, new: EmailSubmission) -> EmailSubmission:
        if new.undo_status != "pending":
            raise invalid("undoStatus", "undoStatus is set by the server on create")
        identity, email = tx.get(IDENTITY, account, new.identity_id), tx.get(EMAIL, account, new.email_id)
        missing = [name for name, found in (("identityId", identity), ("emailId", email)) if found is None]
        # RFC 8621 §7.5: "If the Email or Identity id given cannot be found, the submission creation is rejected with a
        # standard invalidProperties SetError."
        if identity is None or email is None:
            raise invalid(missing, f"{', '.join(missing)}: not found")
        if email.size > tx.limits.max_size_message:
            raise Fault(Kind.TOO_LARGE, "the message is too large to be sent", max_size=tx.limits.max_size_message)
        header = _Header(tx, account, email)
        envelope = new.envelope or self._envelope(tx, account, identity, header)
        check_envelope(envelope, tx.limits)
        self._check_sender(tx, account, identity, header, envelope)
        send_at = utc_date(release_time(envelope, tx.limits, tx.now_ms))
        return msgspec.structs.replace(new, thread_id=email.thread_id, envelope=envelope, send_at=send_at)

    def _envelope(self, tx: Transaction, account: str, identity: Identity, header: _Header) -> Envelope:
        """The envelope that the header makes (RFC 8621 §7)."""
        name = "Sender" if header.count("Sender") else "From"
        found = header.addresses(name)
        # "If multiple addresses are present in one of these header fields, or there is more than one Sender/From header
        # field, the server SHOULD reject the EmailSubmission as invalid"
        if len(found) != 1 or header.count(name) > 1:
            raise _invalid_email([name.lower()], f"the message needs exactly one address in {name}, or an envelope")
        mail_from = found[0]
        if not self._allows(tx, account, identity, mail_from):
            # "the email property from the Identity MUST be used instead"
            mail_from = identity.email
        recipients = distinct(a for name in ("To", "Cc", "Bcc") for a in header.addresses(name))
        return Envelope(Address(mail_from), [Address(email) for email in recipients])

    def _check_sender(
        self, tx: Transaction, account: str, identity: Identity, header: _Header, envelope: Envelope
    ) -> None:
        authors = header.addresses("From")
        # RFC 5322 §3.6: exactly one From; a second one is how a forged author is smuggled past a check of the first.
        if header.count("From") != 1 or not authors:
            raise _invalid_email(["from"], "the message needs exactly one From")
        if refused := [a for a in authors if not self._allows(tx, account, identity, a)]:
            raise Fault(Kind.FORBIDDEN_FROM, f"this account may not send as {refused[0]}")
        mail_from = envelope.mail_from.email
        if mail_from and not self._allows(tx, account, identity, mail_from):
            raise Fault(Kind.FORBIDDEN_MAIL_FROM, f"this account may not send mail that returns to {mail_from}")

    def _allows(self, tx: Transaction, account: str, identity: Identity, address: str) -> bool:
        """Whether the account may send as the address: by itself, or by its identity, which must still be allowed."""
        if same_address_key(address).startswith("*@"):
            return False
        if self.may_send_as(tx, account, address):
            return True
        return identity.covers(address) and self.may_send_as(tx, account, identity.email)

    def follow(self, tx: Transaction, account: str, old: Any | None, new: Any | None) -> None:
        if old is None and new is not None:
            self.send(tx, account, new)
        if old is None or new is None or (old.undo_status, new.undo_status) != ("pending", "canceled"):
            return
        if not self.take_back(tx, account, new):
            raise Fault(Kind.CANNOT_UNSEND, "the message is already on its way")

    def may_destroy(self, tx: Transaction, call: MethodCall, old: Any) -> None:
        # RFC 8621 §7.5: "destroying an EmailSubmission object MUST NOT affect the deliveries it represents."
        call.prepared[old.id] = old.email_id

    def continue_(self, call: MethodCall, outcome: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """The single implicit Email/set for onSuccessUpdateEmail and onSuccessDestroyEmail (RFC 8621 §7.5)."""
        done = {f"#{key}": told["id"] for key, told in (outcome["created"] or {}).items()}
        done |= {id: id for id in [*done.values(), *(outcome["updated"] or {}), *(outcome["destroyed"] or ())]}
        emails = {key: call.prepared[id] for key, id in done.items() if id in call.prepared}
        emails |= {f"#{key}": emails[id] for key, id in call.created_ids.items() if id in emails}
        update: dict[str, dict[str, Any]] = {}
        for key, patch in (call.arguments["onSuccessUpdateEmail"] or {}).items():
            if key in emails:
                update.setdefault(emails[key], {}).update(patch)
        wanted = call.arguments["onSuccessDestroyEmail"] or ()
        destroy = list(dict.fromkeys(emails[key] for key in wanted if key in emails))
        if not update and not destroy:
            return []
        return [("Email/set", {"accountId": call.account, "update": update, "destroy": destroy})]


def _check_undo(old: EmailSubmission, new: EmailSubmission) -> None:
    if new.undo_status != "canceled":
        raise invalid("undoStatus", "undoStatus can only be changed to canceled")
    if old.undo_status != "pending":
        raise Fault(Kind.CANNOT_UNSEND, "the message is already on its way")


def _invalid_email(properties: list[str], detail: str) -> Fault:
    return Fault(Kind.INVALID_MESSAGE, detail, properties=properties)


class _Header:
    """The header of a stored message, by the offsets that were noted when it was stored."""

    def __init__(self, tx: Transaction, account: str, email: Email) -> None:
        self._data = tx.read_blob(account, email.blob_id) or b""
        stored = tx.parts(EMAIL, account, [email.id], "structure").get(email.id)
        self._fields = _structure.decode(stored).root.fields if stored is not None else []

    def count(self, name: str) -> int:
        """How many header fields have the name."""
        return len(find(self._data, self._fields, name, all=True))

    def addresses(self, name: str) -> list[str]:
        """All addresses in header fields of the name, in order."""
        return [a.email for value in find(self._data, self._fields, name, all=True) for a in as_addresses(value)]
