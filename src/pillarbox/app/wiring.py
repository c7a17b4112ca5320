"""Puts the house together: the only place that knows everybody. Constructors get what they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pillarbox.app.allocator import give_back
from pillarbox.app.config.settings import Settings
from pillarbox.app.dkim import key_worker
from pillarbox.app.dns import asks_dns, resolver_of
from pillarbox.app.listening import Listening
from pillarbox.app.lmtp import lmtp_listener
from pillarbox.app.loading import load_imap, load_pop3, load_relay, load_smtp
from pillarbox.app.outside import Outside, outbound_client
from pillarbox.app.place import Place
from pillarbox.app.reports import reporting_of
from pillarbox.app.restoring import open_whole_store
from pillarbox.app.sending import sending_of
from pillarbox.app.watching import Watching, build_watching
from pillarbox.core.account import DIRECTORY
from pillarbox.core.limits import Limits
from pillarbox.datatypes.admin.scram_secret import ensure_scram_secret
from pillarbox.datatypes.push_subscription import RULES as PUSH_RULES
from pillarbox.datatypes.registry import TYPES
from pillarbox.net.accept import Secure
from pillarbox.net.announce import Announcer
from pillarbox.net.bridge import Bridge
from pillarbox.net.certificate import CertificateError
from pillarbox.net.count import Seat
from pillarbox.net.datagram import Datagrams
from pillarbox.net.dns.lazy import LazyResolver
from pillarbox.net.embedded_bridge import EmbeddedBridge
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.tls import TlsContexts
from pillarbox.servers.http.admission import Admission
from pillarbox.servers.http.app import HttpApp
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.listener import HttpListener, https
from pillarbox.servers.http.mta_sts import StsResource
from pillarbox.servers.http.settings import HttpSettings
from pillarbox.servers.jmap.server import jmap_routes
from pillarbox.servers.smtp.listener import MailListener
from pillarbox.services.authentication import Authentication
from pillarbox.services.provision import connect_rules
from pillarbox.services.push_key import ensure_key
from pillarbox.services.queue_throttle import declare_throttles
from pillarbox.services.registry import METHODS
from pillarbox.services.submission import Sender
from pillarbox.storage.blob import BlobStore
from pillarbox.storage.blob_open import open_blobs
from pillarbox.storage.blob_url import BlobAccess
from pillarbox.storage.database import StoreError
from pillarbox.storage.embedded import EmbeddedStore
from pillarbox.storage.store import Store
from pillarbox.storage.transaction import Transaction
from pillarbox.workers.certificate_watch import CertificateWatch
from pillarbox.workers.dkim_keys import DkimKeys
from pillarbox.workers.failure_sending import FailureSending
from pillarbox.workers.give_back import GiveBack
from pillarbox.workers.housekeeping import Housekeeping
from pillarbox.workers.outbox import OutboxWorker
from pillarbox.workers.push import PushWorker
from pillarbox.workers.push_line import PushTiming
from pillarbox.workers.push_request import PushSender
from pillarbox.workers.report_counter import ReportCounter
from pillarbox.workers.report_intake import ReportIntake
from pillarbox.workers.report_sending import ReportSending
from pillarbox.workers.sample import Sampler
from pillarbox.workers.watch import Watch

if TYPE_CHECKING:
    from pillarbox.servers.imap.listener import ImapListener
    from pillarbox.servers.pop3.listener import Pop3Listener
    from pillarbox.workers.relay.worker import RelayWorker
    from pillarbox.workers.sending_reports import SendingReports

Listener: TypeAlias = "HttpListener | MailListener | ImapListener | Pop3Listener"
Worker: TypeAlias = (
    "Housekeeping | OutboxWorker | Watch | Sampler | PushWorker | Announcer | CertificateWatch | DkimKeys | RelayWorker"
    " | ReportIntake | ReportCounter | ReportSending | FailureSending | SendingReports | GiveBack"
)


def blobs_of(settings: Settings) -> BlobStore | None:
    """Where the settings say that large blobs are; None: in the database. Nothing is connected to. Raises StoreError.

    Files are for one node: on PostgreSQL large blobs are in the database or in S3.
    """
    if settings.storage.url is not None and settings.blobs.url is None:
        return None
    folder = settings.data / "blobs"
    if settings.blobs.url is not None and any(folder.glob("??/b*")):
        raise StoreError(f"blobs.url is set, but there are blobs in {folder}: `pillarbox store move-blobs` moves them")
    return blobs_at(settings, settings.blobs.url)


def blobs_at(settings: Settings, url: str | None) -> BlobStore:
    """The store of large blobs at a URL; files in the data directory without one. Raises StoreError."""
    blobs = settings.blobs
    access = BlobAccess(
        key_id=blobs.key_id,
        secret=blobs.secret_key,
        session_token=blobs.session_token,
        seconds=blobs.patience_seconds,
    )
    return open_blobs(url, access, settings.data / "blobs")


def open_store(
    folder: Path,
    limits: Limits | None = None,
    hostname: str = "localhost",
    blobs: BlobStore | None = None,
    url: str | None = None,
    *,
    scram: bool | None = None,
) -> Store:
    """The store, made when it is not there, with its directory: in a folder or at a URL. Raises StoreError.

    `scram`: whether keys for SCRAM are made of passwords from now on; None leaves it as it is.
    """
    connect_rules()
    Sender(hostname).connect_rules()
    store = open_whole_store(url, folder, limits=limits, blobs=blobs)
    store.write(lambda tx: _furnish(tx, scram=scram))
    return store


def _furnish(tx: Transaction, *, scram: bool | None) -> None:
    tx.add_account(DIRECTORY)
    ensure_key(tx)
    ensure_scram_secret(tx, is_on=scram)


@dataclass(frozen=True, slots=True)
class House:
    """Everything of one process that has to be started and stopped."""

    store: Store
    bridge: Bridge
    listeners: Sequence[Listener]
    workers: Sequence[Worker]
    watching: Watching
    resolver: LazyResolver


def bridge_to(store: Store, connections: int = 16) -> Bridge:
    """The bridge that suits the store's engine, with what tells other nodes."""
    if isinstance(store, EmbeddedStore):
        return EmbeddedBridge(store)
    from pillarbox.net.notify import Notifications  # noqa: PLC0415 -- only who has PostgreSQL's driver pays for it
    from pillarbox.net.pooled_bridge import PooledBridge  # noqa: PLC0415
    from pillarbox.storage.postgresql.store import PostgresStore  # noqa: PLC0415

    assert isinstance(store, PostgresStore)
    bridge = PooledBridge(store, threads=connections)
    bridge.announcers.append(Notifications(bridge, store))
    return bridge


def build(
    settings: Settings,
    store: Store,
    listening: Listening,
    place: Place | None = None,
    tls: TlsContexts | None = None,
) -> House:
    """The house of a process, ready to be started on an event loop. Call it on that loop's thread."""
    place = place or Place()
    commons, seat = place.commons, place.seat
    counts = commons.counts.seat(seat)
    bridge = bridge_to(store, settings.storage.connections)
    if not bridge.announcers:  # where nodes are told, other processes are told in the same way
        bridge.announcers.append(Datagrams(bridge, commons.mailboxes, seat))
    authentication = Authentication(store.clock, commons.failures)
    store.listeners.append(authentication.changed)
    http = _http_settings(settings)
    watching = build_watching(bridge, settings, http, listening.metrics)
    routes = [*jmap_routes(bridge, METHODS, TYPES, authentication, http, counts=counts), *watching.routes]
    routes += StsResource(bridge, Forwarding(http.public_url, http.trusted_proxies), settings.hostname).routes()
    app = HttpApp(http, routes, bridge.run, _admission(settings, http, counts))
    resolver = resolver_of(settings.dns)
    client = outbound_client(settings, resolver)
    PUSH_RULES.complaint = client.complaint
    sender, sending_reports = sending_of(settings, bridge)
    outbox, push = OutboxWorker(bridge, sender), _push_worker(settings, bridge, client)
    reporting = reporting_of(settings, bridge, Outside(client, resolver), has_duties=place.has_duties)
    relay = (load_relay()(settings, bridge, resolver, reporting.tally),) if settings.relay.enabled else ()
    keys = key_worker(settings.dkim, bridge, resolver)
    duties = (outbox, push, keys, *relay) if place.has_duties else ()
    housekeeping = Housekeeping(bridge, authentication, for_all=place.has_duties)
    workers: tuple[Worker, ...] = (
        *bridge.announcers,
        Watch(bridge, TYPES),
        housekeeping,
        watching.sampler,
        GiveBack(bridge, give_back),
        sending_reports,
        *reporting.workers,
        *duties,
    )
    if tls is not None:
        workers = (*workers, CertificateWatch(bridge, tls, for_all=place.has_duties))
    secure, stop = _secure(listening, tls), settings.stop_seconds
    listeners = (
        HttpListener(app, listening.http, stop_seconds=stop, loads=commons.http, seat=seat, secure=secure),
        lmtp_listener(settings, bridge, listening, place, counts, tls, reporting.inbox),
        *_mail_listeners(settings, bridge, authentication, listening, place, counts, tls),
        *_smtp_listeners(settings, bridge, authentication, listening, place, counts, tls, reporting.outside),
    )
    return House(store, bridge, listeners, workers, watching, resolver)


def _secure(listening: Listening, tls: TlsContexts | None) -> Secure | None:
    if listening.https and tls is None:  # new settings have lost them, and the sockets are open still
        raise CertificateError("http.tls_listen is set, and tls.certificates names none")
    return https(tls, listening.https) if tls is not None else None


def _admission(settings: Settings, http: HttpSettings, counts: Seat) -> Admission:
    limits = settings.limits
    return Admission(
        Forwarding(http.public_url, http.trusted_proxies),
        counts,
        per_address=limits.max_connections_per_address,
        per_process=limits.max_connections,
    )


def _push_worker(settings: Settings, bridge: Bridge, client: GuardedClient) -> PushWorker:
    public_url = settings.http.public_url or ""
    own = public_url if public_url.startswith("https://") else f"mailto:postmaster@{settings.hostname}"
    sender = PushSender(client, bridge.store.clock, settings.push.contact or own)
    return PushWorker(bridge, sender, TYPES, PushTiming(interval=settings.push.interval_seconds))


def _http_settings(settings: Settings) -> HttpSettings:
    http = settings.http
    return HttpSettings(
        public_url=http.public_url.rstrip("/") if http.public_url else None,
        trusted_proxies=http.trusted_proxies,
        allowed_origins=http.cors_origins,
        hsts_seconds=http.hsts_seconds,
        access_log=http.access_log,
        compress_from_octets=http.compress_from_octets,
    )


def _mail_listeners(
    settings: Settings,
    bridge: Bridge,
    authentication: Authentication,
    listening: Listening,
    place: Place,
    counts: Seat,
    tls: TlsContexts | None,
) -> Iterator[Listener]:
    """IMAP and POP3, where there are sockets for them: who does not offer them pays no memory for their code."""
    shared = settings, bridge, authentication, listening, place, counts, tls
    if listening.imap or listening.imaps:
        yield load_imap()(*shared)
    if listening.pop3 or listening.pop3s:
        yield load_pop3()(*shared)


def _smtp_listeners(
    settings: Settings,
    bridge: Bridge,
    authentication: Authentication,
    listening: Listening,
    place: Place,
    counts: Seat,
    tls: TlsContexts | None,
    outside: Outside,
) -> Iterator[Listener]:
    """SMTP and submission, in the same way."""
    if listening.smtp:
        yield load_smtp().inbound_listener(settings, bridge, listening, place, counts, tls, outside)
    if listening.submission or listening.submissions:
        shared = settings, bridge, authentication, listening, place, counts, tls, outside
        yield load_smtp().submission_listener(*shared)


def preload(settings: Settings) -> None:
    """Load the code that the settings ask for, so that all processes share it. Raises ServeError."""
    if settings.imap.listen or settings.imap.tls_listen:
        load_imap()
    if settings.smtp.listen or settings.submission.listen or settings.submission.tls_listen:
        load_smtp().check(settings, outbound_client(settings))
    if settings.relay.enabled:
        load_relay()
        declare_throttles(settings.relay.throttles)
    if asks_dns(settings):
        LazyResolver.preload()
    if settings.pop3.listen or settings.pop3.tls_listen:
        load_pop3()
