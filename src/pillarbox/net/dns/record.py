"""Records of dnspython's as the values that the house knows.

Sections: RFC 1035 §3.3; RFC 6698 §2.1; RFC 2782; RFC 8659 §4.1; RFC 7505 §3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dns.immutable
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdatatype import RdataType
from dns.rdtypes.tlsabase import TLSABase

from pillarbox.core.dns import Caa, Mx, Record, Srv, Tlsa


@dns.immutable.immutable
class AnyTlsa(TLSABase):
    """A TLSA record whatever its digest's length.

    RFC 7672 §2.1.1: a malformed record is one that is not usable. dnspython calls the whole answer malformed, and mail
    to whoever has such a record beside good ones would not leave.
    """

    _cert_length_by_mtype = {}  # noqa: RUF012 -- as the class above has it


# `dns.rdata.register_type` would do this, but it does not replace a class that is there.
dns.rdata._rdata_classes[dns.rdataclass.IN, dns.rdatatype.TLSA] = AnyTlsa  # noqa: SLF001


def to_text(name: dns.name.Name) -> str:
    """A name in lower case, without the final dot. Odd octets stay escaped, and such a name is never asked for."""
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else ""


def _mx(rdata: Any) -> Record:
    return Mx(rdata.preference, to_text(rdata.exchange))


def _srv(rdata: Any) -> Record:
    return Srv(rdata.priority, rdata.weight, rdata.port, to_text(rdata.target))


def _tlsa(rdata: Any) -> Record:
    return Tlsa(rdata.usage, rdata.selector, rdata.mtype, bytes(rdata.cert))


def _caa(rdata: Any) -> Record:
    return Caa(rdata.flags, rdata.tag.decode("ascii").lower(), rdata.value.decode("utf-8", "replace"))


_READERS: dict[RdataType, Callable[[Any], Record]] = {
    dns.rdatatype.A: lambda rdata: str(rdata.address),
    dns.rdatatype.AAAA: lambda rdata: str(rdata.address),
    dns.rdatatype.MX: _mx,
    dns.rdatatype.TXT: lambda rdata: b"".join(rdata.strings),
    dns.rdatatype.PTR: lambda rdata: to_text(rdata.target),
    dns.rdatatype.CNAME: lambda rdata: to_text(rdata.target),
    dns.rdatatype.NS: lambda rdata: to_text(rdata.target),
    dns.rdatatype.TLSA: _tlsa,
    dns.rdatatype.SRV: _srv,
    dns.rdatatype.CAA: _caa,
}


def record_of(rdata: dns.rdata.Rdata) -> Record:
    """The record as a value; of types without one of their own, the text of a zone file."""
    reader = _READERS.get(rdata.rdtype)
    return reader(rdata) if reader is not None else rdata.to_text()


def size_of(record: Record) -> int:
    """About how many octets of memory a record takes beyond an empty one."""
    if isinstance(record, str | bytes):
        return len(record)
    if isinstance(record, Tlsa):
        return len(record.data)
    return len(record.value) if isinstance(record, Caa) else len(record.host)
