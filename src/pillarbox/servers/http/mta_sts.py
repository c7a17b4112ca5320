"""The policy host of domains of this server: `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.

RFC 8461 §3.3. Which domain it is about is in the name by which the client came.
"""

from __future__ import annotations

from pillarbox.net.bridge import Bridge
from pillarbox.servers.http.answer import Answer
from pillarbox.servers.http.forwarded import Forwarding
from pillarbox.servers.http.problem import Problem
from pillarbox.servers.http.request import Request
from pillarbox.servers.http.router import Route
from pillarbox.services.mta_sts_policy import policy_text

PATH = "/.well-known/mta-sts.txt"
_PREFIX = "mta-sts."


class StsResource:
    """Answers with the policy of the domain whose policy host was asked."""

    def __init__(self, bridge: Bridge, forwarding: Forwarding, hostname: str) -> None:
        self._bridge, self._forwarding, self._hostname = bridge, forwarding, hostname

    async def get(self, request: Request) -> Answer:
        """The policy as text. Raises a 404 problem for any other name."""
        name = self._forwarding.host(request).rpartition(":")[0] or self._forwarding.host(request)
        domain = name.lower().rstrip(".")
        if domain.startswith(_PREFIX):
            domain = domain.removeprefix(_PREFIX)
            text = await self._bridge.read(lambda view: policy_text(view, domain, self._hostname))
            if text is not None:
                return Answer(200, ((b"content-type", b"text/plain; charset=utf-8"),), text)
        raise Problem(404, "there is no policy of this name")

    def routes(self) -> list[Route]:
        """Where it is."""
        return [Route(PATH, {"GET": self.get}, name="mta-sts")]
