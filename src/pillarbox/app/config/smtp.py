"""The settings of SMTP: mail from other servers, and from people who send."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Doc = msgspec.Meta


class Smtp(msgspec.Struct, frozen=True, kw_only=True):
    """Mail from other servers. See [Receive and submit mail](../howto/receive-and-submit-mail.md)."""

    listen: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses to listen on, such as 0.0.0.0:25; STARTTLS is offered when there are"
            " tls.certificates. Empty: none."
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses and networks of proxies that speak, and must, the PROXY protocol, version 1 or 2, to"
            " smtp.listen; everybody else is who they are."
        ),
    ] = ()
    authenticate: Annotated[
        bool,
        Doc(
            description="Find out who mail is from, by SPF, DKIM, DMARC and reverse DNS, and note it in the message;"
            " needs a resolver (dns.servers)."
        ),
    ] = True
    dmarc: Annotated[
        Literal["reject", "quarantine", "ignore"],
        Doc(
            description="What becomes of mail whose author's domain wants it rejected: that; it goes to the mailbox for"
            " junk, as what a domain wants quarantined; or nothing."
        ),
    ] = "reject"
    trusted_arc_sealers: Annotated[
        tuple[str, ...],
        Doc(
            description="Domains of forwarders, such as lists.example.org, whose ARC seal lets mail pass that fails"
            " DMARC."
        ),
    ] = ()
    xclient_from: Annotated[
        tuple[str, ...],
        Doc(description="Addresses and networks that may say by XCLIENT for whom they speak."),
    ] = ()
    max_connections: Annotated[
        int, Doc(ge=1, description="How many connections other servers may have in all, over all processes.")
    ] = 1_000
    max_connections_per_address: Annotated[int, Doc(ge=1, description="How many connections one address may have.")] = (
        20
    )
    max_connections_per_network: Annotated[
        int, Doc(ge=0, description="How many a network may have: a /24 of IPv4, a /48 of IPv6; 0: any number.")
    ] = 100
    max_recipients: Annotated[
        int, Doc(ge=100, description="Recipients of one message; RFC 5321 §4.5.3.1.8 asks for at least 100.")
    ] = 100
    max_hops: Annotated[
        int,
        Doc(
            ge=10, description="Through how many servers a message may have come before it is taken for one that loops."
        ),
    ] = 100
    patience_seconds: Annotated[
        int,
        Doc(
            ge=60,
            description="How long a connection may go on without a command that leads anywhere or 16 KiB of a message.",
        ),
    ] = 600
    unknown_recipients_an_hour: Annotated[
        int,
        Doc(
            ge=1,
            description="How often a network, or an account that sends, may ask for addresses that do not exist; then"
            " each answer takes smtp.tarpit_seconds, and after ten times as many it is told to come back later.",
        ),
    ] = 20
    tarpit_seconds: Annotated[
        int, Doc(ge=0, le=60, description="How long the answer about an unknown address takes for who asks for many.")
    ] = 5


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Mail from people who log in. See [Receive and submit mail](../howto/receive-and-submit-mail.md)."""

    tls_listen: Annotated[
        tuple[str, ...],
        Doc(description="Addresses to listen on with TLS, such as 0.0.0.0:465; needs tls.certificates. Empty: none."),
    ] = ()
    listen: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses to listen on without TLS, such as 0.0.0.0:587; STARTTLS is offered when there are"
            " tls.certificates, and from other machines nobody logs in without it. Empty: none."
        ),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses and networks of proxies that speak the PROXY protocol, version 1 or 2, to these"
            " listeners and must."
        ),
    ] = ()
    max_connections_per_address: Annotated[
        int, Doc(ge=1, description="How many connections one address may have; an office has one address.")
    ] = 100
    messages_an_hour: Annotated[
        int, Doc(ge=0, description="How many messages an account may send in an hour; 0: any number.")
    ] = 500
    messages_a_day: Annotated[int, Doc(ge=0, description="How many in a day; 0: any number.")] = 2_000
    recipients_an_hour: Annotated[
        int, Doc(ge=0, description="To how many recipients an account may send in an hour; 0: any number.")
    ] = 2_000
    recipients_a_day: Annotated[int, Doc(ge=0, description="To how many in a day; 0: any number.")] = 10_000
    slow_seconds: Annotated[
        int,
        Doc(
            ge=0,
            le=60,
            description="How long each answer by SMTP takes for an account that has sent four fifths of its limit. Its"
            " mail to other servers leaves slowly then, whatever this is.",
        ),
    ] = 5
