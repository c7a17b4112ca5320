"""The certificates of a server: loaded before the fork, so that a process that takes another's place needs no files."""

from __future__ import annotations

import msgspec

from pillarbox.app.config.settings import Settings, Tls
from pillarbox.net.certificate import CertificateError
from pillarbox.net.tls import TlsContexts, TlsSettings, warn


def load_certificates(settings: Settings) -> TlsContexts | None:
    """What the settings name; None when they name nothing, and nothing needs it. Raises CertificateError."""
    if not settings.tls.certificates:
        if (needs := _needs_tls(settings)) is not None:
            raise CertificateError(f"{needs} is set, and needs a certificate: tls.certificates names none")
        return None
    tls = settings.tls
    return TlsContexts(
        TlsSettings(certificates=tls.certificates, min_version=tls.min_version, session_tickets=tls.session_tickets)
    )


def _needs_tls(settings: Settings) -> str | None:
    """A setting that makes no sense without a certificate."""
    for field in msgspec.structs.fields(settings):
        if getattr(getattr(settings, field.name), "tls_listen", ()):
            return f"{field.name}.tls_listen"
    return None


class CertificateStore:
    """What was loaded for the settings that hold, and for those that are to hold."""

    def __init__(self) -> None:
        self._loaded: dict[Tls, TlsContexts | None] = {}

    def load(self, settings: Settings) -> None:
        """Load what the settings name, also if it is there already: the files may be others. Raises CertificateError.

        What was loaded before stays, for the settings of before may come back.
        """
        contexts = load_certificates(settings)
        if contexts is not None:
            warn(contexts.certificates)
        self._loaded.pop(settings.tls, None)
        self._loaded[settings.tls] = contexts
        for old in list(self._loaded)[:-2]:
            del self._loaded[old]

    def of(self, settings: Settings) -> TlsContexts | None:
        """The contexts for settings that were loaded."""
        return self._loaded[settings.tls]
