"""The declaration of the Email type (RFC 8621 §4)."""

from __future__ import annotations

from pillarbox.core.clock import from_date
from pillarbox.datatypes.capability import MAIL
from pillarbox.datatypes.declare import DataType
from pillarbox.datatypes.email import header_part, imap_part
from pillarbox.datatypes.email.filter import FILTERS, SORTS
from pillarbox.datatypes.email.header_property import parse_property
from pillarbox.datatypes.email.record import DEFAULT_PROPERTIES, LISTING, Email
from pillarbox.datatypes.email.rules import EmailRules
from pillarbox.datatypes.mailbox import MAILBOX, MailboxRules
from pillarbox.datatypes.membership import Members


def _received(email: Email) -> int:
    return from_date(email.received_at) or 0


def _columns(email: Email) -> dict[str, str | int]:
    keywords = sorted(email.keywords)
    return {"keywords": f" {' '.join(keywords)} " if keywords else "", "hidden": int(not email.mailbox_ids)}


EMAIL: DataType[Email] = DataType(
    Email,
    letter="e",
    capability=MAIL,
    rules=EmailRules(),
    parts={"listing": LISTING},
    ordered_parts=frozenset({imap_part.NAME, header_part.FIELDS}),
    derived_parts=frozenset({header_part.FIELDS, header_part.MORE}),
    computed=dict.fromkeys(("headers", "bodyStructure", "bodyValues", "textBody", "htmlBody", "attachments")),
    is_dynamic=lambda name: parse_property(name) is not None,
    default_properties=DEFAULT_PROPERTIES,
    filters=FILTERS,
    sorts=SORTS,
    collapse_argument="collapseThreads",
    members=Members(
        "mailbox_ids",
        "Mailbox",
        "deleted_ids",
        sort_key=_received,
        group=lambda email: email.thread_id,
        size=lambda email: email.size,
        words=lambda email: email.keywords,
    ),
    is_hidden=lambda email: not email.mailbox_ids,
    index_table="email_index",
    index_columns=_columns,
)
assert isinstance(EMAIL.rules, EmailRules)
EMAIL.rules.kind = EMAIL
assert isinstance(MAILBOX.rules, MailboxRules)
MAILBOX.rules.emails = EMAIL
MAILBOX.rules.recount = EMAIL.rules.recount
