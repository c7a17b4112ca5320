"""MDN/send: receipts for mail that was read, and what becomes of the mail's keywords (RFC 9007 §2.1)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pillarbox.core.faults import Fault, Kind, invalid
from pillarbox.datatypes.address import is_address, same_address_key
from pillarbox.datatypes.capability import MAIL, MDN
from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.email import EMAIL, Email
from pillarbox.datatypes.email_submission import RULES as SUBMISSION_RULES
from pillarbox.datatypes.envelope import Address, Envelope
from pillarbox.datatypes.identity import IDENTITY, Identity
from pillarbox.datatypes.view import Transaction
from pillarbox.formats.message.address import EmailAddress
from pillarbox.formats.message.header import as_addresses, as_message_ids, as_text, find
from pillarbox.formats.message.scan import scan
from pillarbox.formats.report.heading import Heading
from pillarbox.formats.report.mdn import Mdn, mdn_to_bytes
from pillarbox.services.methods.method import ACCOUNT_ID, Argument, FollowUp, Method, Result

_SENT = "$mdnsent"
_BY_SERVER = ("mdnGateway", "originalRecipient", "originalMessageId", "error")
_NAMES = frozenset(field.encode_name for field in msgspec.structs.fields(Mdn))
_MAX_RECIPIENTS = 10  # of one receipt: who asks for more wants a mail bomb


def send(tx: Transaction, call: MethodCall) -> Result:
    """Send receipts; each stands or falls alone."""
    if MAIL not in call.using:
        # RFC 9007 §2.1: "the using property of the Request object MUST contain the capabilities
        # urn:ietf:params:jmap:mdn and urn:ietf:params:jmap:mail"
        raise Fault(Kind.UNKNOWN_METHOD, f"MDN/send needs {MAIL} in using")
    identity = tx.get(IDENTITY, call.account, call.arguments["identityId"])
    if identity is None:
        raise Fault(Kind.INVALID_ARGUMENTS, "there is no such identity", arguments=["identityId"])
    if len(call.arguments["send"]) > tx.limits.max_objects_in_set:
        raise Fault(Kind.REQUEST_TOO_LARGE, f"at most {tx.limits.max_objects_in_set} receipts can be sent in one call")
    sent: dict[str, Any] = {}
    refused: dict[str, Fault] = {}
    for key, given in call.arguments["send"].items():
        try:
            with tx.savepoint():
                sent[key] = _Receipt(tx, call, identity, key, given).send()
        except Fault as fault:
            refused[key] = fault
    return {"accountId": call.account, "sent": sent or None, "notSent": refused or None}


class _Receipt:
    """One receipt on its way."""

    def __init__(
        self, tx: Transaction, call: MethodCall, identity: Identity, key: str, given: Mapping[str, Any]
    ) -> None:
        self._tx, self._call, self._identity, self._key = tx, call, identity, key
        self._given = given

    def send(self) -> dict[str, Any]:
        """Check, send, and mark the email; returns what the client cannot know."""
        tx, account = self._tx, self._call.account
        wanted = _convert(self._given)
        email = self._email(wanted)
        original = tx.read_blob(account, email.blob_id) or b""
        header = scan(original).root.fields
        to = _asked_by(original, header)
        _check_automatic(wanted, original, header, to)
        sender = self._sender(original, header)
        ids = [i for v in find(original, header, "Message-ID", all=True) for i in as_message_ids(v) or ()]
        wished = find(original, header, "Original-Recipient")
        mdn = msgspec.structs.replace(
            wanted,
            final_recipient=self._final_recipient(wanted) or f"rfc822; {sender}",
            original_message_id=f"<{ids[-1]}>" if ids else None,
            original_recipient=as_text(wished) if wished is not None else None,
        )
        self._post(mdn, sender, to, original)
        # Marked in the transaction that sends: no receipt is ever sent twice, whatever becomes of the implicit call.
        marked = msgspec.structs.replace(email, keywords={**email.keywords, _SENT: True})
        tx.write(EMAIL, account, email, marked)
        told: dict[str, Any] = msgspec.to_builtins(mdn)
        return {name: value for name, value in told.items() if name not in self._given or self._given[name] != value}

    def _email(self, wanted: Mdn) -> Email:
        email = self._tx.get(EMAIL, self._call.account, wanted.for_email_id or "")
        if email is None:
            raise Fault(Kind.NOT_FOUND, "there is no such email")
        if _SENT in email.keywords:
            raise Fault(Kind.MDN_ALREADY_SENT, f"{_SENT} keyword is already present")
        # RFC 9007 §2.1: "the server MUST check that the onSuccessUpdateEmail property of the method is correctly set to
        # update this keyword."
        patches = self._call.arguments["onSuccessUpdateEmail"] or {}
        patch = patches.get(email.id) or patches.get(f"#{self._key}") or {}
        keywords = patch.get("keywords")
        if patch.get(f"keywords/{_SENT}") is not True and not (
            isinstance(keywords, dict) and keywords.get(_SENT) is True
        ):
            raise invalid("forEmailId", f"onSuccessUpdateEmail has to set {_SENT} on the email")
        return email

    def _final_recipient(self, wanted: Mdn) -> str | None:
        if wanted.final_recipient is None:
            return None
        address = wanted.final_recipient.rpartition(";")[2].strip()
        if not is_address(address) or not self._allows(address):
            raise Fault(Kind.FORBIDDEN_FROM, f"this account may not send as {address}")
        return wanted.final_recipient

    def _sender(self, original: bytes, header: Any) -> str:
        """The identity's address; of an identity for a whole domain, the address in it that the message was sent to."""
        address = self._identity.email
        if address.startswith("*@"):
            names = ("To", "Cc", "Delivered-To")
            found = [a.email for n in names for v in find(original, header, n, all=True) for a in as_addresses(v)]
            address = next((email for email in found if self._identity.covers(email)), "")
        if not address or not self._allows(address):
            raise Fault(Kind.FORBIDDEN_FROM, "the identity has no address that this receipt can be sent from")
        return address

    def _allows(self, address: str) -> bool:
        may, account = SUBMISSION_RULES.may_send_as, self._call.account
        by_identity = self._identity.covers(address) and may(self._tx, account, self._identity.email)
        return by_identity or may(self._tx, account, address)

    def _post(self, mdn: Mdn, sender: str, to: list[str], original: bytes) -> None:
        heading = Heading(
            sender=EmailAddress(self._identity.name or None, sender),
            recipient=EmailAddress(None, to[0]),
            sent_at=datetime.fromtimestamp(self._tx.now_ms / 1000, UTC),
            message_id=f"{secrets.token_hex(16)}@{SUBMISSION_RULES.host_name}",
        )
        data = mdn_to_bytes(mdn, heading, lambda: secrets.token_hex(16), original)
        if len(data) > self._tx.limits.max_size_message:
            most = self._tx.limits.max_size_message
            raise Fault(Kind.TOO_LARGE, "the receipt is too large to be sent", max_size=most)
        # RFC 8098 §3: "The envelope sender address ... of the MDN MUST be null".
        envelope = Envelope(Address(""), [Address(address) for address in to])
        SUBMISSION_RULES.send_message(self._tx, self._call.account, data, envelope, mdn.for_email_id or "")


def _convert(given: Mapping[str, Any]) -> Mdn:
    wrong = [name for name in given if name not in _NAMES or (name in _BY_SERVER and given[name] is not None)]
    if wrong:
        raise invalid(wrong, f"{', '.join(wrong)}: set by the server, or no property")
    try:
        mdn = msgspec.convert(given, Mdn)
    except msgspec.ValidationError as error:
        raise invalid(_named(str(error)), str(error)) from None
    if not mdn.disposition.is_valid:
        raise invalid("disposition", "the disposition has values that RFC 9007 does not know")
    if mdn.for_email_id is None:
        raise invalid("forEmailId", "forEmailId is required")
    return mdn


def _named(error: str) -> list[str]:
    """The property that an error of the conversion is about."""
    return [name for name in _NAMES if f"`{name}`" in error or f"$.{name}" in error]


def _asked_by(original: bytes, header: Any) -> list[str]:
    """Who asks for a receipt (RFC 8098 §2.1)."""
    values = find(original, header, "Disposition-Notification-To", all=True)
    found = {same_address_key(a.email): a.email for v in values for a in as_addresses(v) if is_address(a.email)}
    if not found or len(found) > _MAX_RECIPIENTS:
        # RFC 9007 §2.1: notFound: "The reference Email id cannot be found, or has no valid Disposition-Notification-To"
        raise Fault(Kind.NOT_FOUND, "the email does not ask for a receipt")
    return list(found.values())


def _check_automatic(wanted: Mdn, original: bytes, header: Any, to: list[str]) -> None:
    """RFC 8098 §2.1: no receipt goes out by itself to an address that is not the return address."""
    if wanted.disposition.sending_mode != "mdn-sent-automatically":
        return
    value = find(original, header, "Return-Path")
    path = [same_address_key(a.email) for a in as_addresses(value)] if value is not None else []
    if [same_address_key(address) for address in to] != path:
        raise Fault(Kind.FORBIDDEN, "the user has to confirm a receipt to another address than the return address")


def update_emails(call: MethodCall, result: Result) -> list[FollowUp]:
    """The implicit Email/set for the emails whose receipts were sent (RFC 9007 §2.1)."""
    patches = call.arguments["onSuccessUpdateEmail"] or {}
    update: dict[str, Any] = {}
    for key in result["sent"] or ():
        email = call.arguments["send"][key]["forEmailId"]
        patch = patches.get(email) or patches.get(f"#{key}")
        if patch:
            update[email] = patch
    return [("Email/set", {"accountId": call.account, "update": update})] if update else []


_SEND: Mapping[str, Argument] = {
    **ACCOUNT_ID,
    "identityId": Argument(str),
    "send": Argument(dict[str, dict[str, Any]]),
    "onSuccessUpdateEmail": Argument(dict[str, dict[str, Any]] | None, None),
}
METHODS: tuple[Method, ...] = (Method("MDN/send", MDN, _SEND, write=send, follow=update_emails, changes_data=True),)
