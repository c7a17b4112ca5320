"""Who is at the other end of an SMTP connection, as far as it is known by now.

Sections: RFC 5321 §4.1.1.1; RFC 8601 §2.7.3 (iprev).
"""

from __future__ import annotations

from enum import Enum

import msgspec


class Kind(Enum):
    """What a listener is for."""

    INBOUND = "inbound"  # mail from other servers
    SUBMISSION = "submission"  # mail from people who log in
    LMTP = "lmtp"  # mail from a transfer agent of ours


class TlsFacts(msgspec.Struct, frozen=True):
    """How the connection is encrypted: such as `TLSv1.3`, `TLS_AES_256_GCM_SHA384` and 256."""

    version: str
    cipher: str
    bits: int
    server_name: str = ""  # that the client asked for by SNI


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """A connection's other end. A value: each command is given one that has what was known when it came."""

    id: str  # of the connection, for the log and for what a stage remembers
    kind: Kind
    address: str  # of the network, as text; empty for a unix socket
    port: int = 0
    local_address: str = ""
    local_port: int = 0
    tls: TlsFacts | None = None
    helo: str = ""  # what it calls itself; empty before HELO
    is_extended: bool = False  # by EHLO
    host_name: str = ""  # that its address has by reverse and forward DNS; empty: none, or not looked for
    account: str = ""  # that somebody who logged in acts as
    login: str = ""  # the name of who logged in
    mechanism: str = ""  # by which
