"""The settings of mail that leaves for other servers."""

from __future__ import annotations

from typing import Annotated

import msgspec

Doc = msgspec.Meta


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """Mail that leaves for other servers. See [Send mail](../howto/send-mail.md)."""

    enabled: Annotated[bool, Doc(description="Send what is queued. When off, it waits, and grows old.")] = True
    smarthost: Annotated[
        str | None,
        Doc(
            description="A server that sends on for you, such as smtp://USER:PASSWORD@smtp.example.net:587 or"
            " smtps://USER:PASSWORD@smtp.example.net; without it, mail goes straight to the recipients' servers. Best"
            " from a file.",
            extra={"secret": True},
        ),
    ] = None
    routes: Annotated[
        tuple[str, ...],
        Doc(
            description="Other ways for some mail, the first that fits: `to:DOMAIN WAY` or `from:DOMAIN WAY`, where"
            " .example.org is all below a domain, and the way is direct, smtp://HOST:PORT, smtps://HOST:PORT,"
            " lmtp://HOST:PORT or lmtp:/PATH.",
            extra={"secret": True},
        ),
    ] = ()
    throttles: Annotated[
        tuple[str, ...],
        Doc(
            description="How many recipients mail goes to at most, of all nodes together; all that fit hold. Each is"
            " `WHICH NUMBER/SPAN`, such as to:example.com 100/hour, from:* 500/day or all 2000/hour 100 at once: see"
            " [Send mail](../howto/send-mail.md#throttles)."
        ),
    ] = ()
    retry_minutes: Annotated[
        tuple[int, ...],
        Doc(description="How long mail that was not taken waits until it is tried again, each time; the last repeats."),
    ] = (5, 10, 20, 40, 80, 160, 240)
    expire_days: Annotated[
        float, Doc(gt=0, description="After how many days mail that nobody takes goes back to its sender.")
    ] = 5.0
    delay_notice_hours: Annotated[
        float, Doc(ge=0, description="After how many hours senders hear that their mail is still waiting; 0: never.")
    ] = 4.0
    suppress_days: Annotated[
        float,
        Doc(
            ge=0,
            description="For how many days an account's mail is not sent to an address that its server has refused for"
            " good; 0: it is tried each time. See `pillarbox suppression`.",
        ),
    ] = 7.0
    concurrency: Annotated[
        int,
        Doc(ge=1, le=1000, description="How many messages of each kind are sent at a time: people's, others', bulk."),
    ] = 50
    concurrency_per_destination: Annotated[
        int, Doc(ge=1, le=1000, description="How many messages go to one domain or smarthost at a time, of all nodes.")
    ] = 10
    idle_seconds: Annotated[
        float, Doc(ge=0, le=60, description="For how long a connection is kept for another message to the same server.")
    ] = 5.0
    lease_seconds: Annotated[
        float,
        Doc(ge=1, description="After how long without a sign of life others send what a process had begun to send."),
    ] = 120.0
    source_addresses: Annotated[
        tuple[str, ...], Doc(description="Addresses to connect from, one of IPv4 and one of IPv6; else the system's.")
    ] = ()
    allowed_networks: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses and networks where mail for other domains may go although they are not public, as"
            " that of a company. What a route or the smarthost names needs no mention."
        ),
    ] = ()
    port: Annotated[
        int, Doc(ge=1, le=65535, description="The port of other servers; another than 25 is for tests.")
    ] = 25
