"""What an administrator says about HTTP: where the server is reached, whom it believes, whose scripts may call it."""

from __future__ import annotations

import msgspec


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the HTTP servers of one process."""

    # The address under which clients reach the server, such as https://mail.example.org; without it each request tells.
    public_url: str | None = None
    # Addresses, networks or the word "unix" from which Forwarded and X-Forwarded-... headers are believed.
    trusted_proxies: tuple[str, ...] = ()
    # Origins whose scripts may use the server, such as https://mail.example.org; "*" allows all, without cookies.
    allowed_origins: tuple[str, ...] = ()
    # For how long browsers that came here by TLS come by nothing else (RFC 6797 §6.1.1); 0 says nothing.
    hsts_seconds: int = 0
    # A line in the log for each request.
    access_log: bool = False
    # Answers of a compressible type from this size on are sent with gzip to clients that accept it; 0 turns it off.
    compress_from_octets: int = 1_500
