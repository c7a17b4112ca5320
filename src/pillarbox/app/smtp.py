"""The SMTP listeners of a process, put together: mail from other servers, and from people who log in."""

from __future__ import annotations

from collections.abc import Callable

from pillarbox.app.config.settings import Settings
from pillarbox.app.hooks import hook_stages
from pillarbox.app.listening import Listening, ServeError
from pillarbox.app.logins import logins_of
from pillarbox.app.outside import Outside
from pillarbox.app.place import Place
from pillarbox.app.screening import ScreeningError, block_lists_of, screening_stages
from pillarbox.app.sending import sender_of
from pillarbox.net.accept import Secure
from pillarbox.net.bridge import Bridge
from pillarbox.net.certificate import CertificateError
from pillarbox.net.count import Seat
from pillarbox.net.dns.lazy import Resolves
from pillarbox.net.guarded_http import GuardedClient
from pillarbox.net.handshake import Handshakes
from pillarbox.net.recheck import Rechecks
from pillarbox.net.spool import Spooler
from pillarbox.net.tls import SMTP, TlsContexts
from pillarbox.servers.smtp.authenticity import Authenticity, Policy
from pillarbox.servers.smtp.checks import Checks
from pillarbox.servers.smtp.connection import Connection, Decide
from pillarbox.servers.smtp.dialogue import Dialogue
from pillarbox.servers.smtp.hook import HookError
from pillarbox.servers.smtp.inbound import Inbound, InboundDialogue
from pillarbox.servers.smtp.known_recipient import KnownRecipients
from pillarbox.servers.smtp.listener import MailListener
from pillarbox.servers.smtp.settings import InboundSettings, SmtpSettings, SubmissionSettings
from pillarbox.servers.smtp.stage import Stage
from pillarbox.servers.smtp.submission import Submission, SubmissionDialogue
from pillarbox.services.allowance import Allowances
from pillarbox.services.authentication import Authentication
from pillarbox.wire.smtp.session import Session
from pillarbox.wire.smtp.state import Extensions, Options


def check(settings: Settings, client: GuardedClient) -> None:
    """Raise ServeError for what the listeners could not be made with; told before there are processes."""
    try:
        block_lists_of(settings.screening)
        for make in hook_stages(settings, client):
            make()  # a hook of a package is what it should be
    except (HookError, ScreeningError) as error:
        raise ServeError(str(error)) from None


def inbound_listener(
    settings: Settings,
    bridge: Bridge,
    listening: Listening,
    place: Place,
    counts: Seat,
    tls: TlsContexts | None,
    outside: Outside,
) -> MailListener:
    """Mail from other servers, on the sockets that there are for it. Raises HookError and ScreeningError."""
    smtp = settings.smtp
    known = KnownRecipients(bridge.store.clock)
    bridge.store.listeners.append(known.changed)
    shared = Inbound(
        bridge=bridge,
        spooler=Spooler(bridge.store.folder / "spool"),
        allowances=Allowances(bridge.store.clock, place.commons.usage),
        known=known,
        checks=_checks(settings, bridge, outside.resolver),
        reports=outside.inbox,
        counts=outside.counts,
        failures=outside.failures,
        stages=_inbound_stages(settings, bridge, outside),
    )
    own = InboundSettings(
        hostname=settings.hostname,
        max_size=settings.limits.max_size_message,
        max_recipients=smtp.max_recipients,
        max_connections=smtp.max_connections,
        max_connections_per_address=smtp.max_connections_per_address,
        max_connections_per_network=smtp.max_connections_per_network,
        patience_seconds=smtp.patience_seconds,
        stop_seconds=settings.stop_seconds,
        max_hops=smtp.max_hops,
        free_unknown=smtp.unknown_recipients_an_hour,
        tarpit_seconds=smtp.tarpit_seconds,
        xclient_from=smtp.xclient_from,
        trusted_proxies=smtp.trusted_proxies,
    )
    options = options_of(own, Extensions(dsn=True, require_tls=True, limits=True))
    return MailListener(
        own,
        _beginning(options, shared.spooler, lambda wire: InboundDialogue(shared, own, wire)),
        listening.smtp,
        handshakes=Handshakes(tls, SMTP) if tls is not None else None,
        counts=counts,
        loads=place.commons.smtp,
        seat=place.seat,
    )


def _inbound_stages(settings: Settings, bridge: Bridge, outside: Outside) -> list[Callable[[], Stage]]:
    screening = screening_stages(settings.screening, bridge, outside.resolver)
    return [*screening, *hook_stages(settings, outside.client)]


def _checks(settings: Settings, bridge: Bridge, resolver: Resolves) -> Checks | None:
    smtp = settings.smtp
    if not smtp.authenticate:
        return None
    sealers = tuple(name.lower() for name in smtp.trusted_arc_sealers)
    return Authenticity(
        bridge, resolver, Policy(hostname=settings.hostname, dmarc=smtp.dmarc, trusted_arc_sealers=sealers)
    )


def submission_listener(
    settings: Settings,
    bridge: Bridge,
    authentication: Authentication,
    listening: Listening,
    place: Place,
    counts: Seat,
    tls: TlsContexts | None,
    outside: Outside,
) -> MailListener:
    """Mail from people who log in, on the sockets that there are for it. Raises CertificateError and HookError."""
    if listening.submissions and tls is None:  # new settings have lost them, and the sockets are open still
        raise CertificateError("submission.tls_listen is set, and tls.certificates names none")
    handshakes = Handshakes(tls, SMTP) if tls is not None else None
    stages: list[Callable[[], Stage]] = hook_stages(settings, outside.client) if settings.hooks.submission else []
    shared = Submission(
        bridge=bridge,
        spooler=Spooler(bridge.store.folder / "spool"),
        allowances=Allowances(bridge.store.clock, place.commons.usage),
        stages=stages,
        logins=logins_of(settings, authentication),
        rechecks=Rechecks(bridge, authentication),
        sender=sender_of(settings),
    )
    own = _submission_settings(settings)
    options = options_of(own, submission_extensions(own))
    return MailListener(
        own,
        _beginning(options, shared.spooler, lambda wire: SubmissionDialogue(shared, own, wire)),
        listening.submission,
        secure=Secure(listening.submissions, handshakes) if handshakes is not None else None,
        handshakes=handshakes,
        counts=counts,
        loads=place.commons.submission,
        seat=place.seat,
    )


def _submission_settings(settings: Settings) -> SubmissionSettings:
    given = settings.submission
    return SubmissionSettings(
        hostname=settings.hostname,
        max_size=settings.limits.max_size_message,
        max_recipients=settings.limits.max_recipients,
        max_connections_per_address=given.max_connections_per_address,
        stop_seconds=settings.stop_seconds,
        free_unknown=settings.smtp.unknown_recipients_an_hour,
        tarpit_seconds=settings.smtp.tarpit_seconds,
        slow_seconds=given.slow_seconds,
        trusted_proxies=given.trusted_proxies,
        hold_seconds=settings.limits.max_delayed_send_seconds,
    )


def submission_extensions(settings: SubmissionSettings) -> Extensions:
    """What people's programs may use."""
    return Extensions(
        dsn=True,
        require_tls=True,
        hold_seconds=settings.hold_seconds,
        deliver_by=True,
        priority=True,
        limits=True,
        burl=True,
    )


def options_of(settings: SmtpSettings, extensions: Extensions) -> Options:
    """How the conversations of a listener go."""
    return Options(
        hostname=settings.hostname,
        max_size=settings.max_size,
        max_recipients=settings.max_recipients,
        max_errors=settings.max_errors,
        max_idle=settings.max_idle,
        refuse_nul=True,
        asks_all=True,
        needs_login=isinstance(settings, SubmissionSettings),
        extensions=extensions,
    )


def _beginning(
    options: Options, spooler: Spooler, make: Callable[[Connection], Dialogue]
) -> Callable[[Connection], tuple[Session, Decide]]:
    def begin(wire: Connection) -> tuple[Session, Decide]:
        dialogue, session = make(wire), Session(options, spooler.open)
        dialogue.begin(session)
        return session, dialogue

    return begin
