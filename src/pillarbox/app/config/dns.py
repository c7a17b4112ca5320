"""The settings of the DNS: whom to ask, and for how long to wait."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from pillarbox.net.dns.settings import parse_server

Doc = msgspec.Meta


class Dns(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the server asks for mail servers, keys and policies of others. See [the DNS](../howto/set-up-dns.md)."""

    servers: Annotated[
        tuple[str, ...],
        Doc(
            description="Resolvers to ask: ADDRESS, ADDRESS:PORT or [IPV6]:PORT. Empty: those of /etc/resolv.conf. Best"
            " is one on this machine that validates DNSSEC, such as unbound."
        ),
    ] = ()
    trust_ad: Annotated[
        Literal["loopback", "always", "never"],
        Doc(
            description="Whose word is believed that an answer was validated by DNSSEC, on which DANE rests: that of"
            ' resolvers on loopback, or "always", if nobody else can speak on the way to the resolver.'
        ),
    ] = "loopback"
    zone_files: Annotated[
        tuple[str, ...],
        Doc(
            description="Zone files, each with an $ORIGIN, that answer for their names instead of a resolver;"
            " secure:PATH for one whose answers count as validated. For tests and closed networks."
        ),
    ] = ()
    try_seconds: Annotated[
        int, Doc(ge=1, description="How long to wait for one resolver before the next is asked.")
    ] = 3
    question_seconds: Annotated[
        int, Doc(ge=1, description="How long to wait for the answer to a question, all tries together.")
    ] = 10
    lookup_seconds: Annotated[
        int, Doc(ge=1, description="How long all questions of one check may take together, such as those of SPF.")
    ] = 20
    max_questions: Annotated[int, Doc(ge=1, description="How many questions each process has under way at most.")] = 128
    cache_octets: Annotated[
        int, Doc(ge=0, description="How much memory for answers each process takes at most; 0: none is remembered.")
    ] = 8_000_000


def check_servers(value: Iterable[str]) -> None:
    """Raises ValueError for what is no address of a server."""
    for text in value:
        parse_server(text)


def check_zone_files(value: Iterable[str]) -> None:
    """Raises ValueError for a file that is no zone."""
    if not (files := tuple(value)):
        return
    from pillarbox.net.dns.zone import ZoneError, Zones  # noqa: PLC0415 -- dnspython, which few need here

    try:
        Zones.load(files)
    except ZoneError as error:
        raise ValueError(str(error)) from None
