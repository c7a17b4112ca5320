"""Core/echo: gives the arguments back, so that a client can try the connection (RFC 8620 §4)."""

from __future__ import annotations

from pillarbox.datatypes.declare import MethodCall
from pillarbox.datatypes.view import View
from pillarbox.services.methods.method import Method, Result
from pillarbox.services.methods.request import CORE


def echo(_: View, call: MethodCall) -> Result:
    """Exactly the arguments."""
    return call.arguments


ECHO = Method("Core/echo", CORE, {}, read=echo, has_account=False, checks_arguments=False)
