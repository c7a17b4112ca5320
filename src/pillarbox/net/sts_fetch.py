"""A domain's MTA-STS policy from the host that has to have it.

RFC 8461 §3.3: over HTTPS with a certificate for the policy host, no redirects, `text/plain`, 64 kB at most.
"""

from __future__ import annotations

from pillarbox.core.dns import Question
from pillarbox.formats.mta_sts import MAX_OCTETS, Policy, StsError, parse_policy
from pillarbox.net.dns.lazy import Resolves
from pillarbox.net.guarded_http import GuardedClient, Resolve, Unreachable

_SECONDS = 30.0  # RFC 8461 §3.3 suggests a minute, while mail waits
_HTTPS = 443


async def fetch_policy(client: GuardedClient, domain: str, port: int = _HTTPS) -> Policy:
    """The policy of a domain. Raises OutboundError when nobody serves it, StsError when it is none."""
    place = "" if port == _HTTPS else f":{port}"
    url = f"https://mta-sts.{domain}{place}/.well-known/mta-sts.txt"
    answer = await client.send("GET", url, {"Accept": "text/plain"}, seconds=_SECONDS, max_octets=MAX_OCTETS)
    if answer.status != 200:  # RFC 8461 §3.3: "HTTP 3xx redirects MUST NOT be followed"
        raise StsError(f"the policy host answered {answer.status}")
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "text/plain":
        raise StsError(f"the policy is not text/plain but {media[:80] or 'of no type'}")
    return parse_policy(answer.body)


def resolve_by(resolver: Resolves) -> Resolve:
    """How a guarded client finds addresses by our resolver, which knows of zone files."""

    async def resolve(name: str, _port: int) -> list[str]:
        six, four = await resolver.ask(Question(name, "AAAA")), await resolver.ask(Question(name, "A"))
        found = [*four.texts(), *six.texts()]
        if not found:
            raise Unreachable(f"{name} cannot be resolved: {four.status.value}")
        return found

    return resolve
