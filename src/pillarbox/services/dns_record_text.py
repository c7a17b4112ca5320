"""Records as people enter them: lines of a zone file, and the fields that registrars' forms have.

Sections: RFC 1035 §3.3.14 (strings of 255 octets), §5.1. Names are absolute, always: `mail.example.org.`
"""

from __future__ import annotations

import msgspec

from pillarbox.core.dns import Caa, Mx, Record, Srv, Tlsa
from pillarbox.services.dns_record import DnsRecord

_TTL = 3_600
_LONGEST = 255


class Fields(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A record in the fields of a form. `host` is relative to the zone, `@` for itself; `value` has no quotes."""

    host: str
    type: str
    value: str
    name: str  # the whole name, for forms that want that
    topic: str = ""
    priority: int | None = None
    weight: int | None = None
    port: int | None = None
    strings: tuple[str, ...] = ()  # of TXT, where one is not enough
    is_optional: bool = False
    note: str = ""


def zone_line(record: DnsRecord) -> str:
    """The record in the syntax of a zone file."""
    return f"{record.name}. {_TTL} IN {record.type} {value_text(record.value, record.type)}"


def value_text(value: Record, type: str) -> str:
    """The value in the syntax of a zone file."""
    if isinstance(value, bytes):
        return " ".join(f'"{_escaped(part)}"' for part in strings(value))
    if isinstance(value, Mx):
        return f"{value.preference} {value.host}."
    if isinstance(value, Srv):
        return f"{value.priority} {value.weight} {value.port} {value.host}."
    if isinstance(value, Tlsa):
        return f"{value.usage} {value.selector} {value.matching} {value.data.hex()}"
    if isinstance(value, Caa):
        return f'{value.flags} {value.tag} "{value.value}"'
    return value if type in ("A", "AAAA") else f"{value}."


def fields(record: DnsRecord, zone: str) -> Fields:
    """The record for a form of this zone."""
    inside = record.name == zone or record.name.endswith(f".{zone}")
    host = "@" if record.name == zone else record.name.removesuffix(f".{zone}") if inside else f"{record.name}."
    value = record.value
    pieces = strings(value) if isinstance(value, bytes) else ()
    return Fields(
        host,
        record.type,
        _plain(value, record.type),
        record.name,
        topic=record.topic.value,
        priority=value.preference if isinstance(value, Mx) else value.priority if isinstance(value, Srv) else None,
        weight=value.weight if isinstance(value, Srv) else None,
        port=value.port if isinstance(value, Srv) else None,
        strings=tuple(piece.decode("utf-8", "replace") for piece in pieces) if len(pieces) > 1 else (),
        is_optional=record.is_optional,
        note=record.note,
    )


def _plain(value: Record, type: str) -> str:
    """What goes into the field "value" when the numbers have fields of their own."""
    if isinstance(value, Mx | Srv):
        return f"{value.host}."
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value_text(value, type)


def strings(octets: bytes) -> tuple[bytes, ...]:
    """The octets of a TXT record in strings that fit."""
    return tuple(octets[at : at + _LONGEST] for at in range(0, len(octets), _LONGEST)) or (b"",)


def _escaped(octets: bytes) -> str:
    return "".join(
        f"\\{chr(octet)}" if octet in b'"\\' else chr(octet) if 32 <= octet < 127 else f"\\{octet:03}"
        for octet in octets
    )
