"""The settings of the mail protocols: where they listen, and how people log in."""

from __future__ import annotations

from typing import Annotated

import msgspec

Doc = msgspec.Meta


class Lmtp(msgspec.Struct, frozen=True, kw_only=True):
    """Delivery by a mail transfer agent."""

    listen: Annotated[
        tuple[str, ...],
        Doc(description="Addresses to listen on: HOST:PORT, [IPV6]:PORT or unix:/PATH. Empty: none."),
    ] = ("127.0.0.1:8024",)


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Logging in by other protocols than HTTP."""

    without_tls: Annotated[
        bool,
        Doc(
            description="Let people log in without TLS from other machines: passwords and mail cross the network in the"
            " clear. From loopback they always may."
        ),
    ] = False
    scram: Annotated[
        bool,
        Doc(
            description="Offer SCRAM-SHA-256, and keep for it what passwords are easier to guess from than from their"
            " argon2id hash, should the store be stolen. When off, what was kept goes as people log in."
        ),
    ] = True
    certificate_binding: Annotated[
        bool,
        Doc(
            description="Offer SCRAM-SHA-256-PLUS although it can be bound to the certificate only"
            " (tls-server-end-point): clients that want tls-exporter then fail to log in."
        ),
    ] = False


class Imap(msgspec.Struct, frozen=True, kw_only=True):
    """Mail clients that speak IMAP."""

    tls_listen: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses to listen on for IMAP over TLS, such as 0.0.0.0:993; needs tls.certificates. Empty:"
            " none."
        ),
    ] = ()
    listen: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses to listen on without TLS, such as 0.0.0.0:143; STARTTLS is offered when there are"
            " tls.certificates, and from other machines nobody logs in without it. Empty: none."
        ),
    ] = ()
    max_connections_per_address: Annotated[
        int,
        Doc(
            ge=1,
            description="How many connections one address of the network may have; a client takes several, and an"
            " office has one address.",
        ),
    ] = 500
    message_limit: Annotated[
        int,
        Doc(
            ge=0,
            description="With how many messages one command deals (RFC 9738), as all clients are told; 0: with any"
            " number. Of more, FETCH, STORE, SEARCH, MOVE and UID EXPUNGE deal with the newest; COPY, SORT and THREAD"
            " are refused. Clients that do not know of it miss the others: let it be more than a mailbox holds.",
        ),
    ] = 1_000_000
    save_limit: Annotated[
        int,
        Doc(
            ge=0,
            description="How many messages one COPY or APPEND may store, in place of imap.message_limit; 0: as many as"
            " that.",
        ),
    ] = 0
    contact: Annotated[
        str | None,
        Doc(
            description="How users reach whoever administers the server, as a mailto: or https: URL that clients may"
            " show; without it, postmaster at the host's name."
        ),
    ] = None


class Pop3(msgspec.Struct, frozen=True, kw_only=True):
    """Mail clients that fetch by POP3. See [POP3](../howto/offer-pop3.md)."""

    tls_listen: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses to listen on for POP3 over TLS, such as 0.0.0.0:995; needs tls.certificates. Empty:"
            " none."
        ),
    ] = ()
    listen: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses to listen on without TLS, such as 0.0.0.0:110; STLS is offered when there are"
            " tls.certificates, and from other machines nobody logs in without it. Empty: none."
        ),
    ] = ()
