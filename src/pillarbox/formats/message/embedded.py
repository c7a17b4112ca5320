"""Messages inside of messages, in parts of the types in `TYPES`: they are scanned when somebody looks into them.

RFC 2046 §5.2.1, RFC 6532 §3.7.
"""

from __future__ import annotations

from typing import NamedTuple

from pillarbox.formats.message import transfer
from pillarbox.formats.message.scan import scan
from pillarbox.formats.message.structure import Part, Structure

TYPES = frozenset({"message/rfc822", "message/global"})


class Embedded(NamedTuple):
    """A message's own octets, and their structure."""

    data: bytes
    structure: Structure


def embedded_message(body: bytes, part: Part) -> Embedded | None:
    """The message that a part encloses, from the part's body as it stands.

    None when it is no such part, or is encoded in an unknown way. RFC 2046 §5.2.1 forbids base64 and the like for the
    old type, RFC 6532 §3.7 allows them for the one with UTF-8. Both are decoded, and all that is said of the inner
    message is about the decoded octets.
    """
    if part.type not in TYPES or not transfer.is_known(part.encoding):
        return None
    octets = transfer.decode_transfer(body, part.encoding)
    return Embedded(octets, scan(octets))
