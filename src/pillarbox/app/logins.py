"""The way in for the protocols that are not HTTP, as the settings want it."""

from __future__ import annotations

from pillarbox.app.config.settings import Settings
from pillarbox.services.authentication import Authentication
from pillarbox.services.login import Logins, Policy


def logins_of(settings: Settings, authentication: Authentication) -> Logins:
    """What all mail protocols of a process share."""
    login = settings.login
    return Logins(authentication, Policy(login.without_tls, login.scram, login.certificate_binding))
