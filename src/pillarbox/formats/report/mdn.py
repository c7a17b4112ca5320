"""Message disposition notifications: receipts, written and read.

Sections: RFC 8098 §3; RFC 9007 §2; RFC 3834 §5.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pillarbox.formats.message.body import decode_text
from pillarbox.formats.message.build import build_message
from pillarbox.formats.message.draft import Draft, DraftField, DraftPart, Raw
from pillarbox.formats.message.header import as_text, find
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.structure import Structure
from pillarbox.formats.report.heading import Heading, common_fields
from pillarbox.formats.report.report_field import group_to_bytes, last_value, report_part

ACTION_MODES = frozenset({"manual-action", "automatic-action"})
SENDING_MODES = frozenset({"mdn-sent-manually", "mdn-sent-automatically"})
DISPOSITION_TYPES = frozenset({"deleted", "dispatched", "displayed", "processed"})
TYPES = ("message/disposition-notification", "message/global-disposition-notification")
_KNOWN = frozenset(
    {
        "reporting-ua",
        "mdn-gateway",
        "original-recipient",
        "final-recipient",
        "original-message-id",
        "disposition",
        "error",
    }
)
_MAX_TEXT = 256 * 1024
_MAX_OCTETS, _MAX_FIELDS = 32_768, 200


class Disposition(msgspec.Struct, frozen=True, rename="camel"):
    """What was done with the message, and how the receipt came about; in small letters (RFC 9007 §2)."""

    action_mode: str
    sending_mode: str
    type: str

    @property
    def is_valid(self) -> bool:
        return (
            self.action_mode in ACTION_MODES and self.sending_mode in SENDING_MODES and self.type in DISPOSITION_TYPES
        )


class Mdn(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An MDN object (RFC 9007 §2). Recipients have the form `TYPE; a@example.org`."""

    disposition: Disposition
    for_email_id: str | None = None
    subject: str | None = None
    text_body: str | None = None
    include_original_message: bool = False
    reporting_ua: str | None = msgspec.field(name="reportingUA", default=None)
    mdn_gateway: str | None = None
    original_recipient: str | None = None
    final_recipient: str | None = None
    original_message_id: str | None = None
    error: list[str] | None = None
    extension_fields: dict[str, str] | None = None


def mdn_to_bytes(mdn: Mdn, heading: Heading, boundary: Callable[[], str], original: bytes | None = None) -> bytes:
    """The receipt as a multipart/report; `original` is enclosed if the MDN says so (RFC 8098 §3).

    It is to be sent with the null reverse-path (RFC 8098 §3). Raises ValueError if the disposition is none.
    """
    if not mdn.disposition.is_valid:
        raise ValueError(f"no disposition: {mdn.disposition}")
    report = group_to_bytes(_report_fields(mdn), keep_utf8=True)
    parts = [
        DraftPart(type="text/plain", content=mdn.text_body or _default_text(mdn)),
        DraftPart(type=TYPES[0] if report.isascii() else TYPES[1], content=report),
    ]
    if mdn.include_original_message and original is not None:
        parts.append(DraftPart(type="message/rfc822", content=original))
    body = DraftPart(
        type="multipart/report", parameters=(("report-type", "disposition-notification"),), sub_parts=tuple(parts)
    )
    return build_message(Draft(tuple(_header(mdn, heading)), body), boundary)


def parse_mdn(data: bytes) -> Mdn | None:
    """The MDN in a message, None if it is no message with a readable disposition (RFC 9007 §3.2)."""
    structure = scan(data)
    mdn = read_mdn(data, structure)
    if mdn is None:
        return None
    subject = find(data, structure.root.fields, "Subject")
    return msgspec.structs.replace(
        mdn,
        subject=None if subject is None else as_text(subject),
        text_body=_text(data, structure),
        include_original_message=any(part.type in ("message/rfc822", "message/global") for part in structure.leaves()),
    )


def read_mdn(data: bytes, structure: Structure) -> Mdn | None:
    """The same of a message that was scanned, but only what the machine-readable part says: 32 KiB, 200 fields."""
    found = report_part(data, structure, TYPES, max_octets=_MAX_OCTETS, max_fields=_MAX_FIELDS)
    if found is None:
        return None
    group = [field for fields in found[1] for field in fields]
    disposition = _parse_disposition(last_value(group, "disposition") or "")
    if disposition is None:
        return None
    return Mdn(
        disposition=disposition,
        reporting_ua=last_value(group, "reporting-ua"),
        mdn_gateway=last_value(group, "mdn-gateway"),
        original_recipient=last_value(group, "original-recipient"),
        final_recipient=last_value(group, "final-recipient"),
        original_message_id=last_value(group, "original-message-id"),
        error=[value for name, value in group if name.lower() == "error"] or None,
        extension_fields={name: value for name, value in group if name.lower() not in _KNOWN} or None,
    )


def _header(mdn: Mdn, heading: Heading) -> list[DraftField]:
    ids = () if not mdn.original_message_id else (mdn.original_message_id,)
    fields = common_fields(heading, mdn.subject or f"Receipt: the message was {mdn.disposition.type}", ids)
    if mdn.disposition.sending_mode == "mdn-sent-automatically":
        # RFC 3834 §5: so that no responder answers the receipt.
        fields.append(DraftField("Auto-Submitted", Raw(" auto-replied")))
    return fields


def _report_fields(mdn: Mdn) -> list[tuple[str, str | None]]:
    """RFC 8098 §3.1: extension fields last, and none that would repeat one of ours."""
    mode = "MDN-sent-" + mdn.disposition.sending_mode.removeprefix("mdn-sent-")
    modifier = "/error" if mdn.error else ""
    extensions = mdn.extension_fields or {}
    return [
        ("Reporting-UA", mdn.reporting_ua),
        ("MDN-Gateway", mdn.mdn_gateway),
        ("Original-Recipient", _typed(mdn.original_recipient)),
        ("Final-Recipient", _typed(mdn.final_recipient)),
        ("Original-Message-ID", mdn.original_message_id and f"<{mdn.original_message_id.strip(' <>')}>"),
        ("Disposition", f"{mdn.disposition.action_mode}/{mode}; {mdn.disposition.type}{modifier}"),
        *(("Error", text) for text in mdn.error or ()),
        *((name, value) for name, value in extensions.items() if name.lower() not in _KNOWN),
    ]


def _typed(recipient: str | None) -> str | None:
    """RFC 8098 §3.2.4: an address with its type."""
    if not recipient or ";" in recipient:
        return recipient
    return f"rfc822; {recipient}" if recipient.isascii() else f"utf-8; {recipient}"


def _parse_disposition(text: str) -> Disposition | None:
    """RFC 9007 §2: the values "MUST be converted to lowercase"; modifiers after "/" are dropped."""
    modes, _, kind = text.lower().partition(";")
    action, _, sending = modes.partition("/")
    disposition = Disposition(action.strip(), sending.strip(), kind.partition("/")[0].strip())
    return disposition if disposition.is_valid else None


def _text(data: bytes, structure: Structure) -> str | None:
    first = next((part for part in structure.leaves() if part.type == "text/plain"), None)
    return None if first is None else decode_text(data, first, _MAX_TEXT).value


def _default_text(mdn: Mdn) -> str:
    recipient = (mdn.final_recipient or "").rpartition(";")[2].strip()
    to = f" to {recipient}" if recipient else ""
    return (
        f"This is a receipt for the message that you sent{to}.\n\n"
        f"The message was {mdn.disposition.type}. There is no guarantee that it was read or understood.\n"
    )
