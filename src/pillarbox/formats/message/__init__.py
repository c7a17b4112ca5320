"""Internet messages: reading their structure, header fields and bodies, and building them.

RFC 5322, RFC 2045 to 2047, RFC 2183, RFC 2231, RFC 6532, as JMAP shows them (RFC 8621 §4).
"""

from pillarbox.formats.message.address import EmailAddress, EmailAddressGroup
from pillarbox.formats.message.blob_slice import Slice, SliceRef, parse_blob_id, part_blob_id, read_slice
from pillarbox.formats.message.body import BodyText, decode_octets, decode_text, truncate_value
from pillarbox.formats.message.header import (
    FORMS,
    as_addresses,
    as_date,
    as_grouped_addresses,
    as_message_ids,
    as_raw,
    as_text,
    as_urls,
    date_utc,
    find,
    find_field,
    form_allowed,
)
from pillarbox.formats.message.html_text import html_to_text
from pillarbox.formats.message.index_text import IndexText, index_text
from pillarbox.formats.message.listing import Listing, listing
from pillarbox.formats.message.preview import preview
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.selection import Bodies, has_attachment, select_bodies
from pillarbox.formats.message.structure import DEFECTS, Field, Part, ScanLimits, Structure

__all__ = [
    "DEFECTS",
    "FORMS",
    "Bodies",
    "BodyText",
    "EmailAddress",
    "EmailAddressGroup",
    "Field",
    "IndexText",
    "Listing",
    "Part",
    "ScanLimits",
    "Slice",
    "SliceRef",
    "Structure",
    "as_addresses",
    "as_date",
    "as_grouped_addresses",
    "as_message_ids",
    "as_raw",
    "as_text",
    "as_urls",
    "date_utc",
    "decode_octets",
    "decode_text",
    "find",
    "find_field",
    "form_allowed",
    "has_attachment",
    "html_to_text",
    "index_text",
    "listing",
    "parse_blob_id",
    "part_blob_id",
    "preview",
    "read_slice",
    "scan",
    "select_bodies",
    "truncate_value",
]
