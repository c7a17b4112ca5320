"""The settings as one tree: each has a type, a default and a sentence that says what it does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from pillarbox.app.config.dkim import Dkim
from pillarbox.app.config.dns import Dns
from pillarbox.app.config.hooks import Hooks
from pillarbox.app.config.mail import Imap, Lmtp, Login, Pop3
from pillarbox.app.config.relay import Relay
from pillarbox.app.config.reports import Reports
from pillarbox.app.config.screening import Screening
from pillarbox.app.config.smtp import Smtp, Submission
from pillarbox.core.limits import Limits

Doc = msgspec.Meta


class Http(msgspec.Struct, frozen=True, kw_only=True):
    """JMAP over HTTP."""

    listen: Annotated[
        tuple[str, ...], Doc(description="Addresses to listen on: HOST:PORT, [IPV6]:PORT or unix:/PATH.")
    ] = ("127.0.0.1:8080",)
    tls_listen: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses to listen on for HTTP over TLS (https), such as 0.0.0.0:443; needs tls.certificates."
        ),
    ] = ()
    hsts_seconds: Annotated[
        int,
        Doc(
            ge=0,
            description="For how long browsers that came by https come to this host by nothing else, whatever the port"
            " (Strict-Transport-Security); 0 does not tell them so. See [TLS](../howto/use-tls.md).",
        ),
    ] = 0
    public_url: Annotated[
        str | None,
        Doc(
            description="The URL under which clients reach the server; without it, what each request says is believed."
        ),
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        Doc(description='Addresses, networks or "unix" whose Forwarded and X-Forwarded-... headers are believed.'),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...],
        Doc(
            description='Origins whose scripts may use the server, such as https://mail.example.org; "*" is every one.'
        ),
    ] = ()
    access_log: Annotated[bool, Doc(description="Write a line to the log for each request.")] = False
    compress_from_octets: Annotated[
        int, Doc(ge=0, description="Send answers from this size on compressed; 0 turns it off.")
    ] = 1_500


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates, for all protocols. See [TLS](../howto/use-tls.md)."""

    certificates: Annotated[
        tuple[str, ...],
        Doc(
            description="Each is a PEM file with chain and key, CHAIN:KEY for two files, or a directory such as"
            " /etc/letsencrypt/live/mail.example.org. Clients get the one that has the name they ask for, or the first."
        ),
    ] = ()
    min_version: Annotated[Literal["1.2", "1.3"], Doc(description="The oldest version of TLS that is spoken.")] = "1.2"
    session_tickets: Annotated[
        bool, Doc(description="Let clients resume a session; turn it off if a client stumbles over tickets.")
    ] = True


class Outbound(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that the server makes to URLs that clients or other servers gave it."""

    allowed_networks: Annotated[
        tuple[str, ...],
        Doc(
            description="Addresses and networks that may be reached although they are not public; at these, given as"
            " addresses, also without TLS and at any port."
        ),
    ] = ()
    ca_file: Annotated[
        Path | None, Doc(description="Further certificate authorities to believe, in PEM, such as one of your own.")
    ] = None


class Blobs(msgspec.Struct, frozen=True, kw_only=True):
    """Where large blobs are; small ones are in the database."""

    url: Annotated[
        str | None,
        Doc(
            description="An S3-compatible store, such as s3://BUCKET/PREFIX?endpoint=https://HOST&region=REGION; "
            "without it, files in the data directory. See [Blobs in S3](../deploy/s3.md)."
        ),
    ] = None
    key_id: Annotated[
        str | None, Doc(description="The access key's id; without it, what the environment or the machine offers.")
    ] = None
    secret_key: Annotated[
        str | None, Doc(description="The access key's secret. Best from a file.", extra={"secret": True})
    ] = None
    session_token: Annotated[
        str | None, Doc(description="The session token of a temporary access key.", extra={"secret": True})
    ] = None
    patience_seconds: Annotated[
        int, Doc(ge=1, description="For how long a request to the store is tried again before it is given up.")
    ] = 30


class Push(msgspec.Struct, frozen=True, kw_only=True):
    """Messages to push services, for clients that subscribe."""

    interval_seconds: Annotated[
        int, Doc(ge=0, description="The shortest time between two messages to one subscription; changes are gathered.")
    ] = 2
    contact: Annotated[
        str | None,
        Doc(
            description="A mailto: or https: URL by which push services reach you; without it, the public URL, or"
            " postmaster at the host name."
        ),
    ] = None


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """Where the data is."""

    url: Annotated[
        str | None,
        Doc(
            description="A database on a PostgreSQL server, such as postgresql://USER:PASSWORD@HOST/DATABASE; "
            "without it, one file in the data directory. See [Several nodes](../deploy/scale.md).",
            extra={"secret": True},
        ),
    ] = None
    connections: Annotated[
        int, Doc(ge=6, description="How many connections to PostgreSQL each process opens at most, but for two.")
    ] = 16


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says of itself, on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"], Doc(description="The least important messages to write.")
    ] = "info"
    format: Annotated[Literal["text", "json"], Doc(description="Lines for people, or one JSON object a line.")] = "text"
    slow_ms: Annotated[
        int,
        Doc(ge=0, description="Tell of requests, methods, reads, writes and commits that take so long; 0: of none."),
    ] = 500


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers for Prometheus at /metrics; nobody gets them unless one of these settings says so."""

    listen: Annotated[
        tuple[str, ...],
        Doc(description="Addresses of a listener of its own for /metrics and /healthz, such as 127.0.0.1:9464."),
    ] = ()
    allow: Annotated[
        tuple[str, ...],
        Doc(description='Addresses, networks or "unix" that may ask http.listen for /metrics and details of health.'),
    ] = ()
    token: Annotated[
        str | None,
        Doc(description="Who asks, wherever, must show this as a Bearer token.", extra={"secret": True}),
    ] = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """When the server says of itself, at /healthz/ready, that it can serve."""

    min_free_octets: Annotated[
        int, Doc(ge=0, description="How much must be free on the disk of the data directory.")
    ] = 100_000_000
    drain_seconds: Annotated[
        int, Doc(ge=0, description="How long to go on serving when told to stop, while /healthz/ready says no already.")
    ] = 0


class Tracing(msgspec.Struct, frozen=True, kw_only=True):
    """Traces for OpenTelemetry; needs the extra `opentelemetry`."""

    endpoint: Annotated[
        str | None,
        Doc(description="Where to send spans by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces."),
    ] = None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings."""

    data: Annotated[Path, Doc(description="The data directory: the store, and nothing else.")] = Path(
        "/var/lib/pillarbox"
    )
    hostname: Annotated[str, Doc(description="The name by which the server greets other mail servers.")] = "localhost"
    workers: Annotated[
        int, Doc(ge=0, le=256, description="How many processes answer; 0: as many as there are processor cores.")
    ] = 0
    cache_octets: Annotated[
        int,
        Doc(
            ge=0,
            description="How much all processes together remember at most of mailboxes, searches and records, to answer"
            " sooner; each has an equal part of it. Where mailboxes have 100,000 messages and more, more is of use.",
        ),
    ] = 192_000_000
    stop_seconds: Annotated[
        int, Doc(ge=1, description="How long requests under way may take to end when the server stops or reloads.")
    ] = 10
    http: Http = msgspec.field(default_factory=Http)
    tls: Tls = msgspec.field(default_factory=Tls)
    lmtp: Lmtp = msgspec.field(default_factory=Lmtp)
    imap: Imap = msgspec.field(default_factory=Imap)
    pop3: Pop3 = msgspec.field(default_factory=Pop3)
    smtp: Smtp = msgspec.field(default_factory=Smtp)
    submission: Submission = msgspec.field(default_factory=Submission)
    login: Login = msgspec.field(default_factory=Login)
    dkim: Dkim = msgspec.field(default_factory=Dkim)
    dns: Dns = msgspec.field(default_factory=Dns)
    screening: Screening = msgspec.field(default_factory=Screening)
    relay: Relay = msgspec.field(default_factory=Relay)
    reports: Reports = msgspec.field(default_factory=Reports)
    hooks: Hooks = msgspec.field(default_factory=Hooks)
    push: Push = msgspec.field(default_factory=Push)
    outbound: Outbound = msgspec.field(default_factory=Outbound)
    storage: Storage = msgspec.field(default_factory=Storage)
    blobs: Blobs = msgspec.field(default_factory=Blobs)
    log: Log = msgspec.field(default_factory=Log)
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    health: Health = msgspec.field(default_factory=Health)
    tracing: Tracing = msgspec.field(default_factory=Tracing)
    limits: Limits = msgspec.field(default_factory=Limits)
