"""The ticket resource: what a browser needs to open a WebSocket or an event stream, where it cannot send headers."""

from __future__ import annotations

from pillarbox.core.clock import utc_date
from pillarbox.net.bridge import Bridge
from pillarbox.servers.http.answer import Answer, json_answer
from pillarbox.servers.http.authorization import Gate
from pillarbox.servers.http.request import Request
from pillarbox.services.ticket import issue


class TicketResource:
    """Answers POST of the ticket's address."""

    def __init__(self, gate: Gate, bridge: Bridge) -> None:
        self._gate, self._bridge = gate, bridge

    async def post(self, request: Request) -> Answer:
        """A new ticket for the login that asks: it is worth what that is worth, once, for half a minute."""
        login = (await self._gate.login(request)).login
        account, app_password, password_hash = login.caller.account, login.app_password, login.password_hash
        ticket, until = await self._bridge.write(lambda tx: issue(tx, account, app_password, password_hash))
        return json_answer({"ticket": ticket, "validUntil": utc_date(until)}, status=201)
